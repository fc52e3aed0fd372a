# ruff: noqa: RUF009 -- column() makes a new dataclass field at every call
"""Collateralised loans: opening them, watching their health, and the steps that bring it back.

An account that acts does one transaction at a time and looks again when its balances have changed, because what a
step yields is known only once it has run. The steps are told from what lies in the account's wallet, not from memory,
so whatever was liquidated, failed or moved in between, the next step is the right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray

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
    """Loans of some rows, at the protocol's prices of this tick."""

    rows: Rows
    collateral: Floats
    """USD"""
    debt: Floats
    """USD"""
    health: Floats
    threshold: float

    def only(self, mask: NDArray[np.bool_]) -> "Loans":
        """The loans of some of the rows."""
        return Loans(self.rows[mask], self.collateral[mask], self.debt[mask], self.health[mask], self.threshold)


@dataclass(kw_only=True, eq=False)
class LoanHolders(Population):
    """Base of behaviours that owe one asset against another in a lending pool.

    IMPLEMENT endow, with `open_loans`. OPTIONAL route. FREE decide: alarm, delay, steps, waiting for their effect.
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

    # Opening ---------------------------------------------------------------------------------------------------------

    def look_up(self, view: View) -> LendingQuote:
        """Find the reserves; returns the pool's quote."""
        quote: LendingQuote = view.quotes[self.protocol]
        collateral, debt = view.token(self.collateral), view.token(self.debt)
        self._sides = quote.reserve(collateral), quote.reserve(debt), collateral, debt
        return quote

    def open_loans(self, view: View, debt_usd: Floats, health: Floats, reserve: float = 0.0) -> Endowment:
        """Deposits and loans that start with these health factors, and the account state that goes with them.

        debt_usd, health: (n,). reserve: spare money over the loan, held as collateral by those who top up and as cash
        by the others. Needs `response`, `alarm_at` and `goal`; sets the rest.
        """
        quote = self.look_up(view)
        c, d, collateral, debt = self._sides
        loan = self._amount(view, debt, debt_usd)
        owed = (loan + np.ceil(quote.borrow_index[d]) + 1.0) * (quote.oracle[d] / 10.0 ** view.decimals(debt))
        backing = owed * health / quote.liquidation_threshold[c]
        deposit = self._amount(view, collateral, backing * (1.0 + _ROUNDING)) + int(np.ceil(quote.supply_index[c]))
        tops_up = self.response == Response.TOP_UP
        stock = self._amount(view, collateral, np.where(tops_up, owed * reserve, 0.0))
        cash = self._amount(view, debt, np.where(tops_up, 0.0, owed * reserve))
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
        if not rows.size:
            return []
        rows = rows[ready(rows, view.tick, self.delay, self.due, self.sealed, self._seal(view, rows))]
        return self._act(view, rows) if rows.size else []

    def _act(self, view: View, rows: Rows) -> list[Intent]:
        loans = self._loans(view, rows)
        missing = loans.debt * (1.0 - loans.health / self.goal[rows])
        done = missing <= self.least_usd
        self._calm(rows[done])
        intents: list[Intent] = []
        for response in (Response.TOP_UP, Response.DELEVERAGE):
            mine = ~done & (self.response[rows] == response)
            if mine.any():
                some = loans.only(mine)
                route, need, entry = self.route(view, response, some, missing[mine])
                intents += self._walk(view, some.rows, route, need, entry)
        return intents

    def route(self, view: View, response: Response, loans: Loans, missing: Floats) -> tuple[Way, Floats, Floats]:
        """(way, USD to take out at its end, USD to bring in at its start) for rows with this response.

        missing: (m,) USD whose repayment would bring each loan to its goal. Selling x of collateral at cost k does so
        when (C - x) LT = goal (D - (1 - k) x).
        """
        _, _, collateral, debt = self._sides
        goal, threshold = self.goal[loans.rows], loans.threshold
        if response == Response.TOP_UP:
            short = loans.debt * (goal - loans.health) / threshold
            return Way((collateral,), None, Act.DEPOSIT), short, np.zeros(short.size)
        kept = 1.0 - self._cost(view)
        sale = np.maximum(goal * loans.debt - threshold * loans.collateral, 0.0) / np.maximum(
            goal * kept - threshold, 1e-9
        )
        free = loans.debt * (loans.health - self.floor) / threshold
        return Way(path(collateral, debt), Act.WITHDRAW, Act.REPAY), missing, np.minimum(sale, free)

    def _walk(self, view: View, rows: Rows, way: Way, need: Floats, entry: Floats) -> list[Intent]:
        """One transaction for each row: the one furthest along the way that its wallet allows.

        need: (m,) USD wanted at the end of the way. entry: (m,) USD to bring in where the wallet is empty.
        """
        waiting = np.ones(rows.size, dtype=np.bool_)
        intents: list[Intent] = []
        last = len(way.tokens) - 1
        for place in range(last, -1, -1):
            token = way.tokens[place]
            wanted = self._amount(view, token, need / (1.0 - self._cost(view)) if place < last else need)
            amount = np.minimum(self._wallet(view, token, rows), wanted)
            able = waiting & (amount >= max(1, self._amount(view, token, self.least_usd)))
            waiting &= ~able
            target = -1 if place == last else way.tokens[place + 1]
            intents += self._send(
                view, way, way.exit if place == last else Act.SWAP, token, rows[able], amount[able], target
            )
        if way.entry is not None:
            amount = self._amount(view, way.tokens[0], entry) - 1
            able = waiting & (entry >= self.least_usd) & (amount > 0)
            intents += self._send(view, way, way.entry, way.tokens[0], rows[able], amount[able])
            waiting &= ~able
        self._stuck(view, rows[waiting], for_good=way.entry is None)
        return intents

    def _send(
        self, view: View, way: Way, act: Act, token: int, rows: Rows, amount: Atoms, target: int = -1
    ) -> list[Intent]:
        if not rows.size:
            return []
        self.watch[rows] = np.inf
        self.due[rows] = view.tick + self.patience
        self.sealed[rows] = self._seal(view, rows)
        venue = view.quotes[self.venue if act == Act.SWAP else self.protocol].venue
        return [
            Intent(
                act,
                venue,
                view.accounts[rows],
                token,
                amount,
                token2=target,
                motive=way.motive,
                tip=self.tip,
                cause=view.cause(self._sides[2]),
            )
        ]

    def _calm(self, rows: Rows) -> None:
        self.watch[rows] = self.alarm_at[rows]
        self.due[rows], self.sealed[rows] = NEVER, 0

    def _stuck(self, view: View, rows: Rows, for_good: bool) -> None:
        """Nothing can be done now: look again later, or never if the account has nothing left to do it with."""
        self.watch[rows] = -np.inf if for_good else self.alarm_at[rows]
        self.due[rows], self.sealed[rows] = view.tick + self.patience, 0

    # Looking ---------------------------------------------------------------------------------------------------------

    def _loans(self, view: View, rows: Rows) -> Loans:
        quote: LendingQuote = view.quotes[self.protocol]
        c, d, collateral, debt = self._sides
        backing = view.balance(quote.receipts[c])[rows] * (
            quote.supply_index[c] * quote.oracle[c] / 10.0 ** view.decimals(collateral)
        )
        owed = -view.balance(quote.debts[d])[rows] * (
            quote.borrow_index[d] * quote.oracle[d] / 10.0 ** view.decimals(debt)
        )
        threshold = float(quote.liquidation_threshold[c])
        health = np.divide(backing * threshold, owed, out=np.full(rows.size, np.inf), where=owed > 0.0)
        return Loans(rows, backing, owed, np.minimum(health, 1e18), threshold)

    def _wallet(self, view: View, token: int, rows: Rows) -> Atoms:
        """Atoms the rows can use: not what is kept for gas, and not the loan itself, which was spent elsewhere."""
        held = view.spendable(token)[rows]
        return np.maximum(held - self.spent[rows], 0) if token == self._sides[3] else held

    def _amount(self, view: View, token: int, usd: ArrayLike) -> Atoms:
        """USD in atoms of a token, rounded up so that what is wanted is reached."""
        quote: LendingQuote = view.quotes[self.protocol]
        price = quote.oracle[quote.reserve(token)] if token in quote.assets else view.prices[token]
        return np.ceil(np.minimum(np.asarray(usd) * (10.0 ** view.decimals(token) / price), 2.0**61)).astype(np.int64)

    def _seal(self, view: View, rows: Rows) -> Atoms:
        quote: LendingQuote = view.quotes[self.protocol]
        c, d, collateral, debt = self._sides
        tokens = (quote.receipts[c], quote.debts[d], *path(collateral, debt))
        return seal(*(view.balance(token)[rows] for token in tokens))

    def _cost(self, view: View) -> float:
        """Share of a sale that goes to the venue, all swaps of the way together."""
        kept = 1.0
        for asset in {self._sides[2], self._sides[3]} - {NUMERAIRE}:
            market = view.quotes[self.venue].market(asset)
            kept *= 1.0 - (market.fee if market is not None else 0.0)
        return 1.0 - kept


def path(start: int, end: int) -> tuple[int, ...]:
    """Tokens from one asset to another when everything trades against the numeraire."""
    path: Sequence[int] = (start, NUMERAIRE, end)
    return tuple(dict.fromkeys(path)) if start != end else (start,)
