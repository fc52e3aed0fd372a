"""Cycles of activity on many time scales, common to a population: a Markov-switching multifractal."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from sim.fields import Duration
from sim.rng import Draws

_MINUTE, _HALF_DAY = Duration(60.0), Duration(43_200.0)


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """Independent components whose product is the level of activity, one on average (Calvet and Fisher, 2004).

    A component is 1 + spread or 1 - spread, as likely, and is redrawn with probability 1 - exp(-dt / life) in a tick.
    Lives are spaced geometrically, so the paper's 1 - (1 - gamma_1)^(b^(k-1)) holds with gamma_1 that of the slowest.
    """

    components: Annotated[int, Ge(2), Le(20)] = 8
    spread: Annotated[float, Gt(0.0), Lt(1.0)] = 0.4
    slowest: Duration = _HALF_DAY
    """Mean life of the state of the slowest component."""
    fastest: Duration = _MINUTE
    """That of the fastest one."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if 0.0 < self.fastest < self.slowest:
            return []
        return [("fastest", f"found {self.fastest:g} s; give a time above 0 and below slowest, {self.slowest:g} s")]

    def chances(self, dt: float) -> NDArray[np.float64]:
        """(components,) probabilities, slowest first, that a component is redrawn in a tick of `dt` seconds."""
        lives: NDArray[np.float64] = np.geomspace(self.slowest, self.fastest, self.components)
        return -np.expm1(-dt / lives)

    def redraw(
        self, states: NDArray[np.float64] | None, chances: NDArray[np.float64], draws: Draws, slot: int
    ) -> NDArray[np.float64]:
        """(components,) states one tick on, or the first ones. Uses two slots of `draws`, whatever rows there are."""
        labels = np.arange(self.components)
        fresh = np.where(draws.of(labels, slot + 1) < 0.5, 1.0 + self.spread, 1.0 - self.spread)
        return fresh if states is None else np.where(draws.of(labels, slot) < chances, fresh, states)
