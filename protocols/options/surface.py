"""The surface of one underlying: a smile per expiry that moves with the spot, realised volatility and order flow.

Three numbers carry it: the level, which follows the spot at once and realised volatility slowly; and per expiry the
vega that customers hold net and how far above the spot they hold it, which dealers pass on with time. Smiles are
SVI in natural parameters, so none allows a butterfly; levels are lifted until total variance rises with time.
"""

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from protocols.options.settings import DAY, SurfaceSettings
from sim.pricing.svi import RawSVI, butterfly_free, calendar_free, smile, variances
from sim.units import SECONDS_PER_YEAR

Floats = NDArray[np.float64]
MONTH = 30.0 * DAY / SECONDS_PER_YEAR
LEAST_YEARS = 600.0 / SECONDS_PER_YEAR
"""Smiles of shorter expiries are those of ten minutes."""
FLOOR, CEILING = 0.05, 5.0
"""Bounds of the level of volatility."""
LEAST_TILT = 0.95
"""Part of the steepest skew that a curvature admits."""


class Surface:
    """Implied volatility of one underlying.

    Parameters
    ----------
    settings: how it starts and moves. spot: index at the start. expiries: how many are listed at a time.

    Attributes
    ----------
    level: volatility at the forward, a month ahead, without pressure. realised: squared realised volatility per year.
    vega, tilt: (expiries,) customers' net vega, and net vega times standardised moneyness, USD per 1.0 of volatility.
    """

    def __init__(self, settings: SurfaceSettings, spot: float, expiries: int) -> None:
        self.settings, self.spot, self.closed_at = settings, spot, spot
        self.level = settings.atm
        self.realised = max(settings.atm - settings.premium, 0.0) ** 2
        self.vega, self.tilt = np.zeros(expiries), np.zeros(expiries)

    def move(self, spot: float) -> None:
        """Follow the spot: the level moves by its beta to the log return."""
        if spot != self.spot:
            beta = self.settings.spot_vol
            if self.settings.sticky == "strike":  # slope of volatility in log moneyness a month ahead
                beta += self.settings.skew / (2.0 * math.sqrt(MONTH))
            self.level = min(max(self.level + beta * math.log(spot / self.spot), FLOOR), CEILING)
            self.spot = spot

    def age(self, dt: float) -> None:
        """One tick of `dt` seconds: realised volatility, the level's way back to it, pressure passed on."""
        settings = self.settings
        squared = math.log(self.spot / self.closed_at) ** 2 * SECONDS_PER_YEAR / dt
        self.closed_at = self.spot
        self.realised += (squared - self.realised) * _passed(dt, settings.realised_half_life)
        target = max(math.sqrt(self.realised) + settings.premium, FLOOR)
        self.level += (target - self.level) * _passed(dt, settings.half_life)
        kept = 1.0 - _passed(dt, settings.pressure_half_life)
        self.vega *= kept
        self.tilt *= kept

    def smiles(self, years: Floats, vega: Floats | None = None, tilt: Floats | None = None) -> list[RawSVI]:
        """One smile per expiry; vega, tilt: pressures other than the present ones."""
        settings = self.settings
        pressed = (self.vega if vega is None else vega) / settings.vega_capacity
        tilted = (self.tilt if tilt is None else tilt) / settings.vega_capacity
        span = np.maximum(years, LEAST_YEARS)
        atm = self.level * (span / MONTH) ** settings.term + settings.vega_pressure * pressed
        atm = np.clip(atm, FLOOR, CEILING)
        by_time = np.argsort(span, kind="stable")
        risen = np.maximum.accumulate(atm[by_time] ** 2 * span[by_time])
        atm[by_time] = np.maximum(atm[by_time], np.sqrt(risen / span[by_time]))
        steepest = LEAST_TILT * settings.curvature / (1.0 + atm * atm * span)
        skew = np.clip(settings.skew + settings.skew_pressure * tilted, -steepest, steepest)
        rows = zip(atm.tolist(), skew.tolist(), span.tolist(), strict=True)
        return [smile(a, s, settings.curvature, t) for a, s, t in rows]

    def volatilities(self, smiles: list[RawSVI], years: Floats, strike: Floats) -> Floats:
        """(expiries, n) volatility at strikes, (expiries, n)."""
        moneyness = np.log(strike / self.spot)
        total = np.stack([variances(one, k) for one, k in zip(smiles, moneyness, strict=True)])
        return np.sqrt(np.maximum(total, 0.0) / np.maximum(years, LEAST_YEARS)[:, None])

    def free_of_arbitrage(self, years: Floats) -> tuple[list[bool], list[bool]]:
        """Whether each expiry's smile admits no butterfly, and each but the first in time no calendar, at no cost."""
        smiles = self.smiles(years)
        by_time = [smiles[e] for e in np.argsort(years, kind="stable")]
        calendars = [calendar_free(a, b) for a, b in pairwise(by_time)]
        return [butterfly_free(one) for one in smiles], calendars


def _passed(dt: float, half_life: float) -> float:
    """Share of the way gone in `dt`; all of it if the half-life is 0."""
    return 1.0 - 0.5 ** (dt / half_life) if half_life > 0.0 else 1.0
