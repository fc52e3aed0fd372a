"""What the balance sheets of populations say about the next fall: vulnerability, common holdings, concentration."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import Metric
from sim.math.systemic import overlap
from sim.math.systemic.fire_sales import fire_sale, rebalancing_matrix, spectral_radius
from sim.registry import component
from sim.sheets import Sheets, price_impact, sheets

if TYPE_CHECKING:
    from sim.world import World

FALL = 0.10
"""Standard shock: all prices but the numeraire's fall by this much together."""
MOST_LEVERAGE = 30.0
"""Debt over equity counts up to here; without a limit a population that is nearly ruined would be the whole number."""
LOOKS = 50
"""Sheets are drawn up about so many times in a run, however often it is sampled."""


@component("metric", "balance_sheets")
class BalanceSheetsMetric(Metric):
    """Aggregate vulnerability, overlap and concentration of what populations hold and owe, at the depth of markets.

    aggregate_vulnerability is the share of all equity that one round of sales back to the old leverage would cost after
    all prices fell by 10%; systemicness.POPULATION is the part of it that a population's sales make, and
    indirect_vulnerability.POPULATION what everybody's sales cost it over its own equity (Greenwood, Landier and
    Thesmar). rebalancing_eigenvalue is the spectral radius of the map from price changes to those that such sales add;
    at 1 rounds of sales no longer die out. overlap_top_eigenvalue is the largest eigenvalue of the liquidity-weighted
    overlap X D^-1 X' in USD (Cont and Schaanning), cosine_overlap the mean cosine between the holdings of two
    populations, money left out. hhi.POPULATION is the Herfindahl index of holdings, money included, effective_n one
    over it.

    Claims are opened into assets (sim.sheets); depth is what brings prices down by 1%; leverage counts up to 30. Sheets
    are drawn up at about 50 samples of a run and stand in between. Outcomes are means over them, and
    aggregate_vulnerability_max and rebalancing_eigenvalue_max the largest.
    """

    def __post_init__(self) -> None:
        self._due = -1
        self._looks: list[dict[str, float]] = []

    def step(self, world: "World") -> dict[str, float]:
        """The numbers of the whole market, from the last sheets."""
        if world.clock.tick >= self._due:
            self._due = world.clock.tick + world.clock.ticks // LOOKS
            now = sheets(world)
            self._looks.append(assess(now, now.felt(price_impact(world))))
        return {name: value for name, value in self._looks[-1].items() if "." not in name}

    def final(self, world: "World") -> dict[str, float]:
        """Means and maxima over the run."""
        if not self._looks:
            self.step(world)
        columns = {name: np.array([look[name] for look in self._looks]) for name in self._looks[0]}
        found = {name: _mean(column) for name, column in columns.items()}
        for name in ("aggregate_vulnerability", "rebalancing_eigenvalue"):
            found[f"{name}_max"] = float(np.fmax.reduce(columns[name]))
        return found


def assess(
    now: Sheets,
    impact: NDArray[np.float64],
    shock: NDArray[np.float64] | None = None,
    most_leverage: float = MOST_LEVERAGE,
) -> dict[str, float]:
    """All columns of one look.

    impact: (assets,) relative price change per USD, the numeraire first. shock: (assets,) relative price changes; None:
    the standard one.
    """
    if shock is None:
        shock = np.full(impact.size, -FALL)
        shock[0] = 0.0
    sale = fire_sale(now.held, now.equity, impact, shock, now.owed, most_leverage)
    matrix = rebalancing_matrix(now.held, now.equity, impact, now.owed, most_leverage)
    risky, concentration = now.held[:, 1:], overlap.herfindahl(now.held)
    found = {
        "aggregate_vulnerability": sale.aggregate,
        "rebalancing_eigenvalue": spectral_radius(matrix),
        "overlap_top_eigenvalue": overlap.top_eigenvalue(overlap.liquidity_weighted_overlap(risky, impact[1:])),
        "cosine_overlap": overlap.mean_overlap(overlap.cosine_overlap(risky)),
    }
    own = {
        "systemicness": sale.systemicness,
        "indirect_vulnerability": sale.indirect,
        "hhi": concentration,
        "effective_n": 1.0 / concentration,
    }
    for kind, column in own.items():
        found |= {f"{kind}.{name}": value for name, value in zip(now.names, column.tolist(), strict=True)}
    return found


def _mean(column: NDArray[np.float64]) -> float:
    """Over the looks at which there was something to measure."""
    known = column[~np.isnan(column)]
    return float(known.mean()) if known.size else math.nan
