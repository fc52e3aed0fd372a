"""Pooled lending with many reserves per account: Aave v2 and v3.3 rules, as settings of one protocol."""

from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from protocols.lending import liquidation_kernels as layout
from protocols.lending.actions import ACTION_TEXT, DONE, run_actions
from protocols.lending.flash import FlashLoans
from protocols.lending.kernels import breaching, scan_accounts, scan_health, scan_health_emode
from protocols.lending.liquidation_kernels import best_pairs
from protocols.lending.losses import Losses
from protocols.lending.rates import borrow_rate, compounded_growth, linear_growth, supply_rate, utilisation
from protocols.lending.rules import EModeCategory, ReserveSettings, rule_set
from protocols.lending.seizure import SEIZURE_TEXT, run_liquidations
from protocols.lending.tables import market_table, rule_vector, terms_table
from sim.events import HEALTH_UNIT, Kind
from sim.fields import OracleName, Share
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, ALL, CAUSE, SUBJECT, TOKEN, TOKEN2, Act, Intent
from sim.interfaces import Protocol
from sim.quotes import Breaches, LendingQuote
from sim.registry import component
from sim.tokens import TokenKind
from sim.views import frozen

if TYPE_CHECKING:
    from sim.world import World

_KIND_OF_ACT = np.zeros(len(Act), dtype=np.int64)
for _act, _kind in {
    Act.DEPOSIT: Kind.DEPOSIT,
    Act.WITHDRAW: Kind.WITHDRAW,
    Act.BORROW: Kind.BORROW,
    Act.REPAY: Kind.REPAY,
    Act.SET_MODE: Kind.SET_MODE,
}.items():
    _KIND_OF_ACT[_act] = _kind
TREASURY_EVERY = 3600.0
"""Seconds between payments of the reserve factor to the treasury."""


@component("protocol", "pooled_lending")
class PooledLending(Protocol):
    """Deposits earn, loans pay, unhealthy loans are liquidated; receipts and debts are tokens on the ledger."""

    reasons = (*ACTION_TEXT, *layout.STATUS_TEXT, *SEIZURE_TEXT)
    accepts = (Act.DEPOSIT, Act.WITHDRAW, Act.BORROW, Act.REPAY, Act.SET_MODE, Act.LIQUIDATE)

    version: Literal["aave_v2", "aave_v3.3"] = "aave_v3.3"
    reserves: Annotated[list[ReserveSettings], MinLen(1)]
    emodes: list[EModeCategory] = field(default_factory=list)
    oracles: list[OracleName] | None = None
    """Oracles to mark to, one per listed asset other than the numeraire; the first declared for each asset if None."""
    flash_fee: Share = 0.0005
    """Share of a flash loan paid as fee (0.0009 on Aave v2, 0.0005 on v3)."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        names = [reserve.asset for reserve in self.reserves]
        twice = sorted({name for name in names if names.count(name) > 1})
        return [("reserves", f"{', '.join(twice)} listed twice; each asset has one reserve")] if twice else []

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Open the pool's and the treasury's accounts; declare receipt, debt and flash-debt tokens."""
        super().declare(world)
        self.treasury = world.accounts.declare(f"{self.name}.treasury").lo
        assets = [world.tokens[reserve.asset] for reserve in self.reserves]
        kinds = (("receipt", TokenKind.CLAIM), ("debt", TokenKind.DEBT), ("flash", TokenKind.DEBT))
        rows = [
            [
                world.tokens.declare(f"{self.name}.{label}.{a.name}", kind, a.decimals, self.account, a.index).index
                for a in assets
            ]
            for label, kind in kinds
        ]
        self.assets = np.array([asset.index for asset in assets])
        self.receipts, self.debts, self._flash_debts = (np.array(row) for row in rows)
        self.decimals = np.array([asset.decimals for asset in assets])
        self._number = {
            int(t): r for row in (self.assets, self.receipts, self.debts, self._flash_debts) for r, t in enumerate(row)
        }

    def open(self, world: "World") -> None:
        """Allocate per-account state and read the first oracle prices."""
        accounts, n = world.accounts.count, len(self.reserves)
        self._rule = rule_set(self.version)
        self._rules = rule_vector(self._rule)
        self._terms = terms_table(self.reserves, self.emodes)
        self._borrowable = self._borrowable_table()
        scale = 10.0**self.decimals
        limits = [[np.inf if cap is None else cap for cap in (r.supply_cap, r.borrow_cap)] for r in self.reserves]
        self._caps = np.array(limits).T * scale
        self._rates = np.array(
            [[r.base_rate, r.slope1, r.slope2, r.optimal_utilisation, r.reserve_factor] for r in self.reserves]
        ).T
        self.supply_index, self.borrow_index = np.ones(n), np.ones(n)
        self.category = np.zeros(accounts, dtype=np.uint8)
        self.health = np.full(accounts, np.inf)
        self._breach = np.zeros(accounts, dtype=np.int64)
        self._found = np.empty(accounts, dtype=np.int64)
        self._open_breaches, self._below = self._found[:0], np.zeros(accounts, dtype=np.bool_)
        self._due = np.zeros(n)
        self._feeds = self._find_oracles(world)
        self.losses = Losses(n)
        self.flash = FlashLoans(self._flash_debts, accounts)
        self.first = self.treasury + 1
        self._marked = np.empty(0)
        self._refresh(world)
        self._update_rates(world)

    def _borrowable_table(self) -> NDArray[np.bool_]:
        base = np.array([reserve.borrowable for reserve in self.reserves])
        modes = [[reserve.asset in mode.borrowable for reserve in self.reserves] for mode in self.emodes]
        return np.array([base, *(base & np.array(mode) for mode in modes)])

    def _find_oracles(self, world: "World") -> list:
        chosen = [world.oracle(name) for name in self.oracles] if self.oracles else world.oracles
        feeds = {}
        for oracle in reversed(chosen):
            feeds[oracle.asset] = oracle
        return [feeds.get(reserve.asset) for reserve in self.reserves]

    def _refresh(self, world: "World") -> None:
        """Read oracle prices and rebuild the table of the kernels; an asset without a feed costs its market price."""
        values = world.prices.history[max(world.clock.tick, 0)]
        prices = [
            values[asset] if feed is None else feed.price(asset)
            for feed, asset in zip(self._feeds, self.assets, strict=True)
        ]
        self._market = market_table(prices, self.decimals, self.supply_index, self.borrow_index)

    # Tick ------------------------------------------------------------------------------------------------------------

    def accrue(self, world: "World") -> None:
        """Grow both indices by one tick's interest and note the treasury's part."""
        self._update_rates(world)
        growth = compounded_growth(self.borrow_rate, world.clock.dt)
        self.supply_index = self.supply_index * linear_growth(self.supply_rate, world.clock.dt)
        self._due += self._owed * (growth - 1.0) * self._rates[4]
        self.borrow_index = self.borrow_index * growth

    def _update_rates(self, world: "World") -> None:
        balance = world.ledger.balance
        self.cash = balance[self.assets, self.account]
        self._owed = balance[self.debts, self.account] * self.borrow_index
        self.utilisation = utilisation(self._owed, self.cash)
        self.borrow_rate = borrow_rate(self.utilisation, *self._rates[:4])
        # What nobody owes any more still stands on receipts and earns nothing (v3.3 counts a deficit as unbacked).
        deficit = self.losses.deficit
        lent = utilisation(self._owed, self.cash + deficit) if deficit.any() else self.utilisation
        self.supply_rate = supply_rate(self.borrow_rate, lent, self._rates[4])

    def quote(self, world: "World") -> LendingQuote:
        """Rates, utilisation, cash, indices and prices of every reserve."""
        self._refresh(world)
        self._update_rates(world)
        return LendingQuote(
            self.index,
            tuple(self.assets.tolist()),
            tuple(self.receipts.tolist()),
            tuple(self.debts.tolist()),
            ltv=frozen(self._terms[layout.LTV, 0]),
            liquidation_threshold=frozen(self._terms[layout.THRESHOLD, 0]),
            liquidation_bonus=frozen(self._terms[layout.BONUS, 0]),
            supply_index=frozen(self.supply_index),
            borrow_index=frozen(self.borrow_index),
            supply_rate=frozen(self.supply_rate),
            borrow_rate=frozen(self.borrow_rate),
            utilisation=frozen(self.utilisation),
            cash=frozen(self.cash),
            oracle=frozen(self._market[layout.PRICE]),
            cover=frozen(self.losses.cover(world, self)),
            flash_fee=self.flash_fee,
            flash_debts=tuple(self.flash.tokens.tolist()),
            rate_with=self._rate_with,
        )

    def _rate_with(self, reserve: int, more: NDArray[np.float64]) -> NDArray[np.float64]:
        """Supply rate of a reserve if it had so many more atoms of deposits."""
        cash = np.maximum(self.cash[reserve] + more, 0.0)
        owed, terms = self._owed[reserve], self._rates[:, reserve]
        return supply_rate(borrow_rate(utilisation(owed, cash), *terms[:4]), utilisation(owed, cash), terms[4])

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Run liquidations first, then everything else, each in block order; returns how many succeeded."""
        forced = ints[:, ACT] == Act.LIQUIDATE
        done = 0
        if forced.any():
            done += self._liquidate(world, ints[forced])
        if not forced.all():
            done += self._run(world, ints[~forced])
        return done

    def _run(self, world: "World", ints: NDArray[np.int64]) -> int:
        n, self._marked = len(ints), np.empty(0)
        out = np.empty((n, 2), dtype=np.int64)
        run_actions(
            world.ledger.book(4 * n), ints, self.assets, self.receipts, self.debts, self._market, self._terms,
            self.category, self._caps, self._borrowable, self.account, world.opening, world.events.count, out,
        )  # fmt: skip
        ok = out[:, 0] == DONE
        usd = world.prices.atom_price[ints[:, TOKEN]]
        world.events.add_many(
            n,
            np.where(ok, _KIND_OF_ACT[ints[:, ACT]], Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=ints[:, TOKEN],
            amount=out[:, 1],
            value=np.where(ok, out[:, 1] * usd, out[:, 0]),
            cause=ints[:, CAUSE],
        )
        return int(ok.sum())

    def _liquidate(self, world: "World", ints: NDArray[np.int64]) -> int:
        n, first = len(ints), world.events.count
        quotes = np.empty((n, layout.QUOTE_FIELDS), dtype=np.int64)
        deficits = np.empty((n, len(self.reserves)), dtype=np.int64)
        rows = (self.assets, self.receipts, self.debts, self.flash.tokens)
        run_liquidations(
            world.ledger.book((5 + len(self.reserves)) * n), ints, rows, self._market, self._terms, self.category,
            self._rules, self.account, self.treasury, self.flash_fee, first, quotes, deficits,
        )  # fmt: skip
        ok = quotes[:, layout.STATUS] == layout.OK
        price = np.zeros(len(world.tokens))
        price[self.assets] = self._market[layout.PRICE] / self._market[layout.UNIT]
        repaid, reason = quotes[:, layout.REPAY] * price[ints[:, TOKEN]], len(ACTION_TEXT) + quotes[:, layout.STATUS]
        world.events.add_many(
            n,
            np.where(ok, Kind.LIQUIDATION, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            subject=ints[:, SUBJECT],
            protocol=self.index,
            token=ints[:, TOKEN2],
            amount=quotes[:, layout.SEIZED],
            value=np.where(ok, repaid, reason),
            cause=ints[:, CAUSE],
        )
        self.flash.note(ints[ok, ACCOUNT], first + np.flatnonzero(ok))
        self.losses.book(world, self, ints, quotes, deficits, first, price)
        return int(ok.sum())

    def owed(self, world: "World", account: int) -> NDArray[np.int64]:
        """(reserves,) atoms that an account owes in each reserve, rounded up."""
        return np.ceil(-world.ledger.balance[self.debts, account] * self.borrow_index).astype(np.int64)

    def collateral_usd(self, world: "World", accounts: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) USD of what accounts have supplied, at the oracle."""
        held = world.ledger.balance[np.ix_(self.receipts, accounts)]
        return (held * self._market[layout.COLL_VALUE][:, None]).sum(axis=0)

    # Margin ----------------------------------------------------------------------------------------------------------

    def mark(self, world: "World") -> Breaches | None:
        """Collect flash loans, mark every account, and quote the best liquidation of each breached one."""
        self.flash.collect(world, self)
        self._refresh(world)
        accounts = self._breached(world)
        if not accounts.size:
            return None
        requests = np.empty((accounts.size, layout.REQUEST_FIELDS), dtype=np.int64)
        book = (
            world.ledger.balance, self.receipts, self.debts, self._market, self._terms, self.category, self._rules
        )  # fmt: skip
        quotes = np.empty((accounts.size, layout.QUOTE_FIELDS), dtype=np.int64)
        if not best_pairs(*book, accounts, requests, quotes):
            return None
        executable = requests[:, layout.WANTED] > 0
        requests, quotes = requests[executable], quotes[executable]
        subject = requests[:, layout.ACCOUNT]
        return Breaches(
            self.index,
            subject,
            self.health[subject],
            self.assets[requests[:, layout.DEBT]],
            self.assets[requests[:, layout.COLLATERAL]],
            quotes[:, layout.REPAY],
            quotes[:, layout.SEIZED] - quotes[:, layout.FEE],
            self._breach[subject],
            self.flash_fee,
        )

    def _breached(self, world: "World") -> NDArray[np.int64]:
        """Accounts below a health factor of 1; new ones are logged with the oracle update that sank them."""
        accounts = self._scan(world)
        new = accounts[~self._below[accounts]]
        if new.size:
            owed = world.ledger.balance[np.ix_(self.debts, new)]
            debt = (owed * self._market[layout.DEBT_VALUE][:, None]).sum(axis=0)
            self._breach[new] = world.events.add_many(
                new.size,
                Kind.BREACH,
                actor=new,
                protocol=self.index,
                amount=np.floor(self.health[new] / HEALTH_UNIT).astype(np.int64),
                value=-debt,
                cause=self._sinking_event(),
            )
        self._below[self._open_breaches] = False
        self._below[accounts] = True
        self._open_breaches = accounts
        return accounts

    def _scan(self, world: "World") -> NDArray[np.int64]:
        """Accounts below 1, after bringing `health` up to date.

        While prices and indices stand still and only liquidations happen, which they do in the rounds of a tick, nobody
        new can fall below 1: a second mark then looks again only at those that were below at the first.
        """
        book = (world.ledger.balance, self.receipts, self.debts)
        weights = (self._market[layout.COLL_VALUE], self._market[layout.DEBT_VALUE])
        terms = self._terms[layout.THRESHOLD]
        if np.array_equal(self._market, self._marked):
            scan_accounts(*book, *weights, terms, self.category, self._open_breaches, self.health)
            return self._open_breaches[self.health[self._open_breaches] < 1.0]
        self._marked = self._market
        lo, hi = self.first, self.health.size
        if self.emodes:
            below = scan_health_emode(*book, *weights, terms, self.category, lo, hi, self.health)
        else:
            below = scan_health(*book, *weights, terms[0], lo, hi, self.health)
        return self._found[: breaching(self.health, lo, hi, 1.0, self._found) if below else 0].copy()

    def _sinking_event(self) -> int:
        """The latest oracle update among this pool's feeds."""
        return max((feed.event for feed in self._feeds if feed is not None), default=0)

    def earn(self, world: "World", reserve: int, atoms: float) -> None:
        """Give income to the suppliers of a reserve by raising its supply index."""
        nominal = -world.ledger.balance[self.receipts[reserve], self.account] * self.supply_index[reserve]
        if nominal > 0.0:
            self.supply_index = self.supply_index.copy()  # quotes of this tick keep the one they show
            self.supply_index[reserve] *= 1.0 + atoms / nominal

    # Settlement and losses -------------------------------------------------------------------------------------------

    def settle(self, world: "World") -> None:
        """Pay the treasury its part of the interest, as receipts, once per hour."""
        if world.clock.tick % max(1, round(TREASURY_EVERY / world.clock.dt)):
            return
        for r, due in enumerate(np.floor(self._due / self.supply_index).astype(np.int64)):
            if due > 0:
                event = world.events.add(
                    Kind.FEE, self.treasury, protocol=self.index, token=int(self.assets[r]), amount=int(due)
                )
                world.ledger.attempt(int(self.receipts[r]), self.account, self.treasury, due, event)
                self._due[r] -= due * self.supply_index[r]

    def exposed(self, world: "World") -> bool:
        """Whether a deficit waits for the treasury."""
        return self.losses.pending

    def absorb(self, world: "World") -> bool:
        """Burn treasury receipts against new deficits; the rest stays with the holders of receipts."""
        return self.losses.absorb(world, self)

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """Receipts: nominal value times cover. Debts: what is owed at the market price."""
        r = self._number[token]
        price = float(values[self.assets[r]])
        if token == self.receipts[r]:
            return price * float(self.supply_index[r] * self.losses.cover(world, self)[r])
        return price * float(self.borrow_index[r]) if token == self.debts[r] else price

    def exits(self, world: "World", accounts: NDArray[np.int64], share: float) -> list[Intent]:
        """Withdrawals of a share of every deposit of these accounts."""
        intents = []
        for r, receipt in enumerate(self.receipts):
            held = world.ledger.balance[receipt, accounts]
            amount = np.floor(held * self.supply_index[r] * share).astype(np.int64)
            some = amount > 0
            if some.any():
                intents.append(
                    Intent(
                        Act.WITHDRAW,
                        self.index,
                        accounts[some],
                        int(self.assets[r]),
                        amount[some] if share < 1.0 else ALL,
                        motive=Motive.RUN,
                        cause=world.shock_event,
                    )
                )
        return intents
