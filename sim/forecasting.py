"""What a forecaster is: the extension point of everybody who looks ahead at volatility."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import SpilloverError
from sim.math.forecast.score import Score, out_of_sample


@dataclass(kw_only=True, eq=False)
class Forecaster:
    """How much a price is going to vary, from how much it has varied."""

    family: ClassVar[str] = "forecaster"

    # IMPLEMENT
    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Mean variance of the next `horizon` log returns, per return.

        returns: (n,) log returns per tick, oldest first, n >= 1; the answer is a number from 0 up for any of them.
        """
        raise SpilloverError(f"{type(self).__name__} does not define expect()")

    # FREE
    def sound(self, returns: NDArray[np.float64], horizon: int) -> float:
        """What it expects; SpilloverError if that is no number from 0 up."""
        found = float(self.expect(returns, horizon))
        if not 0.0 <= found < np.inf:
            kind = getattr(type(self), "kind", type(self).__name__)
            raise SpilloverError(
                f"forecaster {kind} expects a variance of {found} after {returns.size} returns; "
                "must be a number from 0 up"
            )
        return found

    def score(self, returns: NDArray[np.float64], first: int, horizon: int = 1) -> Score:
        """How it does out of sample against EWMA, from place `first` of a sample on."""
        return out_of_sample(self.expect, returns, first, horizon)
