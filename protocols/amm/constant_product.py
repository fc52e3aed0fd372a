"""A constant-product pool in the manner of Uniswap v2: one asset against the numeraire, a fee, shares for providers."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from protocols.amm import constant_product_kernels as kernels
from protocols.amm.arbitrage import arbitrage_input
from protocols.amm.constant_product_execution import run_constant_product
from protocols.amm.pool import Pool, PoolQuote
from protocols.amm.rounding import fee_fraction
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("protocol", "constant_product")
class ConstantProduct(Pool):
    """x * y = k with a fee on the input; shares are a claim on both reserves."""

    fee: Annotated[float, Ge(0.0), Lt(1.0)] = 0.003

    def declare(self, world: "World") -> None:
        """Open the pool's account, its share token and its market."""
        super().declare(world)
        self.kept = fee_fraction(self.fee)

    def run(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64], *results: Any) -> None:
        """Run orders on the reserves."""
        book, [share] = world.ledger.book(4 * len(ints)), self.shares
        run_constant_product(book, ints, reals, self.token, 0, share, self.account, *self.kept, self.scale, *results)

    def log_price(self, world: "World") -> float | None:
        """Log of the ratio of the reserves."""
        [(held, money)] = self.reserves(world)
        return math.log(money / held) if held and money else None

    def quote(self, world: "World") -> "ConstantProductQuote":
        """The pool as traders and providers see it."""
        return ConstantProductQuote(self, world)


class ConstantProductQuote(PoolQuote):
    """A constant-product pool at one moment."""

    def __init__(self, pool: ConstantProduct, world: "World") -> None:
        super().__init__(pool, world)
        self._kept = pool.kept

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms."""
        return max(kernels.quote(amount, *self.reserves, *self._kept), 0)

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""
        return max(kernels.quote(amount, self.reserves[1], self.reserves[0], *self._kept), 0)

    def cost(self, amount: int) -> int | None:
        """Numeraire atoms that buy `amount` asset atoms; None if the pool does not have them."""
        if amount == 0:
            return 0
        least = kernels.quote_exact_out(amount, self.reserves[1], self.reserves[0], *self._kept)
        return least if least > 0 else None

    def sell_to(self, price: float) -> int:
        """Asset atoms whose sale brings the mid price down to `price`; the fee stays in the reserves."""
        return _input_to_move(self.reserves[0], self.reserves[1], price * self.scale, 1.0 - self.fee)

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`."""
        return _input_to_move(self.reserves[1], self.reserves[0], 1.0 / (price * self.scale), 1.0 - self.fee)

    def best_trade(self, price: float) -> tuple[int, int]:
        """(numeraire in, asset in) of the most profitable trade against an outside price; zeros inside the band."""
        money, held = arbitrage_input(self.reserves[0], self.reserves[1], price * self.scale, 1.0 - self.fee)
        return int(money), int(held)


def _input_to_move(reserve_in: int, reserve_out: int, price: float, kept: float) -> int:
    """Input after which reserve_out / reserve_in is `price`: root of (x + a)(x + kept a) = x y / price, where the
    output is y kept a / (x + kept a)."""
    x, target = float(reserve_in), reserve_out / price
    b = x * (1.0 + kept)
    gap = b * b - 4.0 * kept * x * (x - target)
    return max(0, math.floor((math.sqrt(max(gap, 0.0)) - b) / (2.0 * kept)))
