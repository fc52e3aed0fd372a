"""A volatility surface of SVI smiles: volatilities, strikes by delta, risk reversals, butterflies, arbitrage flags.

Deltas are forward deltas, N(d1) of a call and N(d1) - 1 of a put: venues that list by delta have no spot yield.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import kernel
from sim.pricing.normal import cdf
from sim.pricing.svi import RawSVI, butterfly_free, calendar_free, svi, variances

_FURTHEST = 20.0
"""Log moneyness between which strikes are looked for."""
_HALVINGS = 60


@kernel()
def moneyness_for_delta(smile, delta, is_call):
    """Log moneyness k at which the option on this smile has this absolute forward delta, by bisection.

    smile: RawSVI without butterfly arbitrage, so that the delta of a call falls in k. delta: in (0, 1).
    """
    goal = delta if is_call else 1.0 - delta
    low, high = -_FURTHEST, _FURTHEST
    for _ in range(_HALVINGS):
        k = 0.5 * (low + high)
        width = math.sqrt(svi(smile[0], smile[1], smile[2], smile[3], smile[4], k))
        if cdf(0.5 * width - k / width) > goal:
            low = k
        else:
            high = k
    return 0.5 * (low + high)


def strike_for_delta(smile: RawSVI, forward: float, delta: float, is_call: bool) -> float:
    """The strike whose option has this absolute forward delta on a smile.

    Raises ConfigError for a delta that is not strictly between 0 and 1.
    """
    if not 0.0 < delta < 1.0:
        raise ConfigError(f"a strike of absolute delta {delta:g}; allowed: strictly between 0 and 1, such as 0.25")
    return forward * math.exp(moneyness_for_delta(_floats(smile), float(delta), bool(is_call)))


def delta_for_strike(smile: RawSVI, forward: float, strike: float, is_call: bool) -> float:
    """Absolute forward delta of an option on a smile."""
    k = math.log(strike / forward)
    width = math.sqrt(float(variances(smile, k)))
    call = float(cdf(0.5 * width - k / width))
    return call if is_call else 1.0 - call


@dataclass(frozen=True)
class Wings:
    """Quotes of one expiry in volatility: at the forward, and at one absolute delta on either side.

    risk_reversal: call less put volatility. butterfly: their mean less the one at the forward.
    """

    atm: float
    call: float
    put: float

    @property
    def risk_reversal(self) -> float:
        return self.call - self.put

    @property
    def butterfly(self) -> float:
        return 0.5 * (self.call + self.put) - self.atm


def wings(smile: RawSVI, years: float, delta: float = 0.25) -> Wings:
    """Quotes of a smile at one absolute delta, 25 by default."""
    places = [strike_for_delta(smile, 1.0, delta, is_call) for is_call in (True, False)]
    total = variances(smile, np.array([0.0, *np.log(places)]))
    atm, call, put = (float(value) for value in np.sqrt(total / years))
    return Wings(atm, call, put)


@dataclass(frozen=True)
class Arbitrage:
    """What is wrong with a surface: expiries whose density is negative, and those with less variance than earlier."""

    butterfly: tuple[float, ...]
    calendar: tuple[float, ...]

    @property
    def free(self) -> bool:
        return not self.butterfly and not self.calendar


@dataclass(frozen=True)
class Surface:
    """Smiles by expiry, years ascending; between expiries total variance is linear in time at equal log moneyness.

    Before the first expiry and after the last the nearest volatility holds.
    """

    years: tuple[float, ...]
    smiles: tuple[RawSVI, ...]

    def __post_init__(self) -> None:
        ascending = all(early < late for early, late in zip(self.years, self.years[1:], strict=False))
        if len(self.years) != len(self.smiles) or not self.years or self.years[0] <= 0.0 or not ascending:
            raise ConfigError(
                f"a surface of {len(self.smiles)} smiles at years {list(self.years)}; "
                "give one smile for each of one or more expiries, years ascending from above zero"
            )

    def volatility(self, k: ArrayLike, years: float) -> NDArray[np.float64]:
        """Volatility at any shape of log moneyness k = log(K / F) and one time above zero."""
        after = bisect_right(self.years, years)
        if after in (0, len(self.years)):
            place = min(after, len(self.years) - 1)
            return np.asarray(np.sqrt(variances(self.smiles[place], k) / self.years[place]))
        early, late = self.years[after - 1], self.years[after]
        share = (years - early) / (late - early)
        before, beyond = variances(self.smiles[after - 1], k), variances(self.smiles[after], k)
        return np.asarray(np.sqrt((before + share * (beyond - before)) / years))

    def arbitrage(self) -> Arbitrage:
        """Expiries that fail the butterfly check, and those that fail the calendar check against the one before."""
        pairs = zip(self.smiles, self.smiles[1:], self.years[1:], strict=False)
        return Arbitrage(
            tuple(t for smile, t in zip(self.smiles, self.years, strict=True) if not butterfly_free(smile)),
            tuple(t for early, late, t in pairs if not calendar_free(early, late)),
        )


def _floats(smile: RawSVI) -> RawSVI:
    """One compiled signature whatever numbers the smile holds."""
    return RawSVI(*map(float, smile))
