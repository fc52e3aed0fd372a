"""HAR forecaster."""

from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sim.forecasting import Forecaster
from sim.math.volatility import HAR_WINDOWS, har_forecast
from sim.registry import component


@component("forecaster", "har")
class Har(Forecaster):
    """HAR-RV: realised variance regressed on its last bar, its week and its month (Corsi, 2009), fitted anew each time.

    Bars end at the latest return; what is left over at the beginning is not used. With too few bars to learn from it is
    their mean, and with none the mean square.
    """

    bar: Annotated[int, Ge(1)] = 24
    """Returns that make one value of realised variance."""
    windows: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)], Annotated[int, Ge(1)]] = HAR_WINDOWS
    """Bars over which it is averaged; rising."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        rising = list(self.windows) == sorted(set(self.windows))
        return [] if rising else [("windows", f"found {list(self.windows)}; each must be longer than the one before")]

    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Per return."""
        bars = returns.size // self.bar
        if not bars:
            return float((returns * returns).mean())
        squares = returns[returns.size - bars * self.bar :] ** 2
        variance = squares.reshape(bars, self.bar).mean(axis=1)
        return har_forecast(variance, max(1, round(horizon / self.bar)), self.windows).forecast
