# ruff: noqa: RUF009 -- column() makes a new dataclass field at every call
"""Collateralised loans: opening them, watching their health, and the steps that bring it back.

An account that acts does one transaction at a time and looks again once it is through, because what a step yields is
known only once it has run. A transaction without effect is sent again after some patience.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.loan_kernels import DELEVERAGE, EXPAND, IGNORE, PLACES, TOP_UP, Holders, Terms, next_steps
from agents.shared.reactions import NEVER
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE
from agents.shared.wallets import wallets
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

    IGNORE = IGNORE
    TOP_UP = TOP_UP
    """Deposit spare collateral."""
    DELEVERAGE = DELEVERAGE
    """Repay from spare cash, then withdraw collateral, sell it and repay."""


class Step(NamedTuple):
    """What one step sends."""

    act: Act
    venue: int
    token: int
    token2: int
    motive: Motive


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
    """Ticks between attempts: a transaction without effect is sent again at the next multiple of it."""
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
    opening: Floats = column()
    """(n,) health at the start."""
    watch: Floats = column()
    """(n,) health below which the account is looked at: its alarm, infinite while it acts, -inf if it never will."""
    delay: NDArray[np.int64] = column(np.int64)
    due: NDArray[np.int64] = column(np.int64)
    """(n,) tick at which an alarmed account acts, or one that could not looks again."""
    sent: NDArray[np.int8] = column(np.int8)
    """(n,) step sent last, 0 if none is under way."""
    expanding: NDArray[np.bool_] = column(np.bool_)
    """(n,) whether the account is borrowing and buying."""
    _sides: tuple[int, int, int, int] = field(default=(0, 0, 0, 0), init=False, repr=False)
    """Reserve numbers and token indices of collateral and debt."""
    _path: tuple[int, ...] = field(default=(), init=False, repr=False)
    """Tokens from collateral to debt when everything trades against the numeraire."""
    _steps: dict[int, Step] = field(default_factory=dict, init=False, repr=False)

    # Opening ---------------------------------------------------------------------------------------------------------

    def look_up(self, view: View) -> LendingQuote:
        """Find the reserves and what each step sends; returns the pool's quote."""
        quote: LendingQuote = view.quotes[self.protocol]
        collateral, debt = view.token(self.collateral), view.token(self.debt)
        self._sides = quote.reserve(collateral), quote.reserve(debt), collateral, debt
        self._path = tuple(dict.fromkeys((collateral, NUMERAIRE, debt))) if collateral != debt else (debt,)
        pool, venue = quote.venue, view.quotes[self.venue].venue
        self._steps = _steps(TOP_UP, self._path[:1], None, Act.DEPOSIT, pool, venue, Motive.DELEVERAGING)
        self._steps |= _steps(DELEVERAGE, self._path, Act.WITHDRAW, Act.REPAY, pool, venue, Motive.DELEVERAGING)
        self._steps |= _steps(EXPAND, self._path[::-1], Act.BORROW, Act.DEPOSIT, pool, venue, Motive.MOMENTUM)
        return quote

    def open_loans(self, view: View, debt_usd: Floats, health: Floats, reserve: float = 0.0) -> Endowment:
        """Deposits and loans that start with these health factors, and the account state that goes with them.

        What is borrowed is spent outside the model at once. debt_usd, health: (n,). reserve: spare money over the
        loan, held as collateral by those who top up and as cash by the others. Needs `response`, `alarm_at` and
        `goal`; sets the rest.
        """
        quote = self.look_up(view)
        c, d, collateral, debt = self._sides
        usd = dict(zip(self._path, self._usd(view), strict=True))
        loan = _atoms(debt_usd, usd[debt])
        owed = (loan + np.ceil(quote.borrow_index[d]) + 1.0) * usd[debt]
        backing = owed * health / quote.liquidation_threshold[c]
        deposit = _atoms(backing * (1.0 + _ROUNDING), usd[collateral]) + int(np.ceil(quote.supply_index[c]))
        tops_up = self.response == Response.TOP_UP
        stock = _atoms(np.where(tops_up, owed * reserve, 0.0), usd[collateral])
        cash = _atoms(np.where(tops_up, 0.0, owed * reserve), usd[debt])
        self.opening = health
        self.watch = np.where(self.response == Response.IGNORE, -np.inf, self.alarm_at)
        self.due, self.sent = np.full(self.count, NEVER), np.zeros(self.count, dtype=np.int8)
        self.expanding = np.zeros(self.count, dtype=np.bool_)
        balances = {collateral: deposit + stock}
        balances[debt] = balances.get(debt, 0) + cash
        send = [(Act.DEPOSIT, collateral, deposit), (Act.BORROW, debt, loan)]
        intents = [
            Intent(act, quote.venue, view.accounts, token, amount, motive=Motive.SETUP) for act, token, amount in send
        ]
        return Endowment(balances=balances, intents=intents, spent={debt: loan})

    # Deciding --------------------------------------------------------------------------------------------------------

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Look at accounts below their alarm or under way; the others cost one comparison."""
        rows = (view.health(self.protocol) < self.watch).nonzero()[0]
        if rows.size:
            rows = rows[(self.due[rows] <= view.tick) & ~view.pending()[rows]]
        if not rows.size:
            return []
        step, amount = np.empty(rows.size, dtype=np.int64), np.empty(rows.size, dtype=np.int64)
        next_steps(
            rows, wallets(view), self._holders(), self._terms(view), np.array(self._path), self._usd(view), step, amount
        )
        senders = step.nonzero()[0]
        if not senders.size:
            return []
        return self._intents(view, view.accounts[rows[senders]], step[senders], amount[senders])

    def _intents(self, view: View, accounts: Rows, step: Rows, amount: Atoms) -> list[Intent]:
        """One batch for each step that somebody sends."""
        cause = view.cause(self._sides[2])
        intents = []
        for number in sorted(set(step.tolist())):
            mine, sent = step == number, self._steps[number]
            intents.append(
                Intent(
                    sent.act,
                    sent.venue,
                    accounts[mine],
                    sent.token,
                    amount[mine],
                    token2=sent.token2,
                    motive=sent.motive,
                    tip=self.tip,
                    cause=cause,
                )
            )
        return intents

    def _holders(self) -> Holders:
        return Holders(
            self.response, self.alarm_at, self.goal, self.opening, self.watch, self.delay, self.due, self.sent,
            self.expanding,
        )  # fmt: skip

    def _terms(self, view: View) -> Terms:
        quote: LendingQuote = view.quotes[self.protocol]
        c, d, collateral, debt = self._sides
        kept = 1.0
        for token in self._path:
            market = None if token == NUMERAIRE else view.quotes[self.venue].market(token)
            kept *= 1.0 - (0.0 if market is None else market.fee)
        return Terms(
            tick=view.tick,
            patience=self.patience,
            receipt=quote.receipts[c],
            debt=quote.debts[d],
            backing=float(quote.supply_index[c] * quote.oracle[c] / 10.0 ** view.decimals(collateral)),
            owing=float(quote.borrow_index[d] * quote.oracle[d] / 10.0 ** view.decimals(debt)),
            threshold=float(quote.liquidation_threshold[c]),
            ltv=float(quote.ltv[c]),
            kept=kept,
            floor=float(self.floor),
            least_usd=float(self.least_usd),
        )

    def _usd(self, view: View) -> Floats:
        """(k,) USD per atom of the tokens of the path, as the pool sees them where it lists them."""
        quote: LendingQuote = view.quotes[self.protocol]
        prices = [quote.oracle[quote.reserve(t)] if t in quote.assets else view.prices[t] for t in self._path]
        return np.array([price / 10.0 ** view.decimals(t) for price, t in zip(prices, self._path, strict=True)])


def _steps(
    way: int, tokens: tuple[int, ...], entry: Act | None, leave: Act, pool: int, venue: int, motive: Motive
) -> dict[int, Step]:
    """What each step of a way sends, by the numbers of `next_steps`."""
    steps = {} if entry is None else {PLACES * way: Step(entry, pool, tokens[0], -1, motive)}
    for place, token in enumerate(tokens[:-1], start=1):
        steps[PLACES * way + place] = Step(Act.SWAP, venue, token, tokens[place], motive)
    return steps | {PLACES * way + len(tokens): Step(leave, pool, tokens[-1], -1, motive)}


def _atoms(usd: Floats, usd_per_atom: float) -> Atoms:
    """USD in atoms, rounded up so that what is wanted is reached."""
    return np.ceil(np.minimum(usd / usd_per_atom, 2.0**61)).astype(np.int64)
