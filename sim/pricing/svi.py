"""One expiry's smile as raw SVI: w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)).

k = log(K / F) and w is total variance, volatility squared times years (Gatheral and Jacquier, "Arbitrage-free SVI
volatility surfaces", Quantitative Finance 14, 2014).
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import inline, kernel


class RawSVI(NamedTuple):
    """Parameters of w(k). b not negative, |rho| below 1, sigma above zero, a + b sigma sqrt(1 - rho^2) not negative."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float


@inline
def svi(a, b, rho, m, sigma, k):
    """Total variance at one log moneyness."""
    return a + b * (rho * (k - m) + math.sqrt((k - m) * (k - m) + sigma * sigma))


def _total_variance_numpy(smile, k, out):
    a, b, rho, m, sigma = smile
    out[:] = a + b * (rho * (k - m) + np.sqrt((k - m) * (k - m) + sigma * sigma))


@kernel(twin=_total_variance_numpy)
def total_variance(smile, k, out):
    """w(k) for a RawSVI; k, out: (n,) float64, out written."""
    for i in range(k.size):
        out[i] = svi(smile[0], smile[1], smile[2], smile[3], smile[4], k[i])


def _durrleman_numpy(smile, k, out):
    a, b, rho, m, sigma = smile
    y = k - m
    root = np.sqrt(y * y + sigma * sigma)
    w = a + b * (rho * y + root)
    slope, bend = b * (rho + y / root), b * sigma * sigma / (root * root * root)
    tilt = 1.0 - 0.5 * k * slope / w
    out[:] = tilt * tilt - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend


@kernel(twin=_durrleman_numpy)
def durrleman(smile, k, out):
    """Durrleman's g(k), the density of the log price up to a positive factor: below zero a butterfly costs less than 0.

    smile: RawSVI. k, out: (n,) float64, out written. Derivatives of w are exact.
    """
    a, b, rho, m, sigma = smile
    for i in range(k.size):
        y = k[i] - m
        root = math.sqrt(y * y + sigma * sigma)
        w = a + b * (rho * y + root)
        slope, bend = b * (rho + y / root), b * sigma * sigma / (root * root * root)
        tilt = 1.0 - 0.5 * k[i] * slope / w
        out[i] = tilt * tilt - 0.25 * slope * slope * (1.0 / w + 0.25) + 0.5 * bend


GRID = np.linspace(-3.0, 3.0, 1201)
"""Log moneyness at which arbitrage is looked for."""


def variances(smile: RawSVI, k: ArrayLike) -> NDArray[np.float64]:
    """w(k) at any shape of log moneyness."""
    given = np.ascontiguousarray(k, dtype=np.float64)
    out = np.empty(given.size)
    total_variance(RawSVI(*map(float, smile)), given.ravel(), out)
    return out.reshape(np.shape(k))


def butterfly_free(smile: RawSVI, grid: NDArray[np.float64] = GRID) -> bool:
    """Whether no butterfly spread has a negative price: w > 0 and g >= 0 on the grid, wing slopes b (1 +- rho) <= 2."""
    if np.min(variances(smile, grid)) <= 0.0 or smile.b * (1.0 + abs(smile.rho)) > 2.0:
        return False
    out = np.empty(grid.size)
    durrleman(RawSVI(*map(float, smile)), grid, out)
    return bool(np.all(out >= 0.0))


def calendar_free(earlier: RawSVI, later: RawSVI, grid: NDArray[np.float64] = GRID) -> bool:
    """Whether no calendar spread has a negative price: total variance nowhere falls with time, wings included."""
    wings = all(later.b * (1.0 + s * later.rho) >= earlier.b * (1.0 + s * earlier.rho) - 1e-14 for s in (-1.0, 1.0))
    return wings and bool(np.all(variances(later, grid) >= variances(earlier, grid) - 1e-14))


def smile(atm: float, skew: float, curvature: float, years: float) -> RawSVI:
    """Raw SVI from a level, a skew and a curvature, which a venue can move one by one.

    It is the smile of Gatheral and Jacquier's SSVI, w = w0 / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)) with
    w0 = atm^2 years and phi = curvature / (sqrt(w0) (1 + w0)), whose theorem 4.2 makes it butterfly-free for every
    level and expiry as long as curvature^2 + curvature |skew| <= 4.

    Parameters
    ----------
    atm: volatility at the forward, above zero: w(0) = w0.
    skew: dw/dk at 0 over sqrt(w0), which is 2 sqrt(years) times the slope of volatility in k; negative where puts are
        dear.
    curvature: steepness of the wings, above |skew| (1 + w0) and up to nearly 2; b and sigma follow from it.
    years: to expiry, above zero.

    Raises ConfigError outside these ranges.
    """
    if not (atm > 0.0 and years > 0.0):
        raise ConfigError(f"a smile of volatility {atm:g} over {years:g} years; both must be above zero")
    level = atm * atm * years
    if not abs(skew) * (1.0 + level) < curvature:
        raise ConfigError(
            f"skew {skew:g} is too steep for curvature {curvature:g}: it must lie strictly within "
            f"+-{max(curvature, 0.0) / (1.0 + level):g} at volatility {atm:g} over {years:g} years; "
            "lower it or raise the curvature"
        )
    if not curvature * (curvature + abs(skew)) <= 4.0:
        most = 0.5 * (math.sqrt(skew * skew + 16.0) - abs(skew))
        raise ConfigError(f"curvature {curvature:g} allows arbitrage; with skew {skew:g} it may be at most {most:g}")
    phi = curvature / (math.sqrt(level) * (1.0 + level))
    rho = skew * (1.0 + level) / curvature
    half, rest = 0.5 * level, 1.0 - rho * rho
    return RawSVI(half * rest, half * phi, rho, -rho / phi, math.sqrt(rest) / phi)
