"""Outcomes of a run as tables for people and as data for programs."""

from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.plots.run_view import RunView
from experiments.report_tables import OUTCOMES, PER_ASSET, PRIVATE, Format, observed_rows, venue_columns
from experiments.store.layout import is_host_column
from experiments.wording import count, usd

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from experiments.store import Folder

LOW, HIGH = 0.05, 0.95
"""Quantiles over replications."""
DETAILS = (
    *("aggregate_vulnerability", "rebalancing_eigenvalue", "overlap_top_eigenvalue", "cosine_overlap", "stress_corr"),
    *("calm_corr", "excess_", "absorption_ratio", "fall.", "freeze_s.", "held.", "loop_gain", "feedback_gain"),
    *("mispricing_", "peg_deviation_", "contagion_speed_", "forced_speed_", "loss_time_"),
)
"""How outcomes begin that sweeps and comparisons are made of: counted here, not printed."""
_IDENTITY = ("run_key", "replication", "seed", "status", "error")


def tables(folder: "Folder") -> "list[RenderableType]":
    """What came out, for people: prices and liquidations, what really happened, and every population."""
    runs = folder.runs[folder.runs["status"] == "ok"]
    seed = folder.manifest["config"]["run"]["seed"]
    title = f"{folder.name}: {count(len(runs), 'run')} of {count(folder.world['ticks'], 'tick')}, seed {seed}"
    if runs.empty:
        return [f"{title}; none finished"]
    spread = ["median", "5%", "95%"] if len(runs) > 1 else [""]
    parts = [console.table(title, ["", *spread], _rows(runs, folder)), ""]
    further = sum(name.startswith(DETAILS) for name in _shared(runs, folder))
    if further:
        parts += [f"{count(further, 'further outcome')}: --json prints all, {folder.path}/runs.parquet holds all", ""]
    observed = [[row["name"], row["observed"], row["run"], row["verdict"]] for row in observed_rows(RunView(folder))]
    if observed:
        parts += [console.table("What really happened", ["", "observed", "run", "verdict "], observed), ""]
    living = [owner["name"] for owner in folder.world["populations"] if f"{owner['name']}.return" in runs]
    return [*parts, _population_table(runs, living), ""] if living else parts


def as_data(folder: "Folder") -> dict[str, Any]:
    """What came out, for programs: the status, every run, and quantiles of every outcome over finished runs."""
    runs = folder.runs
    finished = runs[runs["status"] == "ok"]
    known = [name for name in outcome_columns(runs) if finished[name].notna().any()]
    quantiles = finished[known].quantile([0.5, LOW, HIGH])
    return {
        "name": folder.name,
        "status": folder.manifest["status"],
        "summary": {name: dict(zip(("median", "p5", "p95"), quantiles[name], strict=True)) for name in known},
        "observed": observed_rows(RunView(folder)) if len(finished) else [],
        "runs": runs.to_dict("records"),
    }


def outcome_columns(runs: "pd.DataFrame") -> list[str]:
    """Names of the columns of runs.parquet that hold outcomes."""
    others = [name for name in runs if name in _IDENTITY or is_host_column(name) or name.startswith("param.")]
    return [name for name in runs if name not in others]


def _rows(runs: "pd.DataFrame", folder: "Folder") -> list[list[str]]:
    """One row per outcome that is not a population's: prices first, then what is known, then what plug-ins add."""
    names = [name for name in _shared(runs, folder) if not name.startswith(DETAILS)]
    listed: dict[str, tuple[str, Format]] = {}
    for asset in folder.world["assets"]:
        listed |= {f"{kind}.{asset}": (label.format(asset), form) for kind, (label, form, _) in PER_ASSET.items()}
    listed |= {name: (label, form) for name, (label, form, _) in OUTCOMES.items()}
    listed |= {name: (label, form) for name, (label, form, _) in venue_columns(names).items()}
    listed |= {name: (name, usd) for name in names if name.startswith("loss.")}
    listed |= {name: (name, "{:,.4g}".format) for name in names if name not in listed}
    return [[label, *_spread(runs[name], form)] for name, (label, form) in listed.items() if name in names]


def _shared(runs: "pd.DataFrame", folder: "Folder") -> list[str]:
    """Outcomes that are not a population's."""
    populations = [owner["name"] for owner in folder.world["populations"]]
    starts, ends = tuple(f"{name}." for name in populations), tuple(f".{name}" for name in populations)
    return [name for name in outcome_columns(runs) if not name.startswith(starts) and not name.endswith(ends)]


def _spread(column: "pd.Series", form: Format) -> list[str]:
    """The one value; or median and quantiles."""
    if len(column) == 1:
        return [form(float(column.iloc[0]))]
    return [form(float(value)) for value in column.quantile([0.5, LOW, HIGH])]


def _population_table(runs: "pd.DataFrame", names: list[str]) -> "RenderableType":
    """Returns with their spread over runs, everything else as medians."""
    labels = [label for label, _, _ in PRIVATE.values()]
    if len(runs) > 1:
        labels[1:1] = ["5%", "95%"]
    rows = []
    for name in names:
        cells = {kind: _spread(runs[f"{name}.{kind}"], form) for kind, (_, form, _) in PRIVATE.items()}
        rows.append([name, *cells["return"], *(cells[kind][0] for kind in PRIVATE if kind != "return")])
    return console.table("Populations" if len(runs) == 1 else "Populations, medians over runs", ["", *labels], rows)
