"""Tables of a report: outcomes with their spread over runs, what really happened, and how each population fared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.catalogue import load_components
from experiments.config.sections import Observed
from experiments.plots.run_view import MANY, RunView
from experiments.wording import percent, points, usd
from sim.risks import primary_risks

Format = Callable[[float], str]
CAPITAL = "capital_efficiency"


@dataclass(frozen=True)
class Row:
    """One line of a table of outcomes: its cells are the value, or median and ends of the interval."""

    name: str
    cells: list[str]
    about: str


def _number(value: float) -> str:
    return f"{value:,.0f}"


def _plain(value: float) -> str:
    return f"{value:,.4g}"


def _ratio(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "n/a"


def _seconds(value: float) -> str:
    return f"{value:,.0f} s"


OUTCOMES: dict[str, tuple[str, Format, str]] = {
    "liquidations": ("Liquidations", _number, "liquidation calls that went through"),
    "busiest_hour": ("Busiest hour", _number, "full hour of the run with most calls, the first being 0"),
    "busiest_hour_share": ("Share of the busiest hour", percent, "of all liquidation calls"),
    "liquidated_usd": ("Liquidated", usd, "debt repaid in liquidations, at the oracle price"),
    "bad_debt_usd": ("Bad debt", usd, "debt left without any collateral behind it"),
    "branching_ratio": ("Branching ratio", _ratio, "mean share of a liquidation that earlier liquidations caused"),
    "cascade_max_usd": ("Largest cascade", usd, "liquidated in one chain of liquidations that caused each other"),
    "ledger_residual": ("Ledger residual", _number, "atoms created or lost; must be 0"),
}
PER_ASSET: dict[str, tuple[str, Format, str]] = {
    "drawdown": ("Largest fall of {}", percent, "of the market price, from the highest price before"),
    "exogenous_drawdown": ("{}, fundamentals alone", percent, "the same of the exogenous price"),
    "amplification": ("Amplification of {}", _ratio, "market fall over exogenous fall"),
}
PER_VENUE: dict[str, tuple[str, Format, str]] = {
    "liquidated_usd": ("Liquidated on {}", usd, "notional of positions closed by force"),
    "deleveraged_usd": ("Deleveraged on {}", usd, "notional of opposing positions closed against them"),
    "deleveraging_ratio": ("Deleveraged over liquidated on {}", percent, "the second over the first"),
    "deleveragings": ("Deleveragings on {}", _number, "positions cut"),
    "first_deleveraging_s": ("First deleveraging on {}", _seconds, "time since the first liquidation there"),
    "deleveraged_in_4min": ("Deleveraged within 4 minutes on {}", percent, "of all deleveraging, from its beginning"),
}
PRIVATE: dict[str, tuple[str, Format, str]] = {
    "return": ("Return", percent, "change of the population's wealth in USD at fair value"),
    "volatility": ("Volatility", percent, "of that wealth, per year"),
    "max_drawdown": ("Max. drawdown", percent, "largest fall of that wealth from its high"),
    "cvar95": ("CVaR 95%", percent, "mean return of the worst twentieth of accounts"),
    "ruined_share": ("Ruined", percent, "accounts left with less than a tenth of their wealth"),
}


def spread_heads(run: RunView) -> list[str]:
    """Heads of the columns that hold an outcome's cells."""
    if len(run.finished) < 2:
        return ["Value"]
    return ["Median", "5%", "95%"] if len(run.finished) >= MANY else ["Median", "Lowest", "Highest"]


def _cells(values: NDArray[np.float64], text: Format) -> list[str]:
    if values.size == 1:
        return [text(float(values[0]))]
    if not np.isfinite(values).any():
        return ["n/a"] * 3
    ends = (0.05, 0.95) if values.size >= MANY else (0.0, 1.0)
    return [text(float(value)) for value in np.nanquantile(values, [0.5, *ends])]


def outcome_rows(run: RunView) -> list[Row]:
    """Outcomes of the market and of liquidations, with their spread over runs."""
    return [
        Row(name, _cells(run.outcomes(column), text), about)
        for column, (name, text, about) in _known(run).items()
        if column in run.finished
    ]


def population_rows(run: RunView) -> list[dict[str, Any]]:
    """Private results of every population that had accounts, with its primary risk and capital efficiency.

    Medians over runs. Capital efficiency is followed by the place among populations, 1 the highest.
    """
    rows, risks, capital = [], _risks(), _capital(run)
    for population in run.world["populations"]:
        name = population["name"]
        if f"{name}.return" not in run.finished:
            continue
        values = {key: run.outcomes(f"{name}.{key}") for key in PRIVATE}
        cells = [PRIVATE[key][1](float(np.median(column))) for key, column in values.items()]
        size = population["hi"] - population["lo"]
        named = {"name": name, "kind": population["kind"], "risk": risks.get(population["kind"], "")}
        rows.append(named | {"accounts": f"{size:,}", "cells": cells, "capital": capital.get(name, "")})
    return rows


def _risks() -> dict[str, str]:
    load_components()
    return primary_risks()


def _capital(run: RunView) -> dict[str, str]:
    """Population -> notional per USD of wealth, and its place."""
    names = [population["name"] for population in run.world["populations"]]
    found = {name: run.outcomes(f"{CAPITAL}.{name}") for name in names if f"{CAPITAL}.{name}" in run.finished}
    medians = {name: float(np.median(column)) for name, column in found.items() if column.size}
    ranked = sorted(medians, key=lambda name: -medians[name])
    return {name: f"{medians[name]:.2f} (#{place})" for place, name in enumerate(ranked, 1)}


def observed_rows(run: RunView) -> list[dict[str, str]]:
    """What really happened beside the median outcome, and whether they agree as closely as the config asks."""
    rows = []
    for item in run.folder.manifest["config"].get("observed", []):
        record, outcomes = Observed(**item), run.outcomes(item["name"])
        name, text, _ = _known(run).get(record.name, (record.name, _plain, ""))
        outcome = float(np.median(outcomes)) if outcomes.size else float("nan")
        asked = f"within a factor {record.factor:g}" if record.factor else f"within {_apart(record, text)}"
        verdict = f"{'agrees' if record.agrees(outcome) else 'differs'} (asked: {asked})"
        cells = {"observed": text(record.value), "run": text(outcome), "verdict": verdict, "source": record.source}
        rows.append({"name": name} | cells)
    return rows


def venue_columns(columns: Iterable[str]) -> dict[str, tuple[str, Format, str]]:
    """Outcome columns of venues of derivatives -> name, format and meaning."""
    parts = [(column, *column.rpartition(".")[::2]) for column in columns]
    return {
        column: (PER_VENUE[key][0].format(venue), *PER_VENUE[key][1:])
        for column, venue, key in parts
        if venue and key in PER_VENUE
    }


def _apart(record: Observed, text: Format) -> str:
    distance = record.distance or 0.0
    return points(distance) if text is percent else text(distance)


def _known(run: RunView) -> dict[str, tuple[str, Format, str]]:
    """Outcome column -> name, format and meaning, in the order of the report."""
    return (
        {
            f"{key}.{asset}": (name.format(asset), text, about)
            for asset in run.assets
            for key, (name, text, about) in PER_ASSET.items()
        }
        | OUTCOMES
        | venue_columns(run.finished.columns)
    )
