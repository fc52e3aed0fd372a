"""`spillover check`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.exits import OK, USAGE
from experiments.wording import count, duration
from sim.errors import ConfigError

if TYPE_CHECKING:
    from experiments.config import Config
    from sim.world import World


def main(config: str, sets: Sequence[str] | None, plugins: Sequence[str] | None, as_json: bool) -> int:
    """Load a config and open its positions; the exit code."""
    from experiments.build import build
    from experiments.store.identity import model_digest, run_key

    try:
        loaded = console.load(config, sets, plugins)
        world = build(loaded)
    except ConfigError as error:
        if not as_json:
            raise
        console.emit({"valid": False, "problems": _problems(error)})
        return USAGE
    if as_json:
        from experiments.config import resolve

        key = run_key(loaded, 0, model_digest(tuple(plugins or ())))
        console.emit({"valid": True, "run_key": key, "config": resolve(loaded)})
    else:
        console.show(f"{config} is valid: {_summary(loaded, world)}")
    return OK


def _problems(error: ConfigError) -> list[dict[str, Any]]:
    from experiments.config import ConfigProblems

    if not isinstance(error, ConfigProblems):
        return [{"source": None, "line": None, "column": None, "path": None, "text": str(error)}]
    return [
        {
            "source": problem.origin.source,
            "line": problem.origin.line or None,
            "column": problem.origin.column or None,
            "path": problem.path,
            "text": problem.text,
        }
        for problem in error.problems
    ]


def _summary(config: "Config", world: "World") -> str:
    run = config.run
    parts = [
        f"{count(run.ticks, 'tick')} of {duration(run.dt)}",
        count(len(world.tokens.assets), "asset"),
        count(len(world.protocols), "protocol"),
        f"{count(len(config.components('population')), 'population')} with "
        f"{count(sum(actor.population.count for actor in world.actors), 'account')}",
        count(world.events.count - 1, "opening event"),
        count(run.replications, "replication"),
    ]
    return ", ".join(parts) + f", seed {run.seed}"
