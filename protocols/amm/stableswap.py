"""A StableSwap pool in the manner of Curve: one asset against the numeraire, flat around a rate, steep far from it."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Le, Lt
from numpy.typing import NDArray

from protocols.amm import stableswap_kernels as kernels
from protocols.amm.pool import Pool, PoolQuote
from protocols.amm.rounding import fee_fraction
from protocols.amm.stableswap_execution import run_stableswap
from sim.fields import Positive
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

_COINS = 2


@component("protocol", "stableswap")
class StableSwap(Pool):
    """Constant sum near its rate, constant product far from it; the fee is on the output."""

    amplification: Annotated[int, Ge(1), Le(1_000_000)] = 200
    """A as Curve's contracts state it: the formula's A n^n is this times n."""
    fee: Annotated[float, Ge(0.0), Lt(1.0)] = 0.0004
    rate: Positive | None = None
    """USD per whole asset at which the pool is flat; by default the price at which the run starts."""

    def declare(self, world: "World") -> None:
        """Open the pool's account, its share token and its market."""
        super().declare(world)
        self.kept, self.ann = fee_fraction(self.fee), self.amplification * _COINS

    def open(self, world: "World") -> None:
        """Fix the rate."""
        usd = float(np.exp(world.prices.log_fundamental(0)[self.token])) if self.rate is None else self.rate
        self.atom_rate = max(1, round(usd * self.scale * kernels.RATE_UNIT))

    @property
    def curve(self) -> tuple[int, int, int, int]:
        """Rate, A n^n and kept part of the output, as kernels take them."""
        return self.atom_rate, self.ann, *self.kept

    def run(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64], *results: Any) -> None:
        """Run orders on the reserves."""
        book, [share] = world.ledger.book(4 * len(ints)), self.shares
        run_stableswap(book, ints, reals, self.token, 0, share, self.account, *self.curve, self.scale, *results)

    def log_price(self, world: "World") -> float | None:
        """Log of the marginal price."""
        [(held, money)] = self.reserves(world)
        unit = self.atom_rate / kernels.RATE_UNIT
        if not held or not money:
            return None
        return math.log(unit * kernels.marginal_price(held * unit, float(money), float(self.ann)))

    def quote(self, world: "World") -> "StableSwapQuote":
        """The pool as traders and providers see it."""
        return StableSwapQuote(self, world)


class StableSwapQuote(PoolQuote):
    """A StableSwap pool at one moment."""

    def __init__(self, pool: StableSwap, world: "World") -> None:
        super().__init__(pool, world)
        self._curve = pool.curve
        self._unit = pool.atom_rate / kernels.RATE_UNIT
        """Units of the numeraire's atoms per asset atom."""

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms."""
        return max(kernels.quote(amount, True, *self.reserves, *self._curve), 0)

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""
        return max(kernels.quote(amount, False, *self.reserves, *self._curve), 0)

    def cost(self, amount: int) -> int | None:
        """Numeraire atoms that buy `amount` asset atoms; None if the pool does not have them."""
        if amount == 0:
            return 0
        return self.at_least(amount, kernels.input_for(amount, False, *self.reserves, *self._curve))

    def sell_to(self, price: float) -> int:
        """Asset atoms whose sale brings the mid price down to `price`; the fee stays in the reserves."""
        held, money = self.reserves
        goal = price * self.scale / self._unit
        return int(kernels.input_to_move(held * self._unit, float(money), *self._shape, goal) / self._unit)

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`."""
        held, money = self.reserves
        goal = self._unit / (price * self.scale)
        return int(kernels.input_to_move(float(money), held * self._unit, *self._shape, goal))

    @property
    def _shape(self) -> tuple[float, float]:
        return float(self._curve[1]), 1.0 - self.fee
