"""A constant-product pool in the manner of Uniswap v2: one asset against the numeraire, a fee, shares for providers."""

import math
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from protocols.amm import kernels
from protocols.amm.arbitrage import arbitrage_input
from protocols.amm.execution import DONE, STATUS_TEXT, run_pool
from sim.events import Kind
from sim.fields import AssetName
from sim.flows import OUTSIDE, Motive
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, MOTIVE, POPULATION, TOKEN, Act, Intent
from sim.interfaces import Protocol
from sim.quotes import PoolShares
from sim.registry import component
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World

_KIND_OF_ACT = np.zeros(len(Act), dtype=np.int64)
_KIND_OF_ACT[[Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY]] = [
    Kind.SWAP,
    Kind.ADD_LIQUIDITY,
    Kind.REMOVE_LIQUIDITY,
]
FEE_MEMORY_YEARS = 1 / 365
"""Time constant of the fee rate that providers see."""


@component("protocol", "constant_product")
class ConstantProduct(Protocol):
    """x * y = k with a fee on the input; shares are a claim on both reserves."""

    reasons = STATUS_TEXT
    accepts = (Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY)

    asset: AssetName
    fee: Annotated[float, Ge(0.0), Lt(1.0)] = 0.003

    def declare(self, world: "World") -> None:
        """Open the pool's account, its share token and its market."""
        super().declare(world)
        token = world.tokens[self.asset]
        self._asset, self._scale = token.index, 10.0 ** world.tokens.rows[0].decimals / 10.0**token.decimals
        self.shares = world.tokens.declare(f"{self.name}.share", TokenKind.CLAIM, 6, self.account).index
        self._market = world.markets.declare(self.name, token.index).index
        self._fee_num, self._fee_den = kernels.fee_fraction(self.fee)
        self.fee_per_year = 0.0
        self._fees_usd = 0.0

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Run orders in block order and credit the price moves they make; returns how many succeeded."""
        n, first = len(ints), world.events.count
        out, log_price = np.empty((n, 2), dtype=np.int64), np.empty(n + 1)
        log_price[0] = world.prices.log_market[self._market] + math.log(self._scale)
        run_pool(
            world.ledger.book(4 * n), ints, reals, self._asset, 0, self.shares, self.account,
            self._fee_num, self._fee_den, self._scale, first, out, log_price,
        )  # fmt: skip
        ok = out[:, 0] == DONE
        swaps = ok & (ints[:, ACT] == Act.SWAP)
        usd = np.where(ints[:, ACT] == Act.SWAP, ints[:, AMOUNT] * world.prices.atom_price[ints[:, TOKEN]], 0.0)
        ids = world.events.add_many(
            n,
            np.where(ok, _KIND_OF_ACT[ints[:, ACT]], Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=ints[:, TOKEN],
            amount=np.where(ok, ints[:, AMOUNT], 0),
            value=np.where(ok, usd, out[:, 0]),
            cause=ints[:, CAUSE],
        )
        self._fees_usd += float(usd[swaps].sum()) * self.fee
        if world.opening:
            world.prices.log_market[self._market] = world.prices.previous_log_market[self._market] = self._log(world)
        else:
            world.flows.credit_rows(self._market, ints[:, POPULATION], ints[:, MOTIVE], np.diff(log_price), ids)
            world.prices.log_market[self._market] = self._log(world)
        return int(ok.sum())

    def _log(self, world: "World") -> float:
        held, money = (int(world.ledger.balance[token, self.account]) for token in (self._asset, 0))
        return math.log(money / held / self._scale) if held and money else float(world.prices.log_market[self._market])

    def accrue(self, world: "World") -> None:
        """Update the fee rate that providers see; an empty pool stands at the fundamental."""
        money = int(world.ledger.balance[0, self.account])
        if money:
            value = 2.0 * money * world.prices.atom_price[0]
            weight = min(1.0, world.clock.dt_years / FEE_MEMORY_YEARS)
            self.fee_per_year += weight * (self._fees_usd / value / world.clock.dt_years - self.fee_per_year)
            self._fees_usd = 0.0
        else:
            fundamental = float(world.prices.log_fundamental(world.clock.tick)[self._asset])
            moved = fundamental - float(world.prices.log_market[self._market])
            world.prices.log_market[self._market] = fundamental
            world.flows.credit(self._market, OUTSIDE, Motive.FUNDAMENTAL, moved)

    def quote(self, world: "World") -> "PoolQuote":
        """The pool as traders and providers see it."""
        balance = world.ledger.balance
        reserves = int(balance[self._asset, self.account]), int(balance[0, self.account])
        return PoolQuote(self, reserves, -int(balance[self.shares, self.account]))

    def exits(self, world: "World", accounts: NDArray[np.int64], share: float) -> list[Intent]:
        """Burn a share of every provider's holding."""
        amount = np.floor(world.ledger.balance[self.shares, accounts] * share).astype(np.int64)
        some = amount > 0
        if not some.any():
            return []
        act, cause = Act.REMOVE_LIQUIDITY, world.shock_event
        return [Intent(act, self.index, accounts[some], self.shares, amount[some], motive=Motive.RUN, cause=cause)]


class PoolQuote:
    """A constant-product pool at one moment; it is its own and only market."""

    def __init__(self, pool: ConstantProduct, reserves: tuple[int, int], supply: int) -> None:
        self.venue, self.asset, self.fee = pool.index, pool._asset, pool.fee
        self.reserves = reserves
        self.price = reserves[1] / reserves[0] / pool._scale if reserves[0] else 0.0
        self.shares = PoolShares(pool.shares, supply, reserves, pool._asset, pool.fee_per_year)
        self._kept = pool._fee_num, pool._fee_den
        self._scale = pool._scale

    def market(self, asset: int) -> "PoolQuote | None":
        """Itself for its own asset."""
        return self if asset == self.asset and self.reserves[0] else None

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
        return _input_to_move(self.reserves[0], self.reserves[1], price * self._scale, 1.0 - self.fee)

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`."""
        return _input_to_move(self.reserves[1], self.reserves[0], 1.0 / (price * self._scale), 1.0 - self.fee)

    def best_trade(self, price: float) -> tuple[int, int]:
        """(numeraire in, asset in) of the most profitable trade against an outside price; zeros inside the band."""
        money, held = arbitrage_input(self.reserves[0], self.reserves[1], price * self._scale, 1.0 - self.fee)
        return int(money), int(held)


def _input_to_move(reserve_in: int, reserve_out: int, price: float, kept: float) -> int:
    """Input after which reserve_out / reserve_in is `price`: root of (x + a)(x + kept a) = x y / price, where the
    output is y kept a / (x + kept a)."""
    x, target = float(reserve_in), reserve_out / price
    b = x * (1.0 + kept)
    gap = b * b - 4.0 * kept * x * (x - target)
    return max(0, math.floor((math.sqrt(max(gap, 0.0)) - b) / (2.0 * kept)))
