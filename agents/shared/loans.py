# ruff: noqa: RUF009 -- column() makes a new dataclass field at every call
"""Collateralised loans: opening them, watching their health, and the steps that bring it back.

An account that acts does one transaction at a time and looks again when its balances have changed, because what a
step yields is known only once it has run. The steps are told from what lies in the account's wallet, not from memory,
so whatever was liquidated, failed or moved in between, the next step is the right one.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.reactions import NEVER, ready, seal
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE
from sim.fields import AssetName, Count, NonNegative, ProtocolName
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import LendingQuote
from sim.rng import Draws
from sim.views import View

Atoms = NDArray[np.int64]
Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

_ROUNDING = 1e-12
"""Relative bump on opening collateral, so that rounding never opens a loan below the health that was drawn."""


class Response(IntEnum):
    """What an account does when its health falls below its alarm."""

    IGNORE = 0
    TOP_UP = 1
    """Deposit spare collateral."""
    DELEVERAGE = 2
    """Repay from spare cash, then withdraw collateral, sell it and repay."""


class Way(NamedTuple):
    """A way through an account's wallet: `entry` brings the first token in, swaps lead along, `exit` takes the last."""

    tokens: tuple[int, ...]
    entry: Act | None
    exit: Act
    motive: Motive = Motive.DELEVERAGING


class Loans(NamedTuple):
    """Loans of some rows, at the pool's prices of this tick."""

    rows: Rows
    collateral: Floats
    """USD"""
    debt: Floats
    """USD"""
    health: Floats
    seals: Atoms
    threshold: float

    def only(self, mask: NDArray[np.bool_]) -> "Loans":
        """The loans of some of the rows."""
        return Loans(
            self.rows[mask],
            self.collateral[mask],
            self.debt[mask],
            self.health[mask],
            self.seals[mask],
            self.threshold,
        )


class Terms(NamedTuple):
    """What things cost in one tick."""

    usd: dict[int, float]
    """USD per atom of each token on the way from collateral to debt, as the pool sees it where it lists the token."""
    kept: float
    """Part of a sale that the venue does not keep, all swaps of the way together."""

    def atoms(self, token: int, usd: Floats) -> Atoms:
        """USD in atoms of a token, rounded up so that what is wanted is reached."""
        return np.ceil(np.minimum(usd * (1.0 / self.usd[token]), 2.0**61)).astype(np.int64)


@dataclass(kw_only=True, eq=False)
class LoanHolders(Population):
    """Base of behaviours that owe one asset against another in a lending pool.

    IMPLEMENT endow, with `open_loans`. FREE decide: alarm, delay, steps, waiting for their effect.
    """

    protocol: ProtocolName
    """The lending pool."""
    collateral: AssetName
    """Asset that backs the loan."""
    debt: AssetName
    """Asset that is owed."""
    venue: ProtocolName
    """Where collateral is sold for what is owed."""
    reaction_delay: tuple[Count, Count] = (0, 0)
    """Ticks between alarm and act: each account's own, drawn uniformly between these two."""
    patience: Annotated[int, Ge(1)] = 10
    """Ticks after which a transaction without effect is sent again."""
    floor: Annotated[float, Ge(1.0)] = 1.01
    """Health that withdrawing collateral leaves at least; the pool itself asks for 1."""
    least_usd: NonNegative = 10.0
    """USD below which nothing is worth a transaction."""
    tip: NonNegative = 2.0
    """Priority bid in gwei."""

    response: NDArray[np.int8] = column(np.int8)
    alarm_at: Floats = column()
    """(n,) health below which the account acts."""
    goal: Floats = column()
    """(n,) health it wants back."""
    watch: Floats = column()
    """(n,) health below which the account is looked at: its alarm, infinite while it acts, -inf if it never will."""
    delay: NDArray[np.int64] = column(np.int64)
    due: NDArray[np.int64] = column(np.int64)
    """(n,) tick at which an alarmed account acts, or one that acted looks again."""
    sealed: NDArray[np.int64] = column(np.int64)
    """(n,) seal of the balances at the last transaction, 0 if none is under way."""
    spent: Atoms = column(np.int64)
    """(n,) atoms of the loan that were spent outside the model and are not touched."""
    _sides: tuple[int, int, int, int] = field(default=(0, 0, 0, 0), init=False, repr=False)
    """Reserve numbers and token indices of collateral and debt."""
    _path: tuple[int, ...] = field(default=(), init=False, repr=False)
    """Tokens from collateral to debt when everything trades against the numeraire."""

    # Opening ---------------------------------------------------------------------------------------------------------

    def look_up(self, view: View) -> LendingQuote:
        """Find the reserves; returns the pool's quote."""
        quote: LendingQuote = view.quotes[self.protocol]
        collateral, debt = view.token(self.collateral), view.token(self.debt)
        self._sides = quote.reserve(collateral), quote.reserve(debt), collateral, debt
        self._path = tuple(dict.fromkeys((collateral, NUMERAIRE, debt))) if collateral != debt else (debt,)
        return quote

    def open_loans(self, view: View, debt_usd: Floats, health: Floats, reserve: float = 0.0) -> Endowment:
        """Deposits and loans that start with these health factors, and the account state that goes with them.

        debt_usd, health: (n,). reserve: spare money over the loan, held as collateral by those who top up and as cash
        by the others. Needs `response`, `alarm_at` and `goal`; sets the rest.
        """
        quote = self.look_up(view)
        c, d, collateral, debt = self._sides
        terms = self._terms(view)
        loan = terms.atoms(debt, debt_usd)
        owed = (loan + np.ceil(quote.borrow_index[d]) + 1.0) * terms.usd[debt]
        backing = owed * health / quote.liquidation_threshold[c]
        deposit = terms.atoms(collateral, backing * (1.0 + _ROUNDING)) + int(np.ceil(quote.supply_index[c]))
        tops_up = self.response == Response.TOP_UP
        stock = terms.atoms(collateral, np.where(tops_up, owed * reserve, 0.0))
        cash = terms.atoms(debt, np.where(tops_up, 0.0, owed * reserve))
        self.spent = loan
        self.watch = np.where(self.response == Response.IGNORE, -np.inf, self.alarm_at)
        self.due, self.sealed = np.full(self.count, NEVER), np.zeros(self.count, dtype=np.int64)
        balances = {collateral: deposit + stock}
        balances[debt] = balances.get(debt, 0) + cash
        send = [(Act.DEPOSIT, collateral, deposit), (Act.BORROW, debt, loan)]
        intents = [
            Intent(act, quote.venue, view.accounts, token, amount, motive=Motive.SETUP) for act, token, amount in send
        ]
        return Endowment(balances=balances, intents=intents)

    # Deciding --------------------------------------------------------------------------------------------------------

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Look at accounts below their alarm or under way; the others cost one comparison."""
        rows = np.flatnonzero(view.health(self.protocol) < self.watch)
        if rows.size:
            rows = rows[ready(rows, view.tick, self.delay, self.due, self.sealed, lambda some: self._seal(view, some))]
        return self._act(view, rows) if rows.size else []

    def _act(self, view: View, rows: Rows) -> list[Intent]:
        loans, terms = self._loans(view, rows), self._terms(view)
        missing = loans.debt * (1.0 - loans.health / self.goal[rows])
        done = missing <= self.least_usd
        self._calm(rows[done])
        response = np.where(done, Response.IGNORE, self.response[rows])
        intents: list[Intent] = []
        for kind, route in ((Response.TOP_UP, self._top_up), (Response.DELEVERAGE, self._deleverage)):
            mine = response == kind
            if mine.any():
                some = loans.only(mine)
                way, need, entry = route(some, missing[mine], terms)
                intents += self._walk(view, some, terms, way, need, entry)
        return intents

    def _top_up(self, loans: Loans, missing: Floats, terms: Terms) -> tuple[Way, Floats, Floats]:
        """(way, USD to take out at its end, USD to bring in at its start): deposit what the health lacks."""
        short = missing * self.goal[loans.rows] / loans.threshold
        return Way(self._path[:1], None, Act.DEPOSIT), short, np.zeros(short.size)

    def _deleverage(self, loans: Loans, missing: Floats, terms: Terms) -> tuple[Way, Floats, Floats]:
        """As for `_top_up`: repay what is missing; withdraw and sell x, as far as the floor on health allows.

        Selling x of collateral of which the part k is kept brings the goal when (C - x) LT = goal (D - k x).
        """
        goal, threshold = self.goal[loans.rows], loans.threshold
        sale = (goal * loans.debt - threshold * loans.collateral) / np.maximum(goal * terms.kept - threshold, 1e-9)
        free = loans.debt * (loans.health - self.floor) / threshold
        return Way(self._path, Act.WITHDRAW, Act.REPAY), missing, np.minimum(sale, free)

    def _walk(self, view: View, loans: Loans, terms: Terms, way: Way, need: Floats, entry: Floats) -> list[Intent]:
        """One transaction for each row: the one furthest along the way that its wallet allows.

        need: (m,) USD wanted at the end of the way. entry: (m,) USD to bring in where the wallet is empty.
        """
        waiting = np.ones(loans.rows.size, dtype=np.bool_)
        intents: list[Intent] = []
        last = len(way.tokens) - 1
        for place in range(last, -1, -1):
            token = way.tokens[place]
            held = self._wallet(view, token, loans.rows)
            able = waiting & (held >= max(1.0, self.least_usd / terms.usd[token]))
            if able.any():
                amount = np.minimum(held, terms.atoms(token, need if place == last else need / terms.kept))
                target = -1 if place == last else way.tokens[place + 1]
                act = way.exit if place == last else Act.SWAP
                intents.append(self._send(view, way, act, token, loans, able, amount, target))
                waiting &= ~able
        if way.entry is not None:
            amount = terms.atoms(way.tokens[0], entry) - 1
            able = waiting & (entry >= self.least_usd) & (amount > 0)
            if able.any():
                intents.append(self._send(view, way, way.entry, way.tokens[0], loans, able, amount))
                waiting &= ~able
        self._stuck(view, loans.rows[waiting], for_good=way.entry is None)
        return intents

    def _send(
        self,
        view: View,
        way: Way,
        act: Act,
        token: int,
        loans: Loans,
        able: NDArray[np.bool_],
        amount: Atoms,
        target: int = -1,
    ) -> Intent:
        rows = loans.rows[able]
        self.watch[rows] = np.inf
        self.due[rows] = view.tick + self.patience
        self.sealed[rows] = loans.seals[able]
        return Intent(
            act,
            view.quotes[self.venue if act == Act.SWAP else self.protocol].venue,
            view.accounts[rows],
            token,
            amount[able],
            token2=target,
            motive=way.motive,
            tip=self.tip,
            cause=view.cause(self._sides[2]),
        )

    def _calm(self, rows: Rows) -> None:
        self.watch[rows] = self.alarm_at[rows]
        self.due[rows], self.sealed[rows] = NEVER, 0

    def _stuck(self, view: View, rows: Rows, for_good: bool) -> None:
        """Nothing can be done now. Look again at the next multiple of the patience, so that such accounts are looked
        at together; never, if the account has nothing left to act with."""
        self.watch[rows] = -np.inf if for_good else self.alarm_at[rows]
        self.due[rows], self.sealed[rows] = (view.tick // self.patience + 1) * self.patience, 0

    # Looking ---------------------------------------------------------------------------------------------------------

    def _loans(self, view: View, rows: Rows) -> Loans:
        quote: LendingQuote = view.quotes[self.protocol]
        c, d, collateral, debt = self._sides
        backing = quote.supply_index[c] * quote.oracle[c] / 10.0 ** view.decimals(collateral)
        owing = quote.borrow_index[d] * quote.oracle[d] / 10.0 ** view.decimals(debt)
        worth = view.balance(quote.receipts[c])[rows] * backing
        owed = np.maximum(view.balance(quote.debts[d])[rows] * -owing, 1e-12)
        threshold = float(quote.liquidation_threshold[c])
        return Loans(rows, worth, owed, worth * threshold / owed, self._seal(view, rows), threshold)

    def _terms(self, view: View) -> Terms:
        quote: LendingQuote = view.quotes[self.protocol]
        usd, kept = {}, 1.0
        for token in self._path:
            price = quote.oracle[quote.reserve(token)] if token in quote.assets else view.prices[token]
            usd[token] = float(price) / 10.0 ** view.decimals(token)
            market = None if token == NUMERAIRE else view.quotes[self.venue].market(token)
            kept *= 1.0 - (0.0 if market is None else market.fee)
        return Terms(usd, kept)

    def _wallet(self, view: View, token: int, rows: Rows) -> Atoms:
        """Atoms the rows can use: not what is kept for gas, and not the loan itself, which was spent elsewhere."""
        held = view.spendable(token)[rows]
        return np.maximum(held - self.spent[rows], 0) if token == self._sides[3] else held

    def _seal(self, view: View, rows: Rows) -> Atoms:
        quote: LendingQuote = view.quotes[self.protocol]
        c, d, _, _ = self._sides
        return seal(*(view.balance(token)[rows] for token in (quote.receipts[c], quote.debts[d], *self._path)))
