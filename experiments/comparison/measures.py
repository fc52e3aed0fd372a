"""What is measured of a market, of everybody else in it, and of those who follow a rule."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.comparison.arena import ADOPTERS, HOLDERS, Arena, Array, gaps

HUNDRED_MILLION = 1e8
AVERSION = 3.0
"""Relative risk aversion behind certainty equivalents."""
HEADLINE = "loss"
"""The systemic measure that rankings and the headline picture show."""


@dataclass(frozen=True)
class Measure:
    """A systemic outcome whose change per adopting dollar is a footprint.

    scale: footprints are per so many adopting USD. unit: of the footprint. values: of an arena.
    """

    name: str
    title: str
    unit: str
    scale: float
    values: Callable[[Arena], Array]

    def footprint(self, arena: Arena) -> Array:
        """(rules, shares, markets, seeds) change against share 0 per `scale` adopting USD; NaN at share 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            per = self.scale / arena.dollars
        per[0] = np.nan
        return gaps(self.values(arena)) * per[None, :, None, None]

    def change(self, arena: Arena) -> Array:
        """(rules, shares, markets, seeds) change against share 0, in the unit of the outcome."""
        return gaps(self.values(arena))


SYSTEMIC = (
    Measure("loss", "losses of everybody else", "USD per adopting USD", 1.0, lambda arena: arena.loss),
    Measure("liquidated", "liquidated", "USD per adopting USD", 1.0, lambda arena: arena.of("liquidated_usd")),
    Measure("bad_debt", "bad debt", "USD per adopting USD", 1.0, lambda arena: arena.of("bad_debt_usd")),
    Measure(
        "drawdown",
        "drawdown, mean of assets",
        "share per 100M USD",
        HUNDRED_MILLION,
        lambda arena: arena.mean("drawdown."),
    ),
    Measure(
        "excess_volatility",
        "excess volatility, mean of assets",
        "ratio per 100M USD",
        HUNDRED_MILLION,
        lambda arena: arena.mean("excess_volatility."),
    ),
    Measure(
        "mispricing",
        "mispricing (rms), mean of assets",
        "log price per 100M USD",
        HUNDRED_MILLION,
        lambda arena: arena.mean("mispricing_rms."),
    ),
)
"""Every systemic measure, the headline first."""


@dataclass(frozen=True)
class Private:
    """Something that those who follow a rule care about, against the same dollars in the benchmark.

    outcome: of their populations; None for the return, which is computed from dollars.
    """

    name: str
    title: str
    outcome: str | None

    def change(self, arena: Arena) -> Array:
        """(rules, shares, markets, seeds) of adopters, less that of holders at share 0; NaN at share 0."""
        if self.outcome is None:
            mine, base = arena.returns(ADOPTERS), arena.returns(HOLDERS)
        else:
            mine, base = arena.private(ADOPTERS, self.outcome), arena.private(HOLDERS, self.outcome)
        found = mine - base[:, :1]
        found[:, 0] = np.nan
        return found


PRIVATE = (
    Private("return", "return", None),
    Private("volatility", "volatility per year", "volatility"),
    Private("max_drawdown", "largest drawdown", "max_drawdown"),
)
"""Every private measure, the headline first."""


def certainty_equivalent(returns: Array, aversion: float = AVERSION) -> Array:
    """(...) sure return that is worth as much as equally likely ones, to constant relative risk aversion.

    returns: (n, ...) shares of wealth. Wealth below 1% counts as 1%.
    """
    wealth = np.maximum(1.0 + returns, 0.01)
    return np.asarray(np.mean(wealth ** (1.0 - aversion), axis=0) ** (1.0 / (1.0 - aversion)) - 1.0)
