"""Leverage: borrowing the numeraire against one's assets, and stepping towards a portfolio of more than one's wealth.

Each account does one thing per tick, the first of these that is worth it: repay what it owes beyond its target, sell
what it has too much of, withdraw what it would have to sell, deposit what lies idle, buy, borrow. What a step yields is
seen at the next, so fees, slippage and interest need no forecast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import NDArray

from agents.shared.trading import NUMERAIRE, Rows
from sim.errors import ConfigError
from sim.fields import ProtocolName
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment
from sim.quotes import LendingQuote
from sim.views import View

Atoms = NDArray[np.int64]
Floats = NDArray[np.float64]
STEPS = 60
"""Most ticks over which a portfolio is approached before accounts look again."""
DONE, REPAY, SELL, WITHDRAW, DEPOSIT, BUY, BORROW = range(7)


@dataclass(frozen=True, kw_only=True)
class Borrowing:
    """Where and how far an allocator borrows."""

    protocol: ProtocolName
    """The lending pool; it must list the numeraire and every asset that is held."""
    max_leverage: Annotated[float, Ge(1.0)] = 2.0
    """Largest sum of weights."""
    floor: Annotated[float, Gt(1.0)] = 1.1
    """Health factor below which the account's own loans and withdrawals never bring it."""


class Book(NamedTuple):
    """Positions of some accounts: (m, k) atoms at hand and deposited, (m,) atoms owed and of cash."""

    spot: Atoms
    collateral: Atoms
    debt: Atoms
    cash: Atoms


class Margin:
    """Accounts' collateral and debt in a pool. Raises ConfigError if it lacks an asset, or lends nothing on it."""

    def __init__(self, view: View, settings: Borrowing, names: Sequence[str], assets: Sequence[int]) -> None:
        quote: LendingQuote = view.quotes[settings.protocol]
        lacks = [
            name
            for name, asset in zip(names, assets, strict=True)
            if asset not in quote.assets or not quote.ltv[quote.reserve(asset)]
        ]
        if NUMERAIRE not in quote.assets or lacks:
            what = f"lends nothing on {', '.join(lacks)}" if lacks else "does not list the numeraire"
            raise ConfigError(f'borrow.protocol: "{settings.protocol}" {what}; it must take every asset that is held')
        self.settings, self.assets = settings, list(assets)
        self._reserves = [quote.reserve(a) for a in assets]
        self._money = quote.reserve(NUMERAIRE)
        self._scale = np.array([10.0 ** view.decimals(a) for a in assets])
        self._coin_scale = 10.0 ** view.decimals(NUMERAIRE)

    def book(self, view: View, rows: Rows, spot: Atoms) -> Book:
        """Positions of these rows; spot: (m, k) atoms at hand."""
        quote: LendingQuote = view.quotes[self.settings.protocol]
        receipts = np.stack([view.balance(quote.receipts[r])[rows] for r in self._reserves], axis=1)
        collateral = np.floor(receipts * quote.supply_index[self._reserves]).astype(np.int64)
        owed = -view.balance(quote.debts[self._money])[rows] * quote.borrow_index[self._money]
        return Book(spot, collateral, np.ceil(owed).astype(np.int64), view.spendable(NUMERAIRE, rows))

    def open(self, view: View, names: Sequence[str], weights: Floats, wealth: Floats) -> Endowment:
        """Assets at these weights; who is levered has them deposited against the loan that paid for a part of them."""
        quote: LendingQuote = view.quotes[self.settings.protocol]
        loan_usd = np.maximum(weights.sum(axis=1) - 1.0, 0.0) * wealth
        cover = (weights * quote.liquidation_threshold[self._reserves]).sum(axis=1) * wealth
        thin = cover < self.settings.floor * loan_usd
        if thin.any():
            row = int(np.argmax(thin))
            shown = ", ".join(f"{name} {weight:.6g}" for name, weight in zip(names, weights[row], strict=True))
            raise ConfigError(
                f"the opening portfolio {shown} has a health of {cover[row] / loan_usd[row]:.4g}, below borrow.floor "
                f"{self.settings.floor:g}; lower the leverage or the floor"
            )
        units, coin = view.atom_prices[self.assets], view.atom_prices[NUMERAIRE]
        atoms = (weights * wealth[:, None] / units).astype(np.int64)
        loan = np.floor(loan_usd / coin).astype(np.int64)
        rows = np.flatnonzero(loan)
        intents = [self._intent(view, Act.DEPOSIT, rows, a, atoms[rows, c]) for c, a in enumerate(self.assets)]
        intents.append(self._intent(view, Act.BORROW, rows, NUMERAIRE, loan[rows]))
        return Endowment(
            balances={a: atoms[:, c] for c, a in enumerate(self.assets)},
            intents=[intent._replace(motive=Motive.SETUP) for intent in intents if intent.account.size],
            spent={NUMERAIRE: loan},
        )

    def step(self, view: View, book: Book, goal: Floats, least: float) -> tuple[NDArray[np.int64], Atoms, Atoms]:
        """What each account does next towards (m, k) goal weights: (step, (m, k) atoms, (m,) numeraire atoms).

        least: USD that are worth a transaction. Atoms are those sold, withdrawn or deposited, or numeraire to spend.
        """
        quote: LendingQuote = view.quotes[self.settings.protocol]
        units, coin = view.atom_prices[self.assets], float(view.atom_prices[NUMERAIRE])
        value, owing = units * (book.spot + book.collateral), coin * book.debt
        wealth = value.sum(axis=1) + coin * book.cash - owing
        gap = goal * wealth[:, None] - value
        gap[np.abs(gap) < least] = 0.0
        wanted = np.maximum(goal.sum(axis=1) - 1.0, 0.0) * wealth
        excess, short, cash = owing - wanted, np.maximum(gap, 0.0).sum(axis=1), coin * book.cash
        too_much = np.minimum((np.maximum(-gap, 0.0) / units).astype(np.int64), book.spot + book.collateral)
        freed = self._withdrawable(quote, book, too_much)
        idle = np.where(gap < 0.0, 0, book.spot) * (np.maximum(wanted, owing) >= least)[:, None]
        idle[idle * units < least] = 0
        freed[freed * units < least] = 0
        spend = np.minimum(cash, short)
        loan = np.minimum(np.minimum(-excess, short - cash), self._room(quote, book))
        loan = np.minimum(loan, coin * quote.cash[self._money])
        sold = np.minimum(too_much, book.spot)
        owes_too_much = (excess >= least) | ((wanted == 0.0) & (owing > 0.0))
        chosen = np.select(
            [
                owes_too_much & (cash >= np.minimum(least, owing)),
                (sold * units >= least).any(axis=1),
                freed.any(axis=1),
                idle.any(axis=1),
                spend >= least,
                loan >= least,
            ],
            [REPAY, SELL, WITHDRAW, DEPOSIT, BUY, BORROW],
            DONE,
        )
        bought = (gap.clip(0.0) * (spend / np.maximum(short, 1e-300))[:, None] / coin).astype(np.int64)
        each = np.select([(chosen == s)[:, None] for s in (SELL, WITHDRAW, DEPOSIT, BUY)], [-sold, freed, idle, bought])
        back = np.minimum(book.cash, np.where(wanted > 0.0, np.ceil(excess / coin).astype(np.int64), book.debt + 1))
        money = np.select([chosen == REPAY, chosen == BORROW], [back, np.maximum(loan / coin, 0.0).astype(np.int64)])
        return chosen, each, money

    def orders(self, view: View, rows: Rows, chosen: NDArray[np.int64], each: Atoms, money: Atoms) -> list[Intent]:
        """Intents of the pool for what `step` chose; swaps are left to a desk."""
        sent = []
        for step, act in ((REPAY, Act.REPAY), (BORROW, Act.BORROW)):
            some = (chosen == step) & (money > 0)
            sent.append(self._intent(view, act, rows[some], NUMERAIRE, money[some]))
        for step, act in ((WITHDRAW, Act.WITHDRAW), (DEPOSIT, Act.DEPOSIT)):
            for column, asset in enumerate(self.assets):
                some = (chosen == step) & (each[:, column] > 0)
                sent.append(self._intent(view, act, rows[some], asset, each[some, column]))
        return [intent for intent in sent if intent.account.size]

    def _intent(self, view: View, act: Act, rows: Rows, token: int, amount: Atoms) -> Intent:
        quote: LendingQuote = view.quotes[self.settings.protocol]
        return Intent(act, quote.venue, view.accounts[rows], token, amount, motive=Motive.REBALANCING, tip=1.0)

    def _backing(self, quote: LendingQuote, book: Book, terms: Floats) -> Floats:
        """(m, k) USD of collateral as the pool sees it, times its terms."""
        return book.collateral * self._unit(quote) * terms[self._reserves]

    def _unit(self, quote: LendingQuote) -> Floats:
        return quote.oracle[self._reserves] / self._scale

    def _room(self, quote: LendingQuote, book: Book) -> Floats:
        """(m,) USD that may still be borrowed by the pool's rules and above the floor."""
        owed = book.debt * quote.oracle[self._money] / self._coin_scale
        healthy = self._backing(quote, book, quote.liquidation_threshold).sum(axis=1) / self.settings.floor
        return np.minimum(healthy, self._backing(quote, book, quote.ltv).sum(axis=1)) - owed

    def _withdrawable(self, quote: LendingQuote, book: Book, too_much: Atoms) -> Atoms:
        """(m, k) atoms of collateral to withdraw so that nothing too much is left in it, the floor kept."""
        wanted = np.minimum(np.maximum(too_much - book.spot, 0), book.collateral)
        wanted = np.minimum(wanted, quote.cash[self._reserves])
        cost = wanted * self._unit(quote) * quote.liquidation_threshold[self._reserves]
        owed = book.debt * quote.oracle[self._money] / self._coin_scale
        slack = self._backing(quote, book, quote.liquidation_threshold).sum(axis=1) - self.settings.floor * owed
        total = cost.sum(axis=1)
        part = np.where(owed > 0.0, np.clip(slack / np.maximum(total, 1e-300), 0.0, 1.0), 1.0)
        return np.floor(wanted * part[:, None]).astype(np.int64)
