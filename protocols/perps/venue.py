"""A venue of perpetual and dated contracts: margin accounts, funding, liquidation and a configurable loss waterfall."""

import math
from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from protocols.perps import quotes
from protocols.perps.adl import Score
from protocols.perps.contracts import Contract, ContractSettings
from protocols.perps.deleveraging import DeleveragingRule
from protocols.perps.desk import Desk
from protocols.perps.execution import NO_CONTRACT, SIZE, STATUS, STATUS_TEXT
from protocols.perps.liquidation import PartialLiquidation, unwind
from protocols.perps.settlement import expire, pay_funding
from protocols.perps.vault import BackstopSettings, Vault
from protocols.perps.waterfall import Step, Waterfall, faults
from protocols.shared.margin import Collateral, MarginAccounts, PortfolioMargin
from protocols.shared.margin_kernels import DONE, WRONG_TOKEN
from sim.errors import ConfigError
from sim.events import HEALTH_UNIT, Kind
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, CAUSE, TOKEN, TOKEN2, Act, Intent
from sim.interfaces import Protocol
from sim.quotes import FuturesQuote, MarginState
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
_CASH = (Act.DEPOSIT, Act.WITHDRAW)
_TRADES = (Act.BUY, Act.SELL)
_MOST_HEALTH = 1e6
_UNWIND = Duration(3600.0)


@component("protocol", "perpetuals")
class Perpetuals(Protocol):
    """Perpetual and dated contracts traded against an outside book, margined, funded and liquidated by waterfall.

    Positions are contract tokens `NAME.CONTRACT`. The first contract of each underlying trades on the market `NAME`,
    others on `NAME.CONTRACT`. Orders of a batch are executed as deposits, trades, withdrawals, then vault shares; all
    trades in one contract have the same average price. In isolated margin DEPOSIT and WITHDRAW name the contract in
    `token2`.
    """

    reasons = STATUS_TEXT
    accepts = (Act.DEPOSIT, Act.WITHDRAW, Act.BUY, Act.SELL, Act.MINT, Act.REDEEM)

    on_chain: bool = False  # type: ignore[misc]
    """Whether orders go through the chain's blocks."""
    contracts: Annotated[list[ContractSettings], MinLen(1)]
    margin: Literal["cross", "isolated"] = "cross"
    margin_asset: AssetName | None = None
    """What accounts are kept in: the numeraire if None; the underlying for inverse contracts."""
    collateral: list[Collateral] = field(default_factory=list)
    portfolio: PortfolioMargin | None = None
    """Scenario margin in place of the contracts' tiers; cross margin only."""
    collateral_market: ProtocolName | None = None
    """Where collateral of failed accounts is sold; without it the insurance fund takes it over."""
    insurance: NonNegative = 0.0
    """Whole margin tokens that the insurance fund starts with; per contract in isolated margin."""
    fee_to_insurance: Share = 0.0
    """Share of trading fees that goes to the insurance fund; the rest goes to the treasury."""
    waterfall: list[Step] = field(default_factory=lambda: ["market", "insurance", "adl", "socialise"])
    """Steps in the order in which they are taken."""
    adl_rule: DeleveragingRule = "queue"
    adl_score: Score = "hyperliquid"
    """What the queue is ordered by."""
    adl_cap: Share = 1.0
    """Share of a position that capped_pro_rata may close."""
    outside_deleveraged: bool = False
    """Whether the outside world is deleveraged when the accounts do not suffice."""
    partial_liquidation: PartialLiquidation | None = None
    backstop: BackstopSettings | None = None
    price_band: Positive = 0.1
    """Log price from the index beyond which positions that nobody takes over are not closed in the market at once."""
    unwind: Duration = _UNWIND
    """Time constant at which the vault and the fund close what they have taken over."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = faults(self.waterfall, self.backstop is not None)
        names = [contract.name for contract in self.contracts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            found.append(("contracts", f"{', '.join(twice)} listed twice; contracts need names of their own"))
        if self.portfolio is not None and self.margin == "isolated":
            found.append(("portfolio", "isolated margin nets nothing; use margin = cross, or remove portfolio"))
        for contract in self.contracts:
            if contract.inverse and self.margin_asset != contract.underlying:
                found.append(("margin_asset", f'"{contract.name}" is inverse; its margin is {contract.underlying}'))
        if self.unwind <= 0.0:
            found.append(("unwind", "found 0; what was taken over is closed over some time"))
        return found

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Open the accounts; declare contracts, their markets, margin tokens and vault shares."""
        super().declare(world)
        self.treasury = world.accounts.declare(f"{self.name}.treasury").lo
        asset = self.margin_asset or AssetName(world.tokens.rows[0].name)
        self.markets: list[Contract] = []
        for settings in self.contracts:
            if not settings.inverse and asset != world.tokens.rows[0].name:
                raise ConfigError(
                    f'protocols.{self.name}: contract "{settings.name}" is linear, its margin is '
                    f'{world.tokens.rows[0].name}; found margin_asset "{asset}"; set inverse = true or remove it'
                )
            seen = {contract.settings.underlying for contract in self.markets}
            label = f"{self.name}.{settings.name}" if settings.underlying in seen else self.name
            self.markets.append(Contract(settings, world, self, label))
        groups = [self.markets] if self.margin == "cross" else [[contract] for contract in self.markets]
        self.desks = [self._desk(world, group, asset) for group in groups]
        self.vault = Vault(self)
        self.vault.declare(world, self.desks[0].accounts.token)
        self._number = {contract.token: contract for contract in self.markets}
        self._desk_of = {contract.token: desk for desk in self.desks for contract in desk.contracts}

    def _desk(self, world: "World", group: list[Contract], asset: AssetName) -> Desk:
        label = self.name if self.margin == "cross" else f"{self.name}.{group[0].settings.name}"
        accounts = MarginAccounts(self, label, asset, self.collateral, self.portfolio)
        accounts.declare(world)
        return Desk(self, group, accounts)

    @property
    def margin_accounts(self) -> MarginAccounts:
        """The (first) margin accounts; other venues join them by appending to `members` before open."""
        return self.desks[0].accounts

    def open(self, world: "World") -> None:
        """Start every book at its index; fund the insurance and the vault."""
        token = self.desks[0].accounts.token
        for contract in self.markets:
            contract.open(world, token)
        for desk in self.desks:
            desk.open(world)
            desk.accounts.endow_fund(world, round(self.insurance * 10.0 ** world.tokens.rows[token].decimals))
        self.vault.open(world)
        self.waterfall_ = Waterfall(self)
        self._keys: Ints = np.empty(0, dtype=np.int64)
        self._luck, self._drawn = world.streams.draws(f"protocol:{self.name}", np.arange(1)), 0

    def keys(self, world: "World") -> Ints:
        """(accounts,) labels that tell accounts apart and travel with a population's rows."""
        if not self._keys.size:
            self._keys = np.arange(world.accounts.count)
            for actor in world.actors:
                people = actor.population
                self._keys[people.lo : people.hi] = people.lo + people.labels
        return self._keys

    def draw(self, world: "World") -> float:
        """A number in [0, 1), another one each time."""
        self._luck.tick = max(world.clock.tick, 0)
        self._drawn += 1
        return float(self._luck.uniform(np.zeros(1, dtype=np.int64), self._drawn)[0])

    # Tick ------------------------------------------------------------------------------------------------------------

    def accrue(self, world: "World") -> None:
        """Follow the index, let books refill, pay funding that falls due."""
        for contract in self.markets:
            contract.advance(world)
            if not contract.dated and self._due(world, contract.settings.funding.interval):
                pay_funding(world, self._desk_of[contract.token], contract)

    @staticmethod
    def _due(world: "World", interval: float) -> bool:
        tick, dt = world.clock.tick, world.clock.dt
        return math.floor(tick * dt / interval + 1e-9) > math.floor(max(tick - 1, 0) * dt / interval + 1e-9)

    def quote(self, world: "World") -> FuturesQuote:
        """All contracts that still trade."""
        listed = [contract for contract in self.markets if not contract.settled]
        states: tuple[Any, ...] = tuple(quotes.freeze(contract, contract.open_interest(world)) for contract in listed)
        accounts = self.desks[0].accounts
        return FuturesQuote(self.index, states, accounts.token, accounts.margin)

    def netting(self, world: "World") -> tuple[float, float] | None:
        """Margin of accounts that net several venues, see `MarginAccounts.netting`."""
        return self.margin_accounts.netting(world)

    def margins(self, world: "World", contract: int) -> MarginState:
        """Margin accounts of everybody as of the last mark; contract: token, which matters in isolated margin."""
        accounts = self._desk_of.get(contract, self.desks[0]).accounts
        return MarginState(accounts.equity, accounts.initial, accounts.maintenance)

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: Ints, reals: NDArray[np.float64]) -> int:
        """Execute a batch: deposits, trades contract by contract, withdrawals, vault shares."""
        act = ints[:, ACT]
        for contract in self.markets:
            if not contract.settled:
                contract.follow(world)
        for desk in self.desks:
            desk.evaluate(world)
        done = self._cash(world, ints[act == Act.DEPOSIT])
        rows = np.flatnonzero(np.isin(act, _TRADES))
        done += self._trade(world, ints[rows], reals[rows])
        done += self._cash(world, ints[act == Act.WITHDRAW])
        return done + self.vault.execute(world, ints[np.isin(act, (Act.MINT, Act.REDEEM))])

    def _cash(self, world: "World", ints: Ints) -> int:
        if self.margin == "cross" or len(self.desks) == 1:
            return self.desks[0].accounts.cash(world, ints) if len(ints) else 0
        named, done = np.zeros(len(ints), dtype=np.bool_), 0
        for desk in self.desks:
            mine = np.isin(ints[:, TOKEN2], desk.tokens)
            named |= mine
            done += desk.accounts.cash(world, ints[mine]) if mine.any() else 0
        if not named.all():
            world.chain.log(world.events, Kind.TX_FAILED, ints[~named], WRONG_TOKEN)
        return done

    def _trade(self, world: "World", ints: Ints, reals: NDArray[np.float64]) -> int:
        known, done = np.zeros(len(ints), dtype=np.bool_), 0
        for contract in self.markets:
            mine = ints[:, TOKEN] == contract.token
            if mine.any() and not contract.settled:
                known |= mine
                done += self._clear(world, contract, np.ascontiguousarray(ints[mine]), reals[mine])
        if not known.all():
            world.chain.log(world.events, Kind.TX_FAILED, ints[~known], NO_CONTRACT)
        return done

    def _clear(self, world: "World", contract: Contract, ints: Ints, reals: NDArray[np.float64]) -> int:
        desk = self._desk_of[contract.token]
        batch = desk.select(world, contract, ints, reals)
        ok = batch.out[:, STATUS] == DONE
        events = world.events.add_many(
            len(ints),
            np.where(ok, Kind.TRADE, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=contract.token,
            amount=np.where(ok, batch.out[:, SIZE], 0),
            value=np.where(ok, batch.usd, batch.out[:, STATUS]),
            cause=ints[:, CAUSE],
        )
        desk.post(world, contract, batch, events)
        return int(ok.sum())

    # Margin ----------------------------------------------------------------------------------------------------------

    def mark(self, world: "World") -> quotes.MarginBreaches | None:
        """Mark all accounts and log new breaches; those that are below their maintenance margin now."""
        for contract in self.markets:
            if not contract.settled:
                contract.follow(world)
            contract.remark()
        found = []
        for desk in self.desks:
            if desk.stranded.size:
                self.waterfall_.count_lost(world, desk)
            desk.evaluate(world)
            found.append(self._breached(world, desk))
        return self._listing(world, found) if any(accounts.size for accounts in found) else None

    def _breached(self, world: "World", desk: Desk) -> Ints:
        accounts, margin = np.concatenate([desk.failing_house(), desk.breached()]), desk.accounts
        new = accounts[~desk.below[accounts]]
        if new.size:
            health = np.clip(margin.equity[new] / margin.maintenance[new], -_MOST_HEALTH, _MOST_HEALTH)
            held = [world.ledger.balance[contract.token, new] for contract in desk.contracts]
            usd = [contract.usd(row) for contract, row in zip(desk.contracts, held, strict=True)]
            desk.breach[new] = world.events.add_many(
                new.size,
                Kind.BREACH,
                actor=new,
                protocol=self.index,
                amount=np.floor(health / HEALTH_UNIT).astype(np.int64),
                value=np.sum(usd, axis=0),
                cause=self._sinking(world, desk, np.array(usd)),
            )
        was = np.flatnonzero(desk.below)
        desk.below[was] = False
        desk.below[accounts] = True
        desk.partial[was[~desk.below[was]]] = False
        return accounts

    def _sinking(self, world: "World", desk: Desk, usd: NDArray[np.float64]) -> Ints:
        """(n,) what moved the contract that each account holds most of: a flow of this tick, the oracle, or before."""
        events = []
        for contract in desk.contracts:
            oracle = contract.feed.event if contract.feed is not None else 0
            lead = int(world.flows.lead_event[contract.market])
            events.append(lead or oracle or int(world.prices.last_event[contract.token]))
        return np.array(events, dtype=np.int64)[np.argmax(usd, axis=0)]

    def _listing(self, world: "World", found: list[Ints]) -> quotes.MarginBreaches:
        columns: list[list[Any]] = [[], [], [], [], []]
        for desk, accounts in zip(self.desks, found, strict=True):
            health = desk.accounts.equity[accounts] / np.maximum(desk.accounts.maintenance[accounts], 1e-300)
            for contract in desk.contracts:
                size = world.ledger.balance[contract.token, accounts]
                mine = size != 0
                tokens = np.full(int(mine.sum()), contract.token)
                parts = (accounts[mine], health[mine], tokens, size[mine], desk.breach[accounts[mine]])
                for column, part in zip(columns, parts, strict=True):
                    column.append(part)
        return quotes.MarginBreaches(self.index, *(np.concatenate(column) for column in columns))

    def liquidate(self, world: "World") -> bool:
        """One round of the waterfall for every desk; none while trading is halted."""
        if self.paused:
            return False
        done = [self.waterfall_.run(world, desk) for desk in self.desks]
        return any(done)

    def exposed(self, world: "World") -> bool:
        """Whether shortfalls wait."""
        return bool(self.waterfall_.pending)

    def absorb(self, world: "World") -> bool:
        """Send shortfalls down the rest of the waterfall."""
        return self.waterfall_.absorb(world)

    # Settlement ------------------------------------------------------------------------------------------------------

    def settle(self, world: "World") -> None:
        """Settle contracts that expire, unwind what was taken over, square up with the outside world."""
        for contract in self.markets:
            contract.note_index()
            if contract.expiry == world.clock.tick:
                expire(world, self._desk_of[contract.token], contract)
        share = -math.expm1(-world.clock.dt / self.unwind)
        for desk in self.desks:
            if not self.paused and desk.accounts.open[[self.account, desk.accounts.fund]].any():
                desk.evaluate(world)
                for account in (self.account, desk.accounts.fund):
                    unwind(world, desk, account, share)
            desk.accounts.settle_outside(world)
        if self.vault.shares >= 0:
            self.losses_by_carrier["vault"] = self.vault.loss(world)

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """Contracts at the mark, margin tokens at what stands behind them, vault shares at the vault's equity."""
        price = float(values[self.desks[0].accounts.token])
        if token in self._number:
            contract = self._number[token]
            return contract.value(contract.mark) / contract.unit * price
        if token == self.vault.shares:
            return self.vault.share_value(world) * price
        desk = next(desk for desk in self.desks if token in desk.accounts.tokens)
        return desk.accounts.unit_value(world, token, values)

    def scale_depth(self, world: "World", factor: float) -> None:
        """Multiply the depth of every book."""
        for contract in self.markets:
            contract.book.scale_depth(world, factor)

    def exits(self, world: "World", accounts: Ints, share: float) -> list[Intent]:
        """Withdrawals of a share of what these accounts do not need as margin."""
        intents = []
        for desk in self.desks:
            margin, row = desk.accounts, world.ledger.balance
            held = row[margin.margin, accounts] + np.maximum(row[margin.quote, accounts], 0)
            free = np.minimum(held, np.maximum(margin.equity[accounts] - margin.initial[accounts], 0.0))
            amount = np.floor(free * share).astype(np.int64)
            some = amount > 0
            if some.any():
                contract = int(desk.tokens[0])
                intents.append(
                    Intent(
                        Act.WITHDRAW,
                        self.index,
                        accounts[some],
                        margin.token,
                        amount[some],
                        contract,
                        motive=Motive.RUN,
                        cause=world.shock_event,
                    )
                )
        return intents
