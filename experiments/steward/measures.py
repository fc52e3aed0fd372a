"""From the runs of a steward's sweep to the measures of its report.

VaR and LaR are Gauntlet's: quantiles, over simulated runs and volatilities, of insolvent and of liquidated value.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval
from experiments.analysis.tails import BEYOND, clustered, contributions, independent, pooled
from experiments.plots.sweeps.frontier import unbeaten
from experiments.steward.document import Estimate, FrontierPoint, Gaps, Measure
from experiments.steward.proposal import Study
from sim.errors import SpilloverError

if TYPE_CHECKING:
    import pandas as pd

    from experiments.store import SweepFolder

Array = NDArray[np.float64]
UNDER_WATER = 0.01
"""Share of debt from which on a run counts as under-collateralised."""
USAGE = {
    "debt": "borrowed per dollar of {asset} that backs debt, at the opening",
    "pool": "mean utilisation of {asset}",
}
TAILS = (
    ("var95", "VaR95", "bad_debt", 0.95, False, "95% quantile over runs of debt left without collateral"),
    ("var99", "VaR99", "bad_debt", 0.99, False, "99% quantile over runs of debt left without collateral"),
    ("es99", "ES99", "bad_debt", 0.99, True, "mean of the worst 1% of runs, of debt left without collateral"),
    ("lar95", "LaR95", "liquidated", 0.95, False, "95% quantile over runs of debt repaid in liquidations"),
)
MEANS = (
    ("bad_debt", "Bad debt, mean", "usd", "debt left without collateral"),
    ("liquidated", "Liquidated, mean", "usd", "debt repaid in liquidations"),
    ("under_water", "Under-collateralised runs", "share", "runs that end with more than 1% of the debt under water"),
    ("profit", "Liquidator profit, mean", "usd", "change of the liquidators' wealth"),
    ("utilisation", "Utilisation, mean", "share", "of the reserve {utilised}, over the run"),
    ("usage", "Usage, mean", "share", "{usage}"),
)


@dataclass(frozen=True)
class Outcomes:
    """What the runs gave: arrays of shape (values, factors, replications), NaN where a run failed.

    bad_debt, liquidated, profit in USD; under_water 0 or 1; utilisation and usage as shares. utilised: the reserve.
    """

    bad_debt: Array
    liquidated: Array
    profit: Array
    under_water: Array
    utilisation: Array
    usage: Array
    utilised: str


@dataclass(frozen=True)
class Assessment:
    """The numbers of a report."""

    measures: list[Measure]
    frontier: list[FrontierPoint]
    outcomes: Outcomes
    usage: str


def assess(study: Study, folder: "SweepFolder", level: float = 0.95) -> Assessment:
    """Everything a report says about a finished sweep. Raises SpilloverError if a value has no finished run."""
    found = outcomes(study, folder)
    names = [study.values.index(value) for value in (study.proposal.now, study.proposal.proposed)]
    if np.isnan(found.liquidated[names]).all(axis=(1, 2)).any():
        raise SpilloverError(f'"{folder.path}": no run of the parameter as it is, or as proposed, has finished')
    usage = USAGE[study.proposal.limit.usage].format(asset=study.proposal.asset)
    return Assessment(_measures(found, names, level, usage), _frontier(study, found, level), found, usage)


def outcomes(study: Study, folder: "SweepFolder") -> Outcomes:
    """The runs of a sweep by value, factor and replication."""
    shape = (len(study.values), len(study.factors), study.runs)
    runs = folder.runs[folder.runs["status"] == "ok"]

    def table(column: Any) -> Array:
        filled = np.full(shape, np.nan).reshape(-1, study.runs)
        if len(column):
            filled[column.index.get_level_values(0), column.index.get_level_values(1)] = column.to_numpy(dtype=float)
        return filled.reshape(shape)

    rows = runs.set_index(["point", "replication"])
    opening, reserve = _opening(study, folder.table("edges"))
    used = f"{study.proposal.protocol}.utilisation.{reserve}"
    steps = folder.steps(["tick", used, *(f"{name}.wealth" for name in _liquidators(study))])
    series = steps.set_index(["point", "replication"]).sort_values("tick").groupby(level=[0, 1])
    utilisation = table(series[used].mean())
    bad = table(rows["bad_debt_usd"])
    owed = table(opening["owed"])
    usage = utilisation if study.proposal.limit.usage == "pool" else table(opening["debt"] / opening["collateral"])
    return Outcomes(
        bad_debt=bad,
        liquidated=table(rows["liquidated_usd"]),
        profit=sum((table(_gain(series, name)) for name in _liquidators(study)), np.where(np.isnan(bad), np.nan, 0.0)),
        under_water=np.where(np.isnan(bad), np.nan, bad > UNDER_WATER * owed),
        utilisation=utilisation,
        usage=usage,
        utilised=reserve,
    )


def _gain(series: Any, name: str) -> "pd.Series":
    wealth = series[f"{name}.wealth"]
    return wealth.last() - wealth.first()


def _liquidators(study: Study) -> list[str]:
    """Populations that liquidate in the protocol."""
    return [
        population.name
        for population in study.config.components("population")
        if population.kind == "liquidators" and getattr(population, "protocol", None) == study.proposal.protocol
    ]


def _opening(study: Study, edges: "pd.DataFrame") -> tuple["pd.DataFrame", str]:
    """By run, what is owed, and debt and collateral of those who owe against the asset; and the reserve of utilisation.

    That reserve is the parameter's own if it is borrowed, otherwise the one that is borrowed most.
    """
    protocol, asset = study.proposal.protocol, study.proposal.asset
    first = edges[edges["tick"] == edges["tick"].min()]
    keys = ["point", "replication"]
    debts = first[first["token"].astype(str).str.startswith(f"{protocol}.debt.")]
    by_token = debts.groupby(debts["token"].astype(str))["usd"].sum()
    reserve = asset if f"{protocol}.debt.{asset}" in by_token else str(by_token.idxmax()).rsplit(".", 1)[1]
    backed = first[first["token"].astype(str) == f"{protocol}.receipt.{asset}"]
    names = set(backed["holder"].astype(str)) & set(debts["issuer"].astype(str))
    found = debts.groupby(keys)["usd"].sum().to_frame("owed")
    found["debt"] = debts[debts["issuer"].astype(str).isin(names)].groupby(keys)["usd"].sum()
    found["collateral"] = backed[backed["holder"].astype(str).isin(names)].groupby(keys)["usd"].sum()
    return found, reserve


# Measures -------------------------------------------------------------------------------------------------------------


def _measures(found: Outcomes, names: list[int], level: float, usage: str) -> list[Measure]:
    rows = []
    for name, label, column, share, shortfall, said in TAILS:
        now, proposed = (getattr(found, column)[number] for number in names)
        pair = [_tail(table, share, level, shortfall) for table in (now, proposed)]
        gap = _estimate(_tail_gap(now, proposed, share, shortfall, level))
        parts = {"now": pair[0], "proposed": pair[1], "difference": gap}
        rows.append(Measure(name=name, label=label, unit="usd", definition=said, **parts))
    for name, label, unit, said in MEANS:
        now, proposed = (_by_replication(getattr(found, name)[number]) for number in names)
        estimates = [_estimate(_mean(column, level)) for column in (now, proposed, proposed - now)]
        definition = said.format(utilised=found.utilised, usage=usage)
        parts = dict(zip(("now", "proposed", "difference"), estimates, strict=True))
        rows.append(Measure(name=name, label=label, unit=unit, definition=definition, **parts))  # type: ignore[arg-type]
    return rows


def _by_replication(table: Array) -> Array:
    """(replications,) means over factors: one independent number per draw; NaN where a run of it failed."""
    return np.asarray(table.mean(axis=0))


def _mean(values: Array, level: float) -> Interval:
    """Mean with bootstrap percentiles.

    One run may hold nearly all bad debt; the studentised interval is without bounds then, and leaves [0, 1] for shares.
    """
    finite = values[np.isfinite(values)]
    if finite.size < 2:
        return bootstrap.mean(finite, level)
    low, high = bootstrap.percentile(finite, lambda drawn: np.asarray(drawn.mean()), level)
    return Interval(float(finite.mean()), float(low), float(high), finite.size)


def _tail(table: Array, share: float, level: float, shortfall: bool = False) -> Estimate:
    """A tail measure over factors and replications; its top is open while under one run lies beyond the quantile."""
    found = pooled(table, share, level, shortfall)
    if found.count * (1.0 - share) < 1.0:
        found = Interval(found.value, found.low, np.inf, found.count)
    return _estimate(found)


def _tail_gap(now: Array, proposed: Array, share: float, shortfall: bool, level: float) -> Interval:
    """Proposed minus now of a tail measure, on the same random numbers; without bounds where runs are too few.

    The interval of a quantile draws replications again, the same for both; that of a shortfall is the one of the mean
    of what each replication adds to the difference.
    """

    def value(table: Array) -> float:
        return pooled(table.ravel()[None], share, level, shortfall).value

    kept = np.isfinite(now).all(axis=0) & np.isfinite(proposed).all(axis=0)
    now, proposed = now[:, kept], proposed[:, kept]
    if not now.size:
        return Interval(np.nan, -np.inf, np.inf, 0)
    gap = value(proposed) - value(now)
    if (now == proposed).all():
        return Interval(gap, gap, gap, now.size)
    worth = min(independent(table, share, level) if clustered(table) else table.size for table in (now, proposed))
    if worth * (1.0 - share) < BEYOND:
        return Interval(gap, -np.inf, np.inf, now.size)
    if shortfall:
        found = bootstrap.mean((contributions(proposed, share) - contributions(now, share)).mean(axis=0), level)
        return Interval(gap, gap + found.low - found.value, gap + found.high - found.value, now.size)
    both = np.stack([now.T, proposed.T], axis=-1)
    low, high = bootstrap.percentile(both, lambda drawn: _quantile_gap(drawn, share), level, draws=500)
    return Interval(gap, float(low), float(high), now.size)


def _quantile_gap(drawn: NDArray[Any], share: float) -> Array:
    cut = np.quantile(drawn.reshape(-1, 2), share, axis=0)
    return np.asarray(cut[1] - cut[0])


def _estimate(interval: Interval) -> Estimate:
    """As data; what is not finite is null."""
    value, low, high = (
        float(end) if np.isfinite(end) else None for end in (interval.value, interval.low, interval.high)
    )
    return Estimate(value=value, low=low, high=high, runs=interval.count)


# Frontier -------------------------------------------------------------------------------------------------------------


def _frontier(study: Study, found: Outcomes, level: float) -> list[FrontierPoint]:
    """Each value that was run, by usage and loss."""
    numbers = [n for n in range(len(study.values)) if not np.isnan(found.liquidated[n]).all()]
    rows = [_point(study, found, number, level) for number in numbers]
    usage, loss = (np.array([getattr(row, name).value for row in rows], dtype=float) for name in ("usage", "var95"))
    best = set(unbeaten(usage, loss).tolist())
    return [row.model_copy(update={"unbeaten": number in best}) for number, row in enumerate(rows)]


def _point(study: Study, found: Outcomes, number: int, level: float) -> FrontierPoint:
    proposal, value = study.proposal, study.values[number]
    base = study.values.index(proposal.now)
    bad, liquidated = found.bad_debt[number], found.liquidated[number]
    used, used_now = _by_replication(found.usage[number]), _by_replication(found.usage[base])
    gaps = {
        name: _estimate(_tail_gap(column[base], column[number], 0.95, False, level))
        for name, column in (("var95", found.bad_debt), ("lar95", found.liquidated))
    }
    return FrontierPoint(
        value=value,
        changes=0 if number == base else proposal.limit.needed(proposal.now, value) or 0,
        usage=_estimate(_mean(used, level)),
        utilisation=_estimate(_mean(_by_replication(found.utilisation[number]), level)),
        var95=_tail(bad, 0.95, level),
        es99=_tail(bad, 0.99, level, shortfall=True),
        lar95=_tail(liquidated, 0.95, level),
        from_now=Gaps(usage=_estimate(_mean(used - used_now, level)), **gaps),
        unbeaten=False,
    )
