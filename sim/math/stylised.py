"""The stylised facts of returns (Cont, Quantitative Finance 1, 2001), measured and judged.

Ranges hold for liquid and crypto assets at daily and shorter horizons. A geometric Brownian motion must fail tails and
clustering, and a GARCH(1,1) with Student innovations must fail the power law of its memory.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.math.memory import Decay, autocorrelation, correlation_band, decay, robust_band, spread_lags
from sim.math.tails import excess_kurtosis, hill, kurtosis_slope, skewness, worst_return

TAIL_INDEX = (2.0, 4.5)
MEMORY_EXPONENT = (-0.4, -0.2)
CLEARLY = 2.0
"""How many times better an exponential must fit the memory of |r| before its power law is refused. Daily BTC/USDT since
2017 gives 1.0 to 1.7 by the hour at which days end; none of 240 paths of a GARCH(1,1) with a slope in range gave less
than 2, and the slope alone would have let a quarter of them pass."""


class StylisedFacts(NamedTuple):
    """Figures of one series of returns; NaN where the series is too short or constant.

    Attributes
    ----------
    ticks: number of returns.
    tail_index: Hill estimate on |r|.
    kurtosis, skewness: excess kurtosis and skewness of one-tick returns.
    worst: lowest one-tick log return.
    linear: autocorrelation of r at the lag from which there should be none.
    band: three standard errors of `linear` if returns were independent.
    robust_band: three that allow for changing variance; with heavy tails it may be several times `band`.
    clustering: (lags,) autocorrelation of |r| at lags 1, 2, ...
    memory: fit to `clustering` at lags spread evenly over decades.
    kurtosis_slope: slope of log excess kurtosis on log horizon.
    """

    ticks: int
    tail_index: float
    kurtosis: float
    skewness: float
    worst: float
    linear: float
    band: float
    robust_band: float
    clustering: NDArray[np.float64]
    memory: Decay
    kurtosis_slope: float

    def passes(self) -> dict[str, bool]:
        """Verdict on each fact; what could not be measured does not pass.

        fat_tails: tail index from 2 to 4.5. no_linear_memory: |autocorrelation of r| within `band`, which also rejects
        a good part of series without linear memory whose tails are heavy and whose volatility clusters (2 in 8 of a
        GARCH); compare with `robust_band`. clustering: autocorrelation of |r| positive at every lag. power_law: its
        log-log slope from -0.4 to -0.2, and no exponential fits it clearly better. aggregation: kurtosis is positive
        and falls with the horizon.
        """
        return {
            "fat_tails": TAIL_INDEX[0] <= self.tail_index <= TAIL_INDEX[1],
            "no_linear_memory": abs(self.linear) < self.band,
            "clustering": bool(np.all(self.clustering > 0.0)),
            "power_law": MEMORY_EXPONENT[0] <= self.memory.exponent <= MEMORY_EXPONENT[1]
            and self.memory.power_misfit < CLEARLY * self.memory.exponential_misfit,
            "aggregation": self.kurtosis > 0.0 and self.kurtosis_slope < 0.0,
        }


def stylised_facts(
    returns: NDArray[np.float64], beyond: int = 1, lags: int = 100, share: float = 0.05
) -> StylisedFacts:
    """Measure a series of log returns, one for each tick.

    Parameters
    ----------
    returns: (n,), at least a few times `lags`.
    beyond: lag in ticks from which returns should not predict returns, about 20 minutes in liquid markets.
    lags: up to which |r| should predict |r|.
    share: of the largest |r| that the tail index is taken from.
    """
    clustering = autocorrelation(np.abs(returns), np.arange(1, lags + 1))
    fitted = spread_lags(lags)
    return StylisedFacts(
        ticks=returns.size,
        tail_index=hill(returns, share),
        kurtosis=excess_kurtosis(returns),
        skewness=skewness(returns),
        worst=worst_return(returns),
        linear=float(autocorrelation(returns, beyond)[0]),
        band=correlation_band(returns.size),
        robust_band=robust_band(returns, beyond),
        clustering=clustering,
        memory=decay(fitted, clustering[fitted - 1]),
        kurtosis_slope=kurtosis_slope(returns),
    )
