"""Depth of real markets, fitted on executable quotes of November 2023.

Source: 1inch quotes of 2023-11-20 00:00-17:00 UTC (github xenophonlabs/crvUSDrisk, commit 7d17fa7, MIT): per pair
17 or 18 sweeps, one an hour, of 20 sizes each. Their price impact is that of the AVERAGE price, one less the quote over
the best quote of the same sweep; it is compared with the average price of the model, seen through an `offset`: the
best of 20 noisy quotes flatters the reference by the same few basis points at every size.

Only Y sigma / V^delta is identified. Volatility and volume are conventions that split it: for ETH and BTC the root
mean square of hourly returns, per day, and the mean daily volume over the 30 days to 2023-11-19 of the Binance
ETHUSDT perpetual and BTC/USDT spot; for stablecoins 10 bp a day and 1e9 tokens a day (assumed). Y is far above the
order one of the square-root law, and delta near one: an instant sweep of on-chain liquidity walks a nearly linear
book, while that law describes orders worked through a day of refilling on all venues.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.shared.depth.kernels import Depth, average_price


@dataclass(frozen=True)
class DepthCalibration:
    """Fitted depth of one pair in one direction.

    sold, bought: tokens of the quoted order. side: -1 if the asset whose depth this is was sold, +1 if bought.
    delta, impact: exponent and Y. volatility: sigma per day. volume: V, whole tokens of the asset a day.
    offset: small-order impact of the quotes, not of the market. buckets: per size bucket of the quotes (from, to,
    median size, median impact), sizes in whole tokens of the asset; the fit holds between the first and the last.
    """

    sold: str
    bought: str
    side: int
    delta: float
    impact: float
    volatility: float
    volume: float
    offset: float
    buckets: tuple[tuple[float, float, float, float], ...] = field(repr=False)
    epsilon: float = 1e-6

    def depth(self, volatility: float | None = None, volume: float | None = None) -> Depth:
        """Shape for the kernels, at the fitted volatility and volume or at those of another time."""
        sigma = self.volatility if volatility is None else volatility
        return Depth(self.impact * sigma, self.volume if volume is None else volume, self.delta, self.epsilon)

    def quoted_impact(self, size: float) -> float:
        """Price impact a quote of this size (whole tokens of the asset) would have shown, offset included."""
        ratio = average_price(0.0, self.side * float(size), 1.0, self.depth())
        return 1.0 - (1.0 - self.offset) * float(ratio if self.side < 0 else 1.0 / ratio)


_FITS = (
    DepthCalibration(
        sold="WETH",
        bought="USDC",
        side=-1,
        delta=0.9405,
        impact=144,
        volatility=0.027,
        volume=2.9e06,
        offset=0.000331,
        buckets=(
            (0, 100, 5.88, 0.0003267),
            (100, 500, 259.7, 0.0006705),
            (500, 1_000, 760.7, 0.001296),
            (1_000, 2_000, 1_281, 0.00163),
            (2_000, 5_000, 2_980, 0.003548),
            (5_000, 10_000, 7_292, 0.00744),
            (10_000, 20_000, 14_900, 0.01189),
            (20_000, 50_000, 27_700, 0.02399),
            (50_000, 75_000, 64_840, 0.06417),
        ),
    ),
    DepthCalibration(
        sold="USDC",
        bought="WETH",
        side=1,
        delta=0.9694,
        impact=183.9,
        volatility=0.027,
        volume=2.9e06,
        offset=0.000104,
        buckets=(
            (0, 100, 6.373, 0.0001137),
            (100, 500, 191.6, 0.0003196),
            (500, 1_000, 807.3, 0.0009112),
            (1_000, 2_000, 1_534, 0.001902),
            (2_000, 5_000, 3_247, 0.00419),
            (5_000, 10_000, 7_444, 0.007642),
            (10_000, 20_000, 16_050, 0.01484),
            (20_000, 50_000, 30_990, 0.02876),
            (50_000, 75_000, 56_130, 0.05834),
        ),
    ),
    DepthCalibration(
        sold="WBTC",
        bought="USDC",
        side=-1,
        delta=0.9059,
        impact=117.5,
        volatility=0.024,
        volume=4.0e04,
        offset=0.000486,
        buckets=(
            (0, 5, 0.2809, 0.0004849),
            (5, 25, 10.7, 0.001608),
            (25, 50, 35.26, 0.002957),
            (50, 100, 69.14, 0.005087),
            (100, 250, 150.6, 0.0092),
            (250, 500, 347.6, 0.0184),
            (500, 1_000, 727.6, 0.03518),
            (1_000, 2_500, 1_561, 0.07428),
            (2_500, 4_500, 3_371, 0.1715),
        ),
    ),
    DepthCalibration(
        sold="USDC",
        bought="WBTC",
        side=1,
        delta=0.9179,
        impact=114.7,
        volatility=0.024,
        volume=4.0e04,
        offset=0.000356,
        buckets=(
            (0, 5, 0.3305, 0.00036),
            (5, 25, 10.79, 0.00142),
            (25, 50, 39.45, 0.002717),
            (50, 100, 78.17, 0.005181),
            (100, 250, 146.8, 0.007313),
            (250, 500, 308.1, 0.0145),
            (500, 1_000, 608.1, 0.02759),
            (1_000, 2_500, 1_494, 0.09031),
        ),
    ),
    DepthCalibration(
        sold="USDC",
        bought="USDT",
        side=-1,
        delta=1.036,
        impact=60.44,
        volatility=0.001,
        volume=1.0e09,
        offset=9.8e-05,
        buckets=(
            (0, 1_000_000, 25_540, 9.318e-05),
            (1_000_000, 2_000_000, 1_492_000, 0.0001392),
            (2_000_000, 5_000_000, 3_400_000, 0.0002068),
            (5_000_000, 10_000_000, 6_609_000, 0.0002344),
            (10_000_000, 20_000_000, 14_310_000, 0.0004084),
            (20_000_000, 40_000_000, 29_680_000, 0.000964),
        ),
    ),
    DepthCalibration(
        sold="USDT",
        bought="USDC",
        side=-1,
        delta=0.5813,
        impact=2.638,
        volatility=0.001,
        volume=1.0e09,
        offset=0.0,
        buckets=(
            (1_000_000, 2_000_000, 1_332_000, 3.288e-05),
            (2_000_000, 5_000_000, 2_961_000, 5.053e-05),
            (5_000_000, 10_000_000, 7_064_000, 0.0001114),
            (10_000_000, 20_000_000, 13_040_000, 0.0001604),
            (20_000_000, 40_000_000, 30_410_000, 0.0001809),
            (40_000_000, 70_000_000, 45_500_000, 0.0002494),
            (70_000_000, 120_000_000, 84_530_000, 0.0004245),
        ),
    ),
    DepthCalibration(
        sold="USDC",
        bought="TUSD",
        side=-1,
        delta=1.315,
        impact=1.548e04,
        volatility=0.001,
        volume=1.0e09,
        offset=0.000288,
        buckets=(
            (0, 100_000, 8_356, 0.0002922),
            (100_000, 250_000, 153_800, 0.0003328),
            (250_000, 500_000, 378_800, 0.0005504),
            (500_000, 1_000_000, 751_700, 0.0008223),
            (1_000_000, 2_000_000, 1_359_000, 0.00128),
            (2_000_000, 3_000_000, 2_520_000, 0.003011),
        ),
    ),
)

CALIBRATIONS: dict[tuple[str, str], DepthCalibration] = {(fit.sold, fit.bought): fit for fit in _FITS}
"""Fits by (sold, bought): ETH and BTC against USDC both ways, the deep stable pair both ways, one thin stable."""


def bucket_medians(
    sizes: NDArray[np.float64], impacts: NDArray[np.float64], edges: tuple[float, ...]
) -> tuple[tuple[float, float, float, float], ...]:
    """(from, to, median size, median impact) of the quotes with from < size <= to."""
    rows = []
    for low, high in pairwise(edges):
        inside = (sizes > low) & (sizes <= high)
        rows.append((low, high, float(np.median(sizes[inside])), float(np.median(impacts[inside]))))
    return tuple(rows)


def fit_depth(
    start: DepthCalibration, sizes: NDArray[np.float64], impacts: NDArray[np.float64], edges: tuple[float, ...]
) -> DepthCalibration:
    """Fit delta, Y and the offset to quotes by least squares of the log of the bucket medians.

    Parameters
    ----------
    start: where the search starts; its pair, side, volatility, volume and epsilon are kept.
    sizes: (n,) whole tokens of the asset. impacts: (n,) impact of the average price, positive medians.
    edges: (m + 1,) bucket limits in whole tokens, at least one quote in each.
    """
    from scipy.optimize import least_squares

    buckets = bucket_medians(sizes, impacts, edges)
    middle = float(np.sqrt(start.volume * buckets[-1][2]))

    def candidate(z: NDArray[np.float64]) -> DepthCalibration:
        # Y is scaled to a size inside the data, or it and delta are almost collinear.
        impact = float(np.exp(z[0]) * (start.volume / middle) ** z[1])
        return replace(start, delta=float(z[1]), impact=impact, offset=float(z[2]) * 1e-4, buckets=buckets)

    def misfit(z: NDArray[np.float64]) -> list[float]:
        trial = candidate(z)
        return [float(np.log(trial.quoted_impact(row[2]) / row[3])) for row in buckets]

    first = [np.log(start.impact) - start.delta * np.log(start.volume / middle), start.delta, start.offset * 1e4]
    found = least_squares(misfit, first, bounds=([-np.inf, 0.05, 0.0], [np.inf, 5.0, 100.0]), x_scale=[0.1, 0.1, 0.1])
    return candidate(found.x)
