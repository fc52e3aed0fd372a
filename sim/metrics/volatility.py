"""Implied against realised volatility, and what stands between them: the volatility risk premium."""

import math
from typing import TYPE_CHECKING

import numpy as np

from sim.interfaces import Metric
from sim.quotes import OptionsQuote
from sim.registry import component
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.world import World

MONTH = 30 * 86_400.0 / SECONDS_PER_YEAR
WINDOW = 7 * 86_400.0
"""Seconds over which volatility is realised at a sample."""


def implied_at_the_money(quote: OptionsQuote, underlying: int, years: float = MONTH) -> float:
    """Implied volatility of the strike nearest to the spot in the expiry nearest to `years`; NaN if none trades."""
    mine = np.flatnonzero((quote.underlying == underlying) & (quote.years > 0.0))
    if not mine.size:
        return math.nan
    away = np.abs(quote.years[mine] - years)
    mine = mine[away <= away.min() + 1e-12]
    return float(quote.volatility[mine[np.argmin(np.abs(np.log(quote.strike[mine] / quote.spot[mine])))]])


@component("metric", "volatility")
class VolatilityMetric(Metric):
    """Implied volatility a month ahead at the money of every underlying of every options venue, and realised.

    Columns implied.VENUE.ASSET and realised.VENUE.ASSET are per square root of a year, variance_premium.VENUE.ASSET is
    implied less realised variance: at a sample against the trailing `WINDOW`, in the end the mean implied variance of
    all samples against what was realised over the whole run.
    """

    def __post_init__(self) -> None:
        self._variances: dict[tuple[str, int], list[float]] = {}

    def step(self, world: "World") -> dict[str, float]:
        """As of the last look."""
        row = {}
        for venue, quote in world.quotes.items():
            if not isinstance(quote, OptionsQuote):
                continue
            for asset in np.unique(quote.underlying).tolist():
                implied, realised = implied_at_the_money(quote, asset), _realised(world, asset, WINDOW)
                self._variances.setdefault((venue, asset), []).append(implied**2)
                label = f"{venue}.{world.tokens.rows[asset].name}"
                row[f"implied.{label}"], row[f"realised.{label}"] = implied, realised
                row[f"variance_premium.{label}"] = implied**2 - realised**2
        return row

    def final(self, world: "World") -> dict[str, float]:
        """Mean premium of the run."""
        out = {}
        for (venue, asset), variances in self._variances.items():
            known = [variance for variance in variances if not math.isnan(variance)]
            mean = math.fsum(known) / len(known) if known else math.nan
            label = f"variance_premium.{venue}.{world.tokens.rows[asset].name}"
            out[label] = mean - _realised(world, asset, math.inf) ** 2
        return out


def _realised(world: "World", asset: int, window: float) -> float:
    """Per square root of a year over a window in seconds, or what there is of it; NaN without two prices."""
    end = world.clock.tick + 1
    start = max(end - 1 - window / world.clock.dt, 0.0)
    log = np.log(world.prices.history[math.floor(start) : end, asset])
    return float(np.sqrt(np.mean(np.diff(log) ** 2) / world.clock.dt_years)) if log.size > 1 else math.nan
