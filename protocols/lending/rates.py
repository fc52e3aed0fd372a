"""Interest of a pooled reserve: two-slope borrow rate, supply rate and the growth of both indices.

Everything here is elementwise: pass scalars or one array entry per reserve. Rates are per 365-day year, time is in
seconds, amounts may be in any one unit. Source: Aave v3, DefaultReserveInterestRateStrategyV2 and MathUtils.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.units import SECONDS_PER_YEAR


def utilisation(debt: ArrayLike, cash: ArrayLike) -> NDArray[np.float64]:
    """Share of a reserve's assets that is lent out: debt / (debt + cash), 0 for an empty reserve."""
    debt = np.asarray(debt, dtype=np.float64)
    total = debt + np.asarray(cash, dtype=np.float64)
    return np.where(total > 0.0, debt / np.where(total > 0.0, total, 1.0), 0.0)


def borrow_rate(
    utilised: ArrayLike, base_rate: ArrayLike, slope1: ArrayLike, slope2: ArrayLike, optimal: ArrayLike
) -> NDArray[np.float64]:
    """Yearly variable borrow rate, piecewise linear in utilisation with a kink at `optimal`.

    Parameters
    ----------
    utilised: share of the reserve that is lent out, in [0, 1].
    base_rate, slope1, slope2: rate at zero, rise up to the kink, rise from the kink to full utilisation.
    optimal: utilisation at the kink, inside (0, 1).
    """
    utilised, optimal = np.asarray(utilised, dtype=np.float64), np.asarray(optimal, dtype=np.float64)
    below = np.minimum(utilised, optimal) / optimal
    above = np.maximum(utilised - optimal, 0.0) / (1.0 - optimal)
    return np.asarray(base_rate) + np.asarray(slope1) * below + np.asarray(slope2) * above


def supply_rate(borrowed_at: ArrayLike, utilised: ArrayLike, reserve_factor: ArrayLike) -> NDArray[np.float64]:
    """Yearly rate of suppliers: what borrowers pay, less the treasury's share, spread over all that is supplied."""
    return np.asarray(borrowed_at) * np.asarray(utilised) * (1.0 - np.asarray(reserve_factor))


def linear_growth(rate: ArrayLike, seconds: ArrayLike) -> NDArray[np.float64]:
    """Factor by which the supply index grows in `seconds` at a yearly `rate`: 1 + x."""
    return 1.0 + np.asarray(rate) * (np.asarray(seconds) / SECONDS_PER_YEAR)


def compounded_growth(rate: ArrayLike, seconds: ArrayLike) -> NDArray[np.float64]:
    """Factor by which the debt index grows in `seconds` at a yearly `rate`: 1 + x + x^2/2 + x^3/6.

    The cubic stays below exp(x), so borrowers are never charged more than continuous compounding.
    """
    x = np.asarray(rate) * (np.asarray(seconds) / SECONDS_PER_YEAR)
    return 1.0 + x * (1.0 + x * (0.5 + x / 6.0))
