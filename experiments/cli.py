"""The command line: options and help here, what commands do in experiments/commands, loaded when one is called.

Exit codes: 0 done, 2 wrong usage or config, 3 finished with failed runs, 4 an invariant failed, 130 interrupted.
Results go to stdout, progress and problems to stderr.
"""

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.exits import INTERRUPTED, INVARIANT, OK, USAGE
from sim.errors import ConfigError, InvariantError, SpilloverError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Agent-based DeFi market simulator: which allocation rule is good for you, and what does it do to all others?",
)

Config = Annotated[
    str, typer.Argument(metavar="CONFIG", help="A preset (see `spillover list presets`) or a .toml file.")
]
Place = Annotated[Path, typer.Argument(metavar="DIR", help="An output folder.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change one setting, such as agents.noise.count=0. Repeatable."),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="A Python file that registers components. Repeatable."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Seed of all random streams, in place of the config's.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what another run left in the output folder.")]
Replication = Annotated[int | None, typer.Option(min=0, help="Which replication; the first finished one if not given.")]


class Picture(StrEnum):
    """File formats of pictures."""

    svg = "svg"
    png = "png"


class Reuse(StrEnum):
    """Which earlier runs of a folder a sweep uses again."""

    code = "code"
    config = "config"
    never = "never"


class Engine(StrEnum):
    """Where the runs of a sweep are computed."""

    local = "local"
    ray = "ray"


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
) -> None:
    """Agent-based DeFi market simulator: which allocation rule is good for you, and what does it do to all others?"""
    if version:
        _call("catalogue", "version")
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    config: Config,
    seed: Seed = None,
    replications: Annotated[int | None, typer.Option(min=1, help="Runs on independent draws.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core at most, if not given.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/NAME if not given.")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    json: Json = False,
    report: Annotated[bool, typer.Option(help="Write report.html at the end.")] = True,
    force: Force = False,
    replication: Annotated[int | None, typer.Option(min=0, help="Only this replication.")] = None,
) -> None:
    """Run a config: outcomes, an output folder and a report."""
    settings: dict[str, Any] = {"config": config, "out": out, "sets": sets, "plugins": plugin, "as_json": json}
    numbers: dict[str, Any] = {"seed": seed, "replications": replications, "workers": workers}
    numbers["replication"] = replication
    _call("run", **settings, **numbers, report=report, force=force)


@app.command()
def sweep(
    config: Config,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core if not given.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/NAME if not given.")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only estimate count, time and disk space.")] = False,
    reuse: Annotated[Reuse, typer.Option(help="Earlier runs of the folder to use.")] = Reuse.code,
    engine: Annotated[Engine, typer.Option(help="Where runs are computed.")] = Engine.local,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster; one on this machine if not given.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Run the [sweep] of a config; started again, it goes on where it was stopped."""
    settings: dict[str, Any] = {"config": config, "out": out, "sets": sets, "plugins": plugin, "as_json": json}
    where: dict[str, Any] = {"engine": engine.value, "address": address, "workers": workers}
    _call("sweep", **settings, **where, dry_run=dry_run, reuse=reuse.value, force=force)


@app.command()
def verify(place: Place, json: Json = False) -> None:
    """Compare the files of an output folder with their hashes."""
    _call("verify", place=place, as_json=json)


@app.command()
def query(
    place: Annotated[str, typer.Argument(metavar="DIR", help="A folder of `spillover sweep`, or its URL.")],
    sql: Annotated[str, typer.Argument(metavar="SQL", help="Tables: runs, host, and those kept, such as steps.")],
    json: Json = False,
) -> None:
    """Ask the tables of a sweep in SQL."""
    _call("query", place=place, query=sql, as_json=json)


@app.command()
def steward(
    config: Config,
    change: Annotated[
        str, typer.Option(metavar="PATH=VALUE", help="protocols.POOL.reserves.ASSET.PARAMETER and the proposed value.")
    ],
    changes: Annotated[int, typer.Option(min=1, help="Changes in a row that may be used; limits hold for each.")] = 1,
    runs: Annotated[int, typer.Option(min=2, help="Runs of each value and volatility, on common random numbers.")] = 80,
    volatility: Annotated[
        list[float] | None, typer.Option(metavar="FACTOR", help="Times the config's; 1 if not given. Repeatable.")
    ] = None,
    frontier: Annotated[int, typer.Option(min=2, help="Values within the steward's reach on the frontier.")] = 5,
    level: Annotated[float, typer.Option(help="Confidence level of all intervals.")] = 0.95,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core if not given.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/NAME if not given.")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    reuse: Annotated[Reuse, typer.Option(help="Earlier runs of the folder to use.")] = Reuse.code,
    force: Force = False,
    json: Json = False,
) -> None:
    """Judge a new value of a lending parameter: a report in HTML and JSON; started again, it goes on."""
    settings: dict[str, Any] = {"config": config, "out": out, "sets": sets, "plugins": plugin, "as_json": json}
    study: dict[str, Any] = {"change": change, "changes": changes, "runs": runs, "volatility": volatility}
    _call(
        "steward", **settings, **study, frontier=frontier, level=level, workers=workers, reuse=reuse.value, force=force
    )


@app.command()
def calibrate(
    config: Config,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one per core if not given.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Output folder; runs/NAME if not given.")] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Fit settings to a record, as [calibrate] says, with intervals; started again, it goes on."""
    settings: dict[str, Any] = {"config": config, "out": out, "sets": sets, "plugins": plugin, "as_json": json}
    _call("calibrate", **settings, workers=workers)


@app.command()
def check(config: Config, sets: Sets = None, plugin: Plugins = None, json: Json = False) -> None:
    """Check a config, with its opening positions."""
    _call("check", config=config, sets=sets, plugins=plugin, as_json=json)


@app.command("list")
def list_(
    family: Annotated[str | None, typer.Argument(metavar="[FAMILY]", help="One family, or presets.")] = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """List presets and the components of each family."""
    _call("catalogue", "components", family=family, plugins=plugin, as_json=json)


@app.command()
def schema(
    plugin: Plugins = None,
    steward: Annotated[bool, typer.Option("--steward", help="Of steward.json instead.")] = False,
) -> None:
    """Print the JSON Schema of config files, for editors."""
    _call("catalogue", "schema", plugins=plugin, steward=steward)


@app.command()
def phases(
    target: Annotated[
        str | None,
        typer.Argument(metavar="[CONFIG|DIR]", help="Add the time per phase: run a config, or read a folder."),
    ] = None,
    sets: Sets = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Print the tick table, with a config also its timing."""
    _call("phases", target=target, sets=sets, plugins=plugin, as_json=json)


@app.command()
def plot(
    place: Place,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One picture; all if not given.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; DIR/plots if not given.")] = None,
    picture: Annotated[Picture | None, typer.Option("--format", help="File format; both if not given.")] = None,
    json: Json = False,
) -> None:
    """Draw pictures of an output folder."""
    _call(
        "pictures",
        "plot",
        place=place,
        name=name,
        out=out,
        suffixes=[picture] if picture else list(Picture),
        as_json=json,
    )


@app.command()
def analyse(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="An output folder of `spillover sweep`.")],
    outcome: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An outcome column to look at. Repeatable.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="TEXT", help='For phase diagram and scenario: "bad_debt_usd > 0".')
    ] = None,
    x: Annotated[str | None, typer.Option(metavar="AXIS", help="Axis across the phase diagram.")] = None,
    y: Annotated[str | None, typer.Option(metavar="AXIS", help="The other axis of the phase diagram.")] = None,
    base: Annotated[int, typer.Option(min=0, metavar="POINT", help="The point that others are compared with.")] = 0,
    level: Annotated[float, typer.Option(help="Confidence level of all intervals.")] = 0.95,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse sensitivity indices if runs that they need have failed.")
    ] = False,
    plots: Annotated[bool, typer.Option(help="Draw pictures into DIR/plots.")] = True,
    json: Json = False,
) -> None:
    """Analyse a sweep: tails, paired differences, sensitivity, phase diagram, scenarios."""
    names: dict[str, Any] = {"outcomes": outcome, "event": event, "x": x, "y": y, "base": base}
    _call("analyse", place=place, level=level, strict=strict, pictures=plots, as_json=json, **names)


@app.command()
def compare(
    place: Annotated[Path, typer.Argument(metavar="DIR", help="A sweep over rules and adoption, as of tournament.")],
    level: Annotated[float, typer.Option(help="Confidence level of all intervals.")] = 0.95,
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Rules by rising mispricing, as you expect it: tested. Repeatable."),
    ] = None,
    plots: Annotated[bool, typer.Option(help="Draw pictures into DIR/plots.")] = True,
    json: Json = False,
) -> None:
    """Compare allocation rules: what they do for their followers and to all others."""
    _call("compare", place=place, level=level, order=order, pictures=plots, as_json=json)


@app.command()
def report(place: Place, json: Json = False) -> None:
    """Write the report of an output folder again."""
    _call("pictures", "report", place=place, as_json=json)


@app.command()
def explain(
    place: Place,
    account: Annotated[str | None, typer.Option(metavar="N", help="An account, by number or name[row].")] = None,
    event: Annotated[int | None, typer.Option(metavar="N", help="An event by id.")] = None,
    replication: Replication = None,
    depth: Annotated[int, typer.Option(min=0, help="Generations of earlier liquidations to follow.")] = 2,
    top: Annotated[int, typer.Option(min=1, help="How many of each generation.")] = 3,
    json: Json = False,
) -> None:
    """Say why an account was liquidated.

    Prints a tree of causes with their shares, for the largest liquidation if neither account nor event is named.
    """
    choice: dict[str, Any] = {"account": account, "event": event, "replication": replication}
    _call("explain", place=place, depth=depth, top=top, as_json=json, **choice)


@app.command()
def view(
    place: Place,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 8000,
) -> None:
    """Serve the report of an output folder on 127.0.0.1."""
    _call("view", place=place, port=port)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all if none is named.", show_default=False)] = None,
    json: Json = False,
) -> None:
    """Measure speed against plain Mesa, libraries and plain Python, in one run."""
    _call("bench", names=names or [], as_json=json)


def _call(module: str, function: str = "main", **settings: Any) -> None:
    """Run a command and leave with its exit code; what is wrong with the input is one line per problem."""
    from experiments.provenance import check_packages

    try:
        check_packages()
        code = getattr(import_module(f"experiments.commands.{module}"), function)(**settings)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        code = USAGE
    except SpilloverError as error:
        typer.echo(" ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])]), err=True)
        code = INVARIANT if isinstance(error, InvariantError) else USAGE
    except OSError as error:
        typer.echo(_refused(error), err=True)
        code = USAGE
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise typer.Exit(code or OK)


def _refused(error: OSError) -> str:
    """What the system did not let us do, and where."""
    where = f'"{error.filename}"' if error.filename else "a file"
    return f"{where} cannot be read or written ({error.strerror or error}); check path, rights and free space"


def main() -> None:
    """Entry point of the command `spillover`."""
    app(prog_name="spillover")


if __name__ == "__main__":
    main()
