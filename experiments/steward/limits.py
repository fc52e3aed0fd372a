"""How far a risk steward may move a parameter of a lending market without a vote of the token holders.

Bounds of the Aave v3 risk stewards (aave-v3-risk-stewards, 2025). They hold for each change; the same parameter can be
changed again after `DELAY_DAYS`. No parameter can be set to 0.
"""

from dataclasses import dataclass

import numpy as np

from experiments.wording import signed

DELAY_DAYS = 3
"""Days between two changes of the same parameter."""
TOLERANCE = 1e-9
MOST = 1000
"""Changes in a row that are thought of."""


@dataclass(frozen=True)
class Limit:
    """Largest change of a parameter at a time.

    step: the change; of a relative limit a share of the value. relative: whether it is one. noun: the parameter in
    words. usage: whether usage of the market is what is borrowed per collateral ("debt"), or utilisation ("pool").
    """

    step: float
    noun: str
    relative: bool = False
    usage: str = "debt"

    @property
    def words(self) -> str:
        """The limit in words."""
        if self.relative:
            return f"{100 * self.step:g}% of its value"
        return f"{100 * self.step:g} percentage point{'' if np.isclose(self.step, 0.01) else 's'}"

    def range(self, now: float, changes: int = 1) -> tuple[float, float]:
        """Lowest and highest value after so many changes. A lowest value of 0 cannot itself be set."""
        if self.relative:
            return now * (1.0 - self.step) ** changes, now * (1.0 + self.step) ** changes
        return max(0.0, now - self.step * changes), now + self.step * changes

    def allows(self, now: float, value: float, changes: int = 1) -> bool:
        """Whether a value can be reached in so many changes."""
        low, high = self.range(now, changes)
        slack = TOLERANCE * max(1.0, abs(now))
        return value > 0.0 and low - slack <= value <= high + slack

    def needed(self, now: float, value: float) -> int | None:
        """Changes that it takes; None if no number of them is enough."""
        return next((number for number in range(1, MOST) if self.allows(now, value, number)), None)

    def values(self, now: float, changes: int, many: int) -> list[float]:
        """So many values between the lowest and the highest that can be set, `now` among them if `many` is odd."""
        low, high = self.range(now, changes)
        if self.relative:
            low = max(low, now * now / high)
            return [round(float(value), 10) for value in np.geomspace(low, high, many)]
        low = max(low, 2.0 * now - high)
        return [round(float(value), 10) for value in np.linspace(low, high, many) if value > 0.0]

    def show(self, value: float) -> str:
        """A value as people write it."""
        return f"{value:,.6g}" if self.relative else f"{100 * value:.6g}%"

    def change(self, now: float, value: float) -> str:
        """A change as people write it."""
        if self.relative:
            return f"{signed(100 * (value / now - 1.0), 2)}%"
        return f"{signed(100 * (value - now), 2)} percentage points"


LIMITS = {
    "ltv": Limit(0.005, "loan to value"),
    "liquidation_threshold": Limit(0.005, "liquidation threshold"),
    "liquidation_bonus": Limit(0.005, "liquidation bonus"),
    "supply_cap": Limit(1.0, "supply cap", relative=True),
    "borrow_cap": Limit(1.0, "borrow cap", relative=True, usage="pool"),
    "optimal_utilisation": Limit(0.03, "optimal utilisation", usage="pool"),
    "base_rate": Limit(0.01, "base rate", usage="pool"),
    "slope1": Limit(0.01, "first slope of the rate", usage="pool"),
    "slope2": Limit(0.20, "second slope of the rate", usage="pool"),
}
"""Largest changes by parameter."""
