"""What the past of a series says about its future: autocorrelation, its decay, and self-excitation."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.math.tails import slope


class Decay(NamedTuple):
    """How an autocorrelation falls with the lag; NaN where it is not positive at every lag.

    exponent: slope of its log on the log lag. power_misfit, exponential_misfit: root mean square residual of its log
    around a straight line in log lag (a power law) and in lag (an exponential).
    """

    exponent: float
    power_misfit: float
    exponential_misfit: float


def autocorrelation(values: NDArray[np.float64], lags: ArrayLike) -> NDArray[np.float64]:
    """Sample autocorrelation at each of `lags` (whole ticks >= 0); NaN for a constant series or a lag beyond its end.

    Covariances of all lags are divided by the sample size, which keeps the sequence positive semidefinite.
    """
    wanted = np.atleast_1d(np.asarray(lags, dtype=np.int64))
    centred = values - values.mean() if values.size else values
    # Not np.dot: BLAS does not promise the same bits on every machine.
    variance = float(np.einsum("i,i->", centred, centred))
    found = np.full(wanted.size, np.nan)
    if variance <= values.size * (1e-15 * np.abs(values).max(initial=0.0)) ** 2:
        return found
    for i, lag in enumerate(wanted):
        if lag < values.size:
            found[i] = np.einsum("i,i->", centred[lag:], centred[: values.size - lag]) / variance
    return found


def correlation_band(count: int, errors: float = 3.0) -> float:
    """Largest autocorrelation of `count` independent values that so many standard errors allow."""
    return float(errors / np.sqrt(count)) if count else float("nan")


def robust_band(values: NDArray[np.float64], lag: int, errors: float = 3.0) -> float:
    """The same for uncorrelated values of changing variance, whose autocorrelations spread wider (Diebold, 1986).

    The standard error is that of White: root of the sum of squared products of values `lag` apart over the sum of
    squares. NaN for a constant series or a lag beyond its end.
    """
    if not 0 <= lag < values.size:
        return float("nan")
    squares = (values - values.mean()) ** 2
    total = float(squares.sum())
    return float(errors * np.sqrt((squares[lag:] * squares[: values.size - lag]).sum()) / total) if total else np.nan


def spread_lags(last: int, count: int = 16) -> NDArray[np.int64]:
    """Up to `count` whole lags from 1 to `last`, evenly spread on a log scale, so that a fit weighs decades alike."""
    return np.unique(np.rint(np.geomspace(1.0, last, count)).astype(np.int64))


def decay(lags: NDArray[np.int64], correlations: NDArray[np.float64]) -> Decay:
    """Fit a power law and an exponential to autocorrelations at `lags` (>= 1)."""
    if correlations.size < 3 or not np.all(correlations > 0.0):
        return Decay(float("nan"), float("nan"), float("nan"))
    logs, far = np.log(correlations), np.log(lags)
    return Decay(slope(far, logs), _misfit(far, logs), _misfit(lags.astype(np.float64), logs))


def _misfit(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    rest = y - y.mean() - slope(x, y) * (x - x.mean())
    return float(np.sqrt((rest * rest).mean()))


def hawkes_branching(counts: Sequence[int] | NDArray[np.int64]) -> float:
    """Share of events that other events triggered, from counts in windows much longer than the memory of events.

    In a self-exciting process with branching ratio n, variance over mean of counts tends to 1 / (1 - n)^2 (Hardiman and
    Bouchaud, Physical Review E 90, 2014). Zero where counts vary no more than Poisson ones; NaN without events.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    if numbers.size < 2 or numbers.mean() == 0.0:
        return float("nan")
    return float(max(0.0, 1.0 - 1.0 / np.sqrt(max(numbers.var(ddof=1) / numbers.mean(), 1e-300))))


def volume_volatility_correlation(volume: NDArray[np.float64], returns: NDArray[np.float64]) -> float:
    """Correlation of traded volume with |return| over the same ticks; NaN if either is constant."""
    size = np.abs(returns)
    one, other = volume - volume.mean(), size - size.mean()
    scale = np.sqrt((one * one).sum() * (other * other).sum())
    return float((one * other).sum() / scale) if scale > 0.0 else float("nan")
