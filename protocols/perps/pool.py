"""Perpetuals whose counterparty is a pool of liquidity providers, in the manner of GMX v2."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from protocols.perps.pool_engine import PoolEngine, Providers
from protocols.perps.pool_execution import (
    LONG_ATOMS,
    LONGS,
    NO_CONTRACT,
    SHORT_ATOMS,
    SHORTS,
    SIZE,
    STATUS,
    STATUS_TEXT,
    PoolBook,
    charge_side,
    run_pool_orders,
)
from protocols.perps.pool_kernels import (
    SYNTHETIC,
    PoolTerms,
    adapt_funding,
    borrow_rate,
    charged_funding,
    pnl_paid_share,
    usage,
)
from protocols.perps.quotes import MarginBreaches, PoolContract
from protocols.shared.margin import MarginAccounts
from protocols.shared.margin_kernels import DONE
from sim.events import Kind
from sim.fields import AssetName, NonNegative, OracleName, Positive, Share
from sim.flows import OUTSIDE, Motive
from sim.intents import (
    ACCOUNT,
    ACT,
    CAUSE,
    TOKEN,
    Act,
    Intent,
)
from sim.interfaces import Protocol
from sim.quotes import FuturesQuote, MarginState
from sim.registry import component
from sim.tokens import EXTERNAL, TokenKind

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@component("protocol", "pool_perpetuals")
class PoolPerpetuals(Protocol):
    """Traders buy and sell at the index from a pool that earns their fees and losses and pays their profits.

    Positions are contract tokens `NAME.ASSET`, shares of the pool claims `NAME.share`, bought by MINT, returned by
    REDEEM. Borrowing and funding are charged every tick. Losses beyond a trader's collateral are the pool's.
    """

    reasons = STATUS_TEXT
    accepts = (Act.DEPOSIT, Act.WITHDRAW, Act.BUY, Act.SELL, Act.MINT, Act.REDEEM)

    asset: AssetName
    """What is traded; the pool holds the numeraire."""
    oracle: OracleName | None = None
    """Feed of the index; the reference market of the asset if None."""
    liquidity: NonNegative = 1e6
    """USD that providers outside the model have put in."""
    max_leverage: Annotated[float, Gt(1.0)] = 50.0
    synthetic: bool = True
    """Whether profits are bounded as for a pool that does not hold the asset: capped at 60%, deleveraged at 55%."""
    min_collateral: Share = 0.01
    """Collateral, as a share of size, below which a position is liquidated."""
    impact: NonNegative = 1.2e-10
    """Price impact per squared USD of imbalance."""
    liquidation_impact: Share = 0.0
    """Largest negative impact that counts when positions are liquidated; 0 keeps a crowded side from cascading."""
    borrow_at_optimal: NonNegative = 0.45
    borrow_at_full: NonNegative = 1.0
    """Borrow rates per year at 75% and at full usage of the pool."""
    max_funding: Positive = 0.9

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Declare contract, market, margin tokens and shares."""
        super().declare(world)
        asset, money = world.tokens[self.asset], world.tokens.rows[0]
        name = f"{self.name}.{asset.name}"
        self.underlying = asset.index
        contract = world.tokens.declare(name, TokenKind.CONTRACT, asset.decimals, self.account, asset.index)
        self.token, self.scale, self.money = contract.index, 10.0**asset.decimals, 10.0**money.decimals
        self.market = world.markets.declare(self.name, asset.index, contract=self.token).index
        self.accounts = MarginAccounts(self, self.name, AssetName(money.name))
        self.accounts.declare(world)
        self.accounts.members.append(self)
        self.shares = world.tokens.declare(f"{self.name}.share", TokenKind.CLAIM, money.decimals, self.account).index

    def open(self, world: "World") -> None:
        """Start at the index, with the first liquidity."""
        n = world.accounts.count
        base = SYNTHETIC if self.synthetic else PoolTerms()
        self.terms = base._replace(
            impact_positive=self.impact, impact_negative=self.impact, liquidation_impact=self.liquidation_impact,
            min_collateral=self.min_collateral, borrow_at_optimal=self.borrow_at_optimal,
            borrow_at_full=self.borrow_at_full, max_funding=self.max_funding,
        )  # fmt: skip
        self.feed = world.oracle(self.oracle) if self.oracle else None
        self.accounts.open_accounts(world)
        self.cost, self.fees, self.carried, self.breach = (np.zeros(n, dtype=np.int64) for _ in range(4))
        """Margin atoms: entry value of open positions; trading fees; borrowing and funding paid; last BREACH."""
        self.state, self.funding, self.borrowing = np.zeros(4), 0.0, 0.0
        self._amounts = np.zeros(n, np.int64)
        self.engine, self.providers = PoolEngine(self, n), Providers(self)
        self.index_price = self._look(world)
        world.prices.log_market[self.market] = math.log(self.index_price)
        world.prices.previous_log_market[self.market] = math.log(self.index_price)
        capital = round(self.liquidity * self.money)
        world.ledger.move(0, EXTERNAL, self.account, capital, 0)
        world.ledger.move(self.shares, self.account, EXTERNAL, capital, 0)

    def _look(self, world: "World") -> float:
        reference = world.markets.reference.get(self.underlying, -1)
        if self.feed is not None:
            return self.feed.price(self.underlying)
        if reference >= 0:
            return math.exp(world.prices.log_market[reference])
        return math.exp(world.prices.log_fundamental(max(world.clock.tick, 0))[self.underlying])

    def _follow(self, world: "World") -> None:
        self.index_price = self._look(world)
        log, before = math.log(self.index_price), float(world.prices.log_market[self.market])
        if log != before:
            event = self.feed.event if self.feed is not None else int(world.prices.last_event[self.underlying])
            world.flows.credit(self.market, OUTSIDE, Motive.INDEX, log - before, event)
            world.prices.log_market[self.market] = log

    # What the pool is worth -----------------------------------------------------------------------------------------

    def pool_atoms(self, world: "World") -> float:
        """Margin atoms of the pool: its assets less margin accounts and open profits of traders."""
        balance, own = world.ledger.balance, self.account
        settled = int(balance[0, own]) + int(balance[self.accounts.margin, own])
        settled += int(balance[self.accounts.quote, own])
        return settled + float(balance[self.token, own]) / self.scale * self.index_price * self.money

    def profits(self) -> tuple[float, float]:
        """USD of open profit (below zero: loss) of all longs and of all shorts."""
        longs = self.state[LONG_ATOMS] / self.scale * self.index_price - self.state[LONGS]
        return float(longs), float(self.state[SHORTS] - self.state[SHORT_ATOMS] / self.scale * self.index_price)

    def reserved(self) -> float:
        """USD reserved for open positions: longs at the price, shorts at entry."""
        return float(self.state[LONG_ATOMS] / self.scale * self.index_price + self.state[SHORTS])

    def pool_before_profits(self, world: "World") -> float:
        """USD of the pool if nobody had an open profit or loss."""
        return self.pool_atoms(world) / self.money + sum(self.profits())

    def paid_shares(self, world: "World") -> tuple[float, float]:
        pool = self.pool_before_profits(world)
        longs, shorts = (pnl_paid_share(profit, pool, self.terms.max_pnl) for profit in self.profits())
        return float(longs), float(shorts)

    def pool_book(self, world: "World", forced: float = -1.0) -> PoolBook:
        accounts = self.accounts
        return PoolBook(
            self.token, accounts.margin, accounts.quote, self.account, accounts.fund, self.scale, self.money,
            self.index_price, self.pool_atoms(world) / self.money, *self.paid_shares(world), self.max_leverage,
            world.opening, forced,
        )  # fmt: skip

    # As margin accounts see it --------------------------------------------------------------------------------------

    def marks(self, world: "World") -> tuple[Ints, Floats]:
        """The contract at the index."""
        return np.array([self.token]), np.array([self.index_price * self.money / self.scale])

    def require(self, world: "World", initial: Floats, maintenance: Floats) -> None:
        """Initial margin by the highest leverage, maintenance by the least collateral."""
        usd = np.abs(world.ledger.balance[self.token, 1:]) / self.scale * self.index_price
        usd[self.account - 1] = 0.0
        initial[1:] += usd / self.max_leverage * self.money
        maintenance[1:] += usd * self.min_collateral * self.money

    def scenarios(self, world: "World", accounts: Ints, grid: Any) -> dict[int, Floats]:
        """Gains of positions if the index moves."""
        held = world.ledger.balance[self.token, accounts] / self.scale * self.index_price * self.money
        return {self.underlying: held[:, None] * grid.moves}

    def margins(self, world: "World", contract: int) -> MarginState:
        """Margin accounts as of the last mark."""
        return MarginState(self.accounts.equity, self.accounts.initial, self.accounts.maintenance)

    # Tick ------------------------------------------------------------------------------------------------------------

    def accrue(self, world: "World") -> None:
        """Follow the index; charge borrowing to everybody and funding to the larger side."""
        self._follow(world)
        self._recount(world)
        years = world.clock.dt_years
        longs, shorts = float(self.state[LONGS]), float(self.state[SHORTS])
        self.funding = float(adapt_funding(self.funding, longs, shorts, years, self.terms))
        pool = self.pool_before_profits(world)
        self.borrowing = float(borrow_rate(usage(self.reserved(), pool, self.terms), self.terms))
        if longs <= 0.0 and shorts <= 0.0:
            return
        unit = self.index_price * self.money / self.scale * years
        rate = float(charged_funding(self.funding, self.terms)) if min(longs, shorts) > 0.0 else 0.0
        event = world.events.add(Kind.FUNDING, protocol=self.index, token=self.token, value=rate * years)
        row = world.ledger.balance[self.token].copy()
        row[self.account] = 0
        for side in (1, -1):
            self._pay(world, row, self.borrowing * unit, side, self.account, event)
        paid = self._pay(world, row, abs(rate) * unit, 1 if rate > 0.0 else -1, self.accounts.fund, event)
        self._receive(world, row, paid, -1 if rate > 0.0 else 1, event)

    def _recount(self, world: "World") -> None:
        """Open interest anew, so that rounding does not add up."""
        row = world.ledger.balance[self.token].copy()
        row[self.account] = 0
        for side, (usd, atoms) in ((1, (LONGS, LONG_ATOMS)), (-1, (SHORTS, SHORT_ATOMS))):
            mine = row * side > 0
            self.state[usd] = abs(float(self.cost[mine].sum())) / self.money
            self.state[atoms] = abs(float(row[mine].sum()))

    def _pay(self, world: "World", row: Ints, per_atom: float, side: int, payee: int, event: int) -> int:
        total = charge_side(row, per_atom, side, self._amounts)
        payers = np.flatnonzero(self._amounts)
        if payers.size:
            world.ledger.move(self.accounts.quote, payers, payee, self._amounts[payers], event)
            self.carried[payers] += self._amounts[payers]
        return int(total)

    def _receive(self, world: "World", row: Ints, total: int, side: int, event: int) -> None:
        """Share out what the other side paid; what rounding leaves stays with the impact pool."""
        mine = np.flatnonzero(row * side > 0)
        held = np.abs(row[mine]).astype(np.float64)
        if total and mine.size:
            part = np.floor(held / held.sum() * total * (1.0 - 1e-12)).astype(np.int64)
            world.ledger.move(self.accounts.quote, self.accounts.fund, mine, part, event)
            self.carried[mine] -= part

    def quote(self, world: "World") -> FuturesQuote:
        """The contract as traders see it."""
        contract: Any = PoolContract(
            self.token, self.underlying, self.index_price, self.index_price, self.index_price,
            float(charged_funding(self.funding, self.terms)) + self.borrowing, -1, False, self.terms.fee_unbalancing,
            float(self.state[LONG_ATOMS]) / self.scale, 1.0 / self.max_leverage, self.min_collateral,
            float(self.state[LONGS]), float(self.state[SHORTS]), self.terms,
        )  # fmt: skip
        return FuturesQuote(self.index, (contract,), 0, self.accounts.margin)

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: Ints, reals: Floats) -> int:
        """Execute deposits, trades in their order, withdrawals, then shares."""
        self._follow(world)
        self.accounts.evaluate(world)
        act, done = ints[:, ACT], 0
        for cash in (True, False):
            rows = ints[act == (Act.DEPOSIT if cash else Act.WITHDRAW)]
            done += self.accounts.cash(world, rows) if len(rows) else 0
            if cash:
                trades = np.isin(act, (Act.BUY, Act.SELL))
                done += self._trade(world, ints[trades], reals[trades])
                self.accounts.evaluate(world)
        return done + sum(self.providers.execute(world, row) for row in ints[np.isin(act, (Act.MINT, Act.REDEEM))])

    def _trade(self, world: "World", ints: Ints, reals: Floats) -> int:
        mine = ints[:, TOKEN] == self.token
        if not mine.all():
            world.chain.log(world.events, Kind.TX_FAILED, ints[~mine], NO_CONTRACT)
        ints, reals = np.ascontiguousarray(ints[mine]), reals[mine]
        n, first = len(ints), world.events.count
        out = self.run_orders(world, ints, reals, np.arange(first, first + n), self.pool_book(world))
        ok = out[:, STATUS] == DONE
        world.events.add_many(
            n,
            np.where(ok, Kind.TRADE, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=self.token,
            amount=np.where(ok, out[:, SIZE], 0),
            value=np.where(ok, np.abs(out[:, SIZE]) / self.scale * self.index_price, out[:, STATUS]),
            cause=ints[:, CAUSE],
        )
        if ok.any():
            self.square(world, np.unique(ints[ok, ACCOUNT]), first + int(ok.nonzero()[0][-1]))
        return int(ok.sum())

    def run_orders(self, world: "World", ints: Ints, reals: Floats, events: Ints, book: PoolBook) -> Ints:
        out = np.empty((len(ints), 3), dtype=np.int64)
        run_pool_orders(
            world.ledger.book(4 * len(ints)), ints, reals, book, self.terms, events, self.state, self.cost, self.fees,
            out,
        )  # fmt: skip
        return out

    def square(self, world: "World", accounts: Ints, event: int) -> None:
        balance = world.ledger.balance
        flat = accounts[(balance[self.token, accounts] == 0) & (balance[self.accounts.quote, accounts] != 0)]
        if flat.size:
            self.accounts.realise(world, flat, event)

    # Liquidation -----------------------------------------------------------------------------------------------------

    def mark(self, world: "World") -> MarginBreaches | None:
        """Positions whose collateral, after the costs of closing, is below the least they need."""
        self._follow(world)
        self.accounts.evaluate(world)
        return self.engine.mark(world)

    def liquidate(self, world: "World") -> bool:
        """Close failing positions, then winners of a side whose profit takes too much of the pool."""
        return not self.paused and self.engine.run(world)

    def unit_value(self, world: "World", token: int, values: Floats) -> float:
        """Contracts at the index, margin at par, shares at what the pool is worth."""
        if token == self.token:
            return self.index_price
        if token == self.shares:
            return self.providers.share_value(world)
        return self.accounts.unit_value(world, token, values)

    def exits(self, world: "World", accounts: Ints, share: float) -> list[Intent]:
        """Returns of a share of the pool shares that these accounts hold."""
        amount = np.floor(world.ledger.balance[self.shares, accounts] * share).astype(np.int64)
        some = amount > 0
        intent = Intent(
            Act.REDEEM, self.index, accounts[some], self.shares, amount[some], motive=Motive.RUN,
            cause=world.shock_event,
        )  # fmt: skip
        return [intent] if some.any() else []
