"""What all automated market makers share: an asset against the numeraire, shares, rewards, attribution."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from protocols.amm.execution import DONE, STATUS_TEXT
from protocols.amm.rewards import RewardProgramme, RewardSettings
from sim.errors import ConfigError, SpilloverError
from sim.events import Kind
from sim.fields import AssetName
from sim.flows import OUTSIDE, Motive
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, MOTIVE, POPULATION, TOKEN, Act, Intent
from sim.interfaces import Protocol
from sim.quotes import PoolShares
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World

FEE_MEMORY_YEARS = 1 / 365
"""Time constant of the fee rate that providers see."""
_GUESSES = 64
_KIND_OF_ACT = np.zeros(len(Act), dtype=np.int64)
_KIND_OF_ACT[[Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY]] = [
    Kind.SWAP,
    Kind.ADD_LIQUIDITY,
    Kind.REMOVE_LIQUIDITY,
]


@dataclass(kw_only=True, eq=False)
class Pool(Protocol):
    """A pool whose reserves are its account's balances and whose liquidity is the supply of its shares.

    A kind of pool says how orders run (`run`), what its price is (`log_price`), what stands behind each kind of its
    shares (`reserves`), and what traders see (`quote`).
    """

    reasons: ClassVar[tuple[str, ...]] = STATUS_TEXT
    accepts: ClassVar[tuple[Act, ...]] = (Act.SWAP, Act.ADD_LIQUIDITY, Act.REMOVE_LIQUIDITY)

    asset: AssetName
    fee: float = 0.003
    rewards: list[RewardSettings] = field(default_factory=list)
    """Programmes that reward those who hold shares."""

    # Each kind of pool ----------------------------------------------------------------------------------------------

    def share_names(self) -> list[str]:
        """Names of the share tokens, one for each range."""
        return [f"{self.name}.share"]

    def run(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64], *results: Any) -> None:
        """Run orders; results are the id of the first order's event, (n, 2) outcomes and (n + 1,) log prices."""
        raise SpilloverError(f"{type(self).__name__} does not define run()")

    def log_price(self, world: "World") -> float | None:
        """Log of the price in numeraire atoms per asset atom; None without liquidity."""
        raise SpilloverError(f"{type(self).__name__} does not define log_price()")

    def reserves(self, world: "World") -> list[tuple[int, int]]:
        """Atoms of (asset, numeraire) behind each kind of shares, fees that wait included."""
        balance = world.ledger.balance
        return [(int(balance[self.token, self.account]), int(balance[0, self.account]))]

    def earned(self, world: "World", traded_usd: float) -> NDArray[np.float64]:
        """(ranges,) USD of fees in a batch of swaps."""
        return np.array([traded_usd * self.fee])

    # All pools -------------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Open the pool's account, its share tokens, its market and its reward programmes."""
        super().declare(world)
        token = world.tokens[self.asset]
        self.token, self.scale = token.index, 10.0 ** world.tokens.rows[0].decimals / 10.0**token.decimals
        self.market = world.markets.declare(self.name, token.index).index
        names = self.share_names()
        self.shares = [world.tokens.declare(name, TokenKind.CLAIM, 6, self.account).index for name in names]
        self.fee_per_year = np.zeros(len(names))
        self._fees_usd = np.zeros(len(names))
        wrong = [reward.range for reward in self.rewards if reward.range >= len(names)]
        if wrong:
            raise ConfigError(
                f'protocol "{self.name}" rewards range {wrong[0]}; its ranges run from 0 to {len(names) - 1}'
            )
        self.programmes = [
            RewardProgramme(reward, world, self, token.index, self.shares[reward.range]) for reward in self.rewards
        ]

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Run orders in block order and credit the price moves they make; returns how many succeeded."""
        n, first = len(ints), world.events.count
        out, log_price = np.empty((n, 2), dtype=np.int64), np.empty(n + 1)
        log_price[0] = world.prices.log_market[self.market] + math.log(self.scale)
        self.run(world, ints, reals, first, out, log_price)
        ok, swaps = out[:, 0] == DONE, ints[:, ACT] == Act.SWAP
        usd = np.where(swaps, ints[:, AMOUNT] * world.prices.atom_price[ints[:, TOKEN]], 0.0)
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
        self._fees_usd += self.earned(world, float(usd[ok & swaps].sum()))
        world.prices.log_market[self.market] = self._log_market(world)
        if world.opening:
            world.prices.previous_log_market[self.market] = world.prices.log_market[self.market]
        else:
            world.flows.credit_rows(self.market, ints[:, POPULATION], ints[:, MOTIVE], np.diff(log_price), ids)
        return int(ok.sum())

    def _log_market(self, world: "World") -> float:
        log = self.log_price(world)
        return float(world.prices.log_market[self.market]) if log is None else log - math.log(self.scale)

    def accrue(self, world: "World") -> None:
        """Rewards, and the fee rates that providers see; an empty pool stands at the fundamental."""
        for programme in self.programmes:
            programme.accrue(world, self)
        if self.log_price(world) is None:
            fundamental = float(world.prices.log_fundamental(world.clock.tick)[self.token])
            moved = fundamental - float(world.prices.log_market[self.market])
            world.prices.log_market[self.market] = fundamental
            world.flows.credit(self.market, OUTSIDE, Motive.FUNDAMENTAL, moved)
            return
        weight = min(1.0, world.clock.dt_years / FEE_MEMORY_YEARS)
        worth = self.worth(world)
        rate = np.where(worth > 0.0, self._fees_usd / np.maximum(worth, 1e-12) / world.clock.dt_years, 0.0)
        self.fee_per_year += weight * (rate - self.fee_per_year)
        self._fees_usd[:] = 0.0

    def worth(self, world: "World") -> NDArray[np.float64]:
        """(ranges,) USD of what stands behind each kind of shares, at the pool's own price."""
        price = math.exp(self._log_market(world)) * self.scale
        return np.array([held * price + money for held, money in self.reserves(world)]) * world.prices.atom_price[0]

    def reward_per_year(self, world: "World") -> tuple[float, ...]:
        """Rewards that each range earns per year, as a share of its worth; infinite for a range without liquidity."""
        usd = np.zeros(len(self.shares))
        for programme in self.programmes:
            usd[programme.settings.range] += programme.per_year(world)
        worth = self.worth(world)
        rate = np.divide(usd, worth, out=np.where(usd > 0.0, math.inf, 0.0), where=worth > 0.0)
        return tuple(rate.tolist())

    def offers(self, world: "World") -> tuple[PoolShares, ...]:
        """Each kind of shares as providers see it."""
        supply = [-int(world.ledger.balance[share, self.account]) for share in self.shares]
        rows = zip(self.shares, supply, self.reserves(world), self.fee_per_year.tolist(), strict=True)
        return tuple(PoolShares(share, total, held, self.token, fee) for share, total, held, fee in rows)

    def exits(self, world: "World", accounts: NDArray[np.int64], share: float) -> list[Intent]:
        """Burn a share of every provider's holdings."""
        intents = []
        for token in self.shares:
            amount = np.floor(world.ledger.balance[token, accounts] * share).astype(np.int64)
            some = amount > 0
            if some.any():
                act, cause = Act.REMOVE_LIQUIDITY, world.shock_event
                intents.append(
                    Intent(act, self.index, accounts[some], token, amount[some], motive=Motive.RUN, cause=cause)
                )
        return intents


class PoolQuote:
    """A pool at one moment; it is its own and only market."""

    price: float
    """Mid price in USD; 0 without liquidity."""

    def __init__(self, pool: Pool, world: "World") -> None:
        self.venue, self.asset, self.fee = pool.index, pool.token, pool.fee
        self.ranges = pool.offers(world)
        self.reward_per_year = pool.reward_per_year(world) if pool.programmes else (0.0,) * len(self.ranges)
        """Rewards of each range per year, as a share of its worth."""
        log = pool.log_price(world)
        self.scale = pool.scale
        self.price = 0.0 if log is None else math.exp(log) / pool.scale

    @property
    def shares(self) -> PoolShares:
        """The liquidity of the first range."""
        return self.ranges[0]

    @property
    def reserves(self) -> tuple[int, int]:
        """Atoms of (asset, numeraire) of the first range."""
        return self.ranges[0].reserves

    def market(self, asset: int) -> Any:
        """Itself for its own asset."""
        return self if asset == self.asset and self.price > 0.0 else None

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""
        raise SpilloverError(f"{type(self).__name__} does not define buy()")

    def at_least(self, amount: int, spent: int) -> int | None:
        """Numeraire atoms, from a first guess on, that buy `amount` asset atoms; None if the guess is that none do."""
        for _ in range(_GUESSES):
            missing = amount - self.buy(spent) if spent > 0 else 0
            if missing <= 0:
                break
            spent += 1 + int(missing * self.price * self.scale)
        return spent if spent > 0 and missing <= 0 else None
