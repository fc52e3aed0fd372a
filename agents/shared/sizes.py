"""How much money each account of a population has: heavy-tailed distributions in USD."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from sim.fields import NonNegative, Positive


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of accounts in USD. Exactly one of total, mean and median fixes the scale; `law` fixes the shape."""

    total: Positive | None = None
    """Sum over all accounts: the draws are scaled so that it is met exactly."""
    mean: Positive | None = None
    """Mean of the distribution."""
    median: Positive | None = None
    """Median of the distribution."""
    law: Literal["lognormal", "pareto"] = "lognormal"
    spread: NonNegative = 1.5
    """Standard deviation of the log size (lognormal); 0 makes all accounts equal."""
    tail: Annotated[float, Gt(1.0)] = 1.2
    """Exponent of the tail P(size > x) ~ x^-tail (pareto); above 1, so that the mean exists."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        given = [name for name in ("total", "mean", "median") if getattr(self, name) is not None]
        if len(given) == 1:
            return []
        return [
            (
                given[1] if given else "total",
                f"found {' and '.join(given) or 'no scale'}; give one of total, mean, median",
            )
        ]

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """(n,) sizes in USD, in label order."""
        if self.law == "lognormal":
            shape, mean, median = np.exp(self.spread * rng.standard_normal(n)), np.exp(0.5 * self.spread**2), 1.0
        else:
            shape = (1.0 - rng.random(n)) ** (-1.0 / self.tail)
            mean, median = self.tail / (self.tail - 1.0), 2.0 ** (1.0 / self.tail)
        if self.total is not None:
            return shape * (self.total / shape.sum()) if n else shape
        return shape * (self.mean / mean if self.mean is not None else (self.median or 0.0) / median)
