"""Realised variance and what it says about tomorrow.

All estimators return variance per 365-day year, not volatility: the variance is what they estimate without bias, and
its square root is biased down by Jensen's inequality.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

HAR_WINDOWS = (1, 7, 30)
"""Day, week and month of a market that never closes; Corsi's stock market has 1, 5 and 22."""


def close_variance(log_prices: NDArray[np.float64], dt_years: float) -> float:
    """Sample variance of log returns, per year; unbiased for a Brownian motion of any drift.

    log_prices: (n,) at ticks of `dt_years`, n >= 3; NaN if shorter.
    """
    returns = np.diff(log_prices)
    return float(returns.var(ddof=1) / dt_years) if returns.size > 1 else float("nan")


def bar_ranges(log_prices: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """(bars,) log high less log low of consecutive bars of `steps` ticks; a bar opens where the last one closed."""
    bars = (log_prices.size - 1) // steps
    inside = log_prices[: bars * steps].reshape(bars, steps)
    ends = log_prices[steps : bars * steps + 1 : steps]
    return np.maximum(inside.max(axis=1), ends) - np.minimum(inside.min(axis=1), ends)


def parkinson_variance(ranges: NDArray[np.float64], bar_years: float, steps: float = math.inf) -> float:
    """Variance per year from highs and lows (Parkinson, J. Business 53, 1980), for a log price without drift.

    ranges: (bars,) log high less log low. bar_years: length of a bar. steps: ticks per bar at which prices were seen;
    infinite for highs and lows of a continuous market. NaN without bars.
    """
    if ranges.size == 0:
        return float("nan")
    return float((ranges * ranges).mean() / (range_moment(steps) * bar_years))


def range_moment(steps: float = math.inf) -> float:
    """Mean squared range of a normal random walk of `steps` steps and variance one at its end; 4 ln 2 if continuous.

    Ticks miss the true high and low: 24 of them see three quarters of the continuous moment. The mean range is exact
    (Spitzer, Trans. American Math. Society 82, 1956). The variance of the range hardly depends on the number of steps
    and is interpolated between one step and infinitely many, to 0.3% of the moment.
    """
    if math.isinf(steps):
        return 4.0 * math.log(2.0)
    mean = math.sqrt(2.0 / (math.pi * steps)) * float((np.arange(1.0, steps + 1.0) ** -0.5).sum())
    continuous, single = 4.0 * math.log(2.0) - 8.0 / math.pi, 1.0 - 2.0 / math.pi
    return mean * mean + continuous + (single - continuous) / steps


def realised_variance(log_prices: NDArray[np.float64], steps: int, dt_years: float) -> NDArray[np.float64]:
    """(bars,) sum of squared log returns within consecutive bars of `steps` ticks, per year; oldest first."""
    squares = np.diff(log_prices) ** 2
    bars = squares.size // steps
    return squares[: bars * steps].reshape(bars, steps).sum(axis=1) / (steps * dt_years)


def ewma_variance(returns: NDArray[np.float64], dt_years: float, decay: float = 0.94) -> float:
    """Exponentially weighted mean square of log returns, per year (RiskMetrics, 1996; 0.94 is its daily decay).

    Weights are normalised over the sample, so a short one is not drawn towards zero. NaN without returns.
    """
    if returns.size == 0:
        return float("nan")
    weights = decay ** np.arange(returns.size - 1, -1, -1.0)
    return float((weights * returns * returns).sum() / (weights.sum() * dt_years))


class HarForecast(NamedTuple):
    """A fitted heterogeneous autoregression.

    intercept: per year. coefficients: (k,) on the mean variance over each window. forecast: mean variance per year over
    the horizon ahead, kept between the least and the greatest variance seen.
    """

    intercept: float
    coefficients: NDArray[np.float64]
    forecast: float


def har_components(variance: NDArray[np.float64], windows: Sequence[int] = HAR_WINDOWS) -> NDArray[np.float64]:
    """(n - longest + 1, k) mean of the latest values over each window, one row per day from which all are known."""
    total = np.concatenate(([0.0], np.cumsum(variance)))
    days = np.arange(max(windows), variance.size + 1)
    return np.stack([(total[days] - total[days - window]) / window for window in windows], axis=1)


def har_forecast(variance: NDArray[np.float64], horizon: int = 1, windows: Sequence[int] = HAR_WINDOWS) -> HarForecast:
    """Least-squares HAR-RV forecast (Corsi, J. Financial Econometrics 7, 2009).

    variance: (n,) realised variance per day, oldest first. With fewer than `len(windows) + 2` pairs of a past and a
    future to learn from, the forecast is the plain mean. NaN without any variance.
    """
    pairs = variance.size - max(windows) - horizon + 1
    if pairs < len(windows) + 2:
        mean = float(variance.mean()) if variance.size else float("nan")
        return HarForecast(mean, np.zeros(len(windows)), mean)
    known = har_components(variance, windows)
    ahead = har_components(variance[max(windows) :], [horizon])[:, 0]
    design = np.column_stack((np.ones(pairs), known[:pairs]))
    fitted = np.linalg.lstsq(design, ahead, rcond=None)[0].astype(np.float64)
    forecast = fitted[0] + (known[-1] * fitted[1:]).sum()
    return HarForecast(float(fitted[0]), fitted[1:], float(np.clip(forecast, variance.min(), variance.max())))
