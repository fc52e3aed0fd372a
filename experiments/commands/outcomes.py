"""Outcomes of a run as tables for people and as data for programs."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.store.layout import is_host_column
from experiments.wording import count, percent, usd

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

    from experiments.store import Folder

LOW, HIGH = 0.1, 0.9
"""Quantiles over replications."""
_IDENTITY = ("run_key", "replication", "seed", "status", "error")
_Format = Callable[[float], str]


def _number(value: float) -> str:
    return f"{value:,.4g}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _times(value: float) -> str:
    return f"{value:.2f}x"


_KNOWN: dict[str, tuple[str, _Format]] = {
    "liquidations": ("liquidations", _whole),
    "liquidated_usd": ("liquidated", usd),
    "bad_debt_usd": ("bad debt", usd),
    "cascade_max_usd": ("largest cascade", usd),
    "branching_ratio": ("branching ratio", _number),
    "ledger_residual": ("ledger residual (atoms)", _whole),
}
_BY_ASSET: dict[str, tuple[str, _Format]] = {
    "drawdown": ("largest fall of {}", percent),
    "exogenous_drawdown": ("  of its exogenous price", percent),
    "amplification": ("  amplification", _times),
}
_PRIVATE: dict[str, tuple[str, _Format]] = {
    "return": ("return", percent),
    "volatility": ("volatility", percent),
    "max_drawdown": ("max drawdown", percent),
    "cvar95": ("CVaR 95%", percent),
    "ruined_share": ("ruined", percent),
}


def tables(folder: "Folder") -> "list[RenderableType]":
    """What came out, for people: the market and its liquidations, then every population."""
    runs = folder.runs[folder.runs["status"] == "ok"]
    manifest = folder.manifest
    title = f"{folder.name}: {count(len(runs), 'run')} of {count(folder.world['ticks'], 'tick')}, seed {_seed(manifest)}"
    if runs.empty:
        return [f"{title}; none finished"]
    rest, populations = _rows(runs, folder), [owner["name"] for owner in folder.world["populations"]]
    spread = ["median", "10%", "90%"] if len(runs) > 1 else [""]
    parts: list[RenderableType] = [console.table(title, ["", *spread], rest), ""]
    living = [name for name in populations if f"{name}.return" in runs]
    if living:
        parts += [_population_table(runs, living), ""]
    return parts


def as_data(folder: "Folder") -> dict[str, Any]:
    """What came out, for programs: the status, every run, and quantiles of every outcome over finished runs."""
    runs = folder.runs
    finished = runs[runs["status"] == "ok"]
    known = [name for name in outcome_columns(runs) if finished[name].notna().any()]
    quantiles = finished[known].quantile([0.5, LOW, HIGH])
    summary = {name: dict(zip(("median", "p10", "p90"), quantiles[name], strict=True)) for name in known}
    rows = [{key: _scalar(value) for key, value in row.items()} for row in runs.to_dict("records")]
    return {"name": folder.name, "status": folder.manifest["status"], "summary": summary, "runs": rows}


def outcome_columns(runs: "pd.DataFrame") -> list[str]:
    """Names of the columns of runs.parquet that hold outcomes."""
    return [
        name
        for name in runs
        if name not in _IDENTITY and not is_host_column(name) and not name.startswith("param.")
    ]


def _seed(manifest: dict[str, Any]) -> int:
    return int(manifest["config"]["run"]["seed"])


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _rows(runs: "pd.DataFrame", folder: "Folder") -> list[list[str]]:
    """One row per outcome that is not a population's: prices first, then what is known, then the rest."""
    populations = tuple(f"{owner['name']}." for owner in folder.world["populations"])
    names = [name for name in outcome_columns(runs) if not name.startswith(populations)]
    listed: dict[str, tuple[str, _Format]] = {}
    for asset in folder.world["assets"]:
        for kind, (label, form) in _BY_ASSET.items():
            listed[f"{kind}.{asset}"] = (label.format(asset), form)
    listed |= _KNOWN | {name: (name, _number) for name in names if name not in listed and name not in _KNOWN}
    return [[label, *_values(runs[name], form)] for name, (label, form) in listed.items() if name in names]


def _values(column: "pd.Series", form: _Format) -> list[str]:
    if column.notna().sum() == 0:
        return ["n/a"] * (3 if len(column) > 1 else 1)
    if len(column) == 1:
        return [form(float(column.iloc[0]))]
    return [form(float(value)) for value in column.quantile([0.5, LOW, HIGH])]


def _population_table(runs: "pd.DataFrame", names: Sequence[str]) -> "RenderableType":
    kinds = _PRIVATE
    if len(runs) == 1:
        rows = [[name, *(form(float(runs[f"{name}.{kind}"].iloc[0])) for kind, (_, form) in kinds.items())] for name in names]
        return console.table("Populations", ["", *(label for label, _ in kinds.values())], rows)
    rows = [
        [
            name,
            *_values(runs[f"{name}.return"], percent),
            *(form(float(runs[f"{name}.{kind}"].median())) for kind, (_, form) in kinds.items() if kind != "return"),
        ]
        for name in names
    ]
    others = [label for kind, (label, _) in kinds.items() if kind != "return"]
    return console.table("Populations (medians)", ["", "return", "10%", "90%", *others], rows)
