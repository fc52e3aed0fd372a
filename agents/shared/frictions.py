"""What keeps accounts from doing what their rule says: slowness, reluctance to take losses, and fear."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from sim.fields import Count, Duration, NonNegative
from sim.views import View

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]
FOREVER = 2**62
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, kw_only=True)
class Frictions:
    """Human frictions; none by default."""

    delay: Count = 0
    """Ticks between the decision and the first order; nobody decides anew in between."""
    loss_aversion: Annotated[float, Ge(1.0)] = 1.0
    """Sales of what stands below its average purchase price are divided by this; 1 treats gains and losses alike.

    The disposition effect: Shefrin and Statman (Journal of Finance 40, 1985). Accounts of Odean (Journal of Finance 53,
    1998) realised gains 1.5 times as readily as losses.
    """
    panic: NonNegative = 0.0
    """Panics per day at a drawdown of 100%, in proportion to the drawdown; whoever panics sells everything.

    That freak-outs come after falls of the account is found by Elkind, Kaminski, Lo, Siah and Wong (Journal of
    Financial Data Science 4, 2022); proportionality is an assumption.
    """
    calm: Duration | None = None
    """Time after a panic until the account follows its rule again; never if none."""

    def reluctant(self, current: Floats, target: Floats, prices: Floats, paid: Floats) -> Floats:
        """(m, k) the target less what loss aversion keeps from being sold; purchases shrink to make room for it.

        prices: (k,) USD. paid: (m, k) average purchase prices.
        """
        if self.loss_aversion == 1.0:
            return target
        cut = np.minimum(target - current, 0.0)
        kept = np.where(prices < paid, cut * (1.0 / self.loss_aversion - 1.0), 0.0)
        bought = np.maximum(target - current, 0.0)
        room = np.maximum(bought.sum(axis=1) - kept.sum(axis=1), 0.0) / np.maximum(bought.sum(axis=1), 1e-300)
        return np.where(target > current, current + bought * np.minimum(room, 1.0)[:, None], target + kept)

    def panics(self, view: View, drawdown: Floats, uniform: Floats) -> NDArray[np.bool_]:
        """(n,) who loses their nerve in this tick. drawdown: (n,) share of peak wealth. uniform: (n,) in [0, 1)."""
        return uniform < -np.expm1(-self.panic * drawdown * view.dt_years * DAYS_PER_YEAR)

    def calm_at(self, view: View) -> int:
        """Tick at which who panics now follows the rule again."""
        return FOREVER if self.calm is None else view.tick + ticks_in(view, self.calm)


def average_price(paid: Floats, held: Floats, bought: Floats, price: Floats) -> Floats:
    """Average purchase price after buying more, as in Grinblatt and Han (J. Financial Economics 78, 2005).

    held, bought: units before, and added. Nothing held and nothing bought leaves it as it is.
    """
    total = held + bought
    return np.where(total > 0.0, (held * paid + bought * price) / np.where(total > 0.0, total, 1.0), paid)
