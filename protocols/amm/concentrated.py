"""A pool of concentrated liquidity in the manner of Uniswap v3: ranges between ticks, each a fungible share."""

import math
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge, Lt, MaxLen
from numpy.typing import NDArray

from protocols.amm import concentrated_kernels as kernels
from protocols.amm.concentrated_execution import run_concentrated
from protocols.amm.pool import Pool, PoolQuote
from protocols.amm.rounding import fee_fraction
from sim.fields import Positive
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("protocol", "concentrated")
class Concentrated(Pool):
    """Liquidity in price ranges; each range has shares, which claim its two amounts and the fees that wait for it.

    Positions of v3 are not fungible; here all that choose one range share it, as in vaults that wrap positions. Name
    the range in the `subject` of ADD_LIQUIDITY (none: 0). Fees are not compounded: they wait in the range's bucket.
    """

    fee: Annotated[float, Ge(0.0), Lt(1.0)] = 0.003
    ranges: Annotated[list[tuple[Positive, Positive]], MaxLen(kernels.MOST_RANGES - 1)] = field(default_factory=list)
    """Lowest and highest price of each range, over the price at which the run starts; rounded outwards to ticks."""
    full_range: bool = True
    """Whether a range over all prices is offered too, as the last one."""
    tick_spacing: Annotated[int, Ge(1)] | None = None
    """Ticks between two that may bound a range; by default 1, 10, 60, 200 for fees of 1, 5, 30, 100 bp."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        faults = []
        if self.tick_spacing is None and not kernels.tick_spacing(self.fee):
            faults.append(("fee", f"found {self.fee}; give 0.0001, 0.0005, 0.003 or 0.01, or a tick_spacing with it"))
        if not self.ranges and not self.full_range:
            faults.append(("ranges", "found none; offer at least one range, or the full range"))
        for low, high in self.ranges:
            if low >= high:
                faults.append(("ranges", f"found [{low:g}, {high:g}]; the first is the lower bound"))
        return faults

    def share_names(self) -> list[str]:
        """One share token for each range."""
        return [f"{self.name}.range{r}" for r in range(len(self.ranges) + self.full_range)]

    def declare(self, world: "World") -> None:
        """Open the pool's account, its share tokens and its market."""
        super().declare(world)
        self.kept, n = fee_fraction(self.fee), len(self.shares)
        self.buckets, self.earnings = np.zeros((n, 2), dtype=np.int64), np.zeros((n, 2), dtype=np.int64)
        self._counted, self.root = np.zeros((n, 2), dtype=np.int64), np.ones(1)
        self._state = (self.root, self.buckets, self.earnings, np.zeros(n, dtype=np.int64))

    def open(self, world: "World") -> None:
        """Fix the ranges around the opening price."""
        spacing = self.tick_spacing or kernels.tick_spacing(self.fee)
        middle = float(world.prices.log_fundamental(0)[self.token]) + math.log(self.scale)
        most = kernels.MOST_TICK // spacing * spacing
        self.ticks = [
            (
                math.floor((middle + math.log(low)) / math.log(kernels.TICK) / spacing) * spacing,
                math.ceil((middle + math.log(high)) / math.log(kernels.TICK) / spacing) * spacing,
            )
            for low, high in self.ranges
        ] + [(-most, most)] * self.full_range
        self.bounds = np.array([[kernels.root_at(low), kernels.root_at(high)] for low, high in self.ticks])
        self.root[0] = math.exp(0.5 * middle)

    def run(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64], *results: Any) -> None:
        """Run orders on the ranges."""
        book = world.ledger.book(4 * len(ints))
        run_concentrated(
            book, ints, reals, self.token, 0, self.shares[0], self.account, self.bounds, self._state, *self.kept,
            self.scale, *results,
        )  # fmt: skip

    def liquidity(self, world: "World") -> NDArray[np.int64]:
        """(ranges,) liquidity, which is the supply of the shares."""
        return -world.ledger.balance[self.shares[0] : self.shares[-1] + 1, self.account]

    def log_price(self, world: "World") -> float | None:
        """Twice the log of the root."""
        return 2.0 * math.log(self.root[0]) if self.liquidity(world).any() else None

    def amounts(self, world: "World") -> NDArray[np.float64]:
        """(ranges, 2) real atoms of asset and numeraire in each range at the present price, without fees."""
        low, high = self.bounds.T
        now = np.clip(self.root[0], low, high)
        return (self.liquidity(world) * np.array([(high - now) / (now * high), now - low])).T

    def reserves(self, world: "World") -> list[tuple[int, int]]:
        """Amounts in each range, rounded down, and the fees that wait for it."""
        held = np.floor(self.amounts(world)).astype(np.int64) + self.buckets
        return [(int(asset), int(money)) for asset, money in held]

    def earned(self, world: "World", traded_usd: float) -> NDArray[np.float64]:
        """(ranges,) USD of fees since the last batch of orders."""
        new = self.earnings - self._counted
        self._counted[:] = self.earnings
        return new @ world.prices.atom_price[[self.token, 0]]

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """USD of one whole share: the range's amounts, its fees, and rewards that wait to be paid."""
        r, scales = self.shares.index(token), world.tokens.scales
        supply = -int(world.ledger.balance[token, self.account])
        if supply <= 0:
            return float(values[token])
        held = self.amounts(world)[r] + self.buckets[r]
        usd = held[0] / scales[self.token] * values[self.token] + held[1] / scales[0] * values[0]
        usd += sum(p.unpaid / scales[p.token] * values[p.token] for p in self.programmes if p.share == token)
        return float(usd / (supply / scales[token]))

    def quote(self, world: "World") -> "ConcentratedQuote":
        """The pool as traders and providers see it."""
        return ConcentratedQuote(self, world)


class ConcentratedQuote(PoolQuote):
    """A pool of concentrated liquidity at one moment."""

    def __init__(self, pool: Concentrated, world: "World") -> None:
        super().__init__(pool, world)
        self._curve = (pool.bounds, pool.liquidity(world), float(pool.root[0]))
        self._kept = pool.kept

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms."""
        return self._swap(amount, True)

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""
        return self._swap(amount, False)

    def _swap(self, amount: int, down: bool) -> int:
        fees = np.empty(len(self.ranges), dtype=np.int64)
        return max(kernels.swap(*self._curve, amount, down, *self._kept, fees)[1], 0)

    def cost(self, amount: int) -> int | None:
        """Numeraire atoms that buy `amount` asset atoms; None if the pool does not have them."""
        if amount == 0:
            return 0
        return self.at_least(amount, kernels.input_for(*self._curve, amount, False, *self._kept))

    def sell_to(self, price: float) -> int:
        """Asset atoms whose sale brings the mid price down to `price`, or as far as the ranges reach."""
        return kernels.input_to_root(*self._curve, math.sqrt(price * self.scale), True, *self._kept)

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`, or as far as the ranges reach."""
        return kernels.input_to_root(*self._curve, math.sqrt(price * self.scale), False, *self._kept)
