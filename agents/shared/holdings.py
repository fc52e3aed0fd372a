"""What allocators hold: assets, which they swap, and deposits of the numeraire in lending pools and vaults."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.shared.trading import NUMERAIRE, Desk, Rows
from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.quotes import LendingQuote
from sim.views import View

Atoms = NDArray[np.int64]
Floats = NDArray[np.float64]


class Deposit:
    """The numeraire in a lending pool or a vault. Amounts are atoms of the numeraire.

    A vault gives and takes back shares at the end of an epoch: what waits to get in counts as held, what waits to get
    out counts as wealth alone. Raises ConfigError if the protocol takes no deposits of the numeraire.
    """

    def __init__(self, view: View, protocol: str, motive: Motive, tip: float) -> None:
        self.protocol, self.motive, self.tip = protocol, motive, tip
        quote = view.quotes[protocol]
        self.lends = isinstance(quote, LendingQuote)
        assets = quote.assets if self.lends else (getattr(quote, "asset", -1),) if hasattr(quote, "share_price") else ()
        if NUMERAIRE not in assets:
            raise ConfigError(
                f'"{protocol}" takes no deposits of the numeraire; name a lending pool that lists it or a vault of it'
            )
        self.reserve = assets.index(NUMERAIRE)
        self.index = int(quote.receipts[self.reserve] if self.lends else quote.share)

    def held(self, view: View, rows: Rows) -> Atoms:
        """(m,) atoms that could be asked back."""
        quote, balance = view.quotes[self.protocol], view.balance(self.index)[rows]
        if self.lends:
            return np.floor(balance * quote.supply_index[self.reserve]).astype(np.int64)
        return view.balance(quote.pending)[rows] + np.floor(balance * quote.share_price).astype(np.int64)

    def leaving(self, view: View, rows: Rows) -> Floats:
        """(m,) atoms that were asked back and are not yet paid."""
        quote = view.quotes[self.protocol]
        return np.zeros(rows.size) if self.lends else view.balance(quote.leaving)[rows] * quote.share_price

    def unit(self, view: View) -> float:
        """USD per atom: losses of a lending pool are taken off."""
        quote, coin = view.quotes[self.protocol], float(view.atom_prices[NUMERAIRE])
        return coin * float(quote.cover[self.reserve]) if self.lends else coin

    def orders(self, view: View, rows: Rows, signed: Atoms) -> list[Intent]:
        """Put atoms in (above zero) or ask them back (below), as far as a lending pool has cash."""
        if self.lends:
            put = [(Act.DEPOSIT, NUMERAIRE, -1, signed)]
            cash = int(view.quotes[self.protocol].cash[self.reserve])
            take = [(Act.WITHDRAW, NUMERAIRE, -1, np.minimum(-signed, cash))]
        else:
            quote = view.quotes[self.protocol]
            put = [(Act.MINT, NUMERAIRE, self.index, signed)]
            pending, shares = view.balance(quote.pending)[rows], view.balance(self.index)[rows]
            early = np.minimum(pending, -signed)
            late = np.minimum(shares, np.ceil((-signed - early) / max(quote.share_price, 1e-12)).astype(np.int64))
            take = [(Act.REDEEM, quote.pending, -1, early), (Act.REDEEM, self.index, -1, late)]
        venue = view.quotes[self.protocol].venue
        return [
            Intent(
                act, venue, view.accounts[rows[some]], token, amount[some],
                token2=token2, motive=self.motive, tip=self.tip,
            )
            for act, token, token2, amount in take + put
            if (some := amount > 0).any()
        ]  # fmt: skip


class Holdings:
    """The columns of an allocator: its assets, then its deposits.

    desk: trades the assets. Attributes: names and indices (token) of the columns.
    """

    def __init__(self, view: View, assets: Sequence[str], deposits: Sequence[str], desk: Desk) -> None:
        self.names = [*assets, *deposits]
        self._assets, self._desk = [view.token(name) for name in assets], desk
        self.deposits = [Deposit(view, name, desk.motive, desk.tip) for name in deposits]
        self.indices = [*self._assets, *(deposit.index for deposit in self.deposits)]
        self._numbers = np.array(self.indices)

    def atoms(self, view: View, rows: Rows) -> Atoms:
        """(m, k) what could be sold now; of deposits, atoms of the numeraire."""
        spot = [view.spendable(index, rows) for index in self._assets]
        return np.stack(spot + [deposit.held(view, rows) for deposit in self.deposits], axis=1)

    def units(self, view: View) -> Floats:
        """(k,) USD per atom."""
        return np.append(view.atom_prices[self._assets], [deposit.unit(view) for deposit in self.deposits])

    def prices(self, view: View) -> Floats:
        """(k,) USD per whole unit."""
        scale = 10.0 ** view.decimals(NUMERAIRE)
        return np.append(view.prices[self._assets], [deposit.unit(view) * scale for deposit in self.deposits])

    def on_the_way(self, view: View, rows: Rows) -> Floats:
        """(m,) USD that vaults still owe."""
        total = np.zeros(rows.size)
        for deposit in self.deposits:
            total += deposit.leaving(view, rows) * deposit.unit(view)
        return total

    def orders(self, view: View, rows: Rows, habit: NDArray[np.int64], now: Atoms) -> list[Intent]:
        """What brings accounts nearer to their plans: sales and withdrawals, then purchases and deposits.

        rows, habit: (m,). now: (m, k) atoms of the column to give up, below zero, or of the numeraire to spend, above.
        """
        count = len(self._assets)
        place, number = now[:, :count].nonzero()
        sent = self._desk.swaps(view, rows[place], habit[place], self._numbers[number], now[place, number])
        for deposit, signed in zip(self.deposits, now[:, count:].T, strict=True):
            sent += deposit.orders(view, rows, signed)
        return sent

    def open(self, view: View, usd: Floats) -> tuple[dict[int, Atoms], Atoms, list[Intent]]:
        """(balances by asset, numeraire atoms to start with, orders to open) for (n, k) USD of each column."""
        count = len(self._assets)
        units = view.atom_prices[self._assets]
        balances = {i: (usd[:, c] / units[c]).astype(np.int64) for c, i in enumerate(self._assets)}
        put = (usd[:, count:] / view.atom_prices[NUMERAIRE]).astype(np.int64)
        rows, orders = np.arange(len(usd)), []
        for deposit, atoms in zip(self.deposits, put.T, strict=True):
            orders += [order._replace(motive=Motive.SETUP) for order in deposit.orders(view, rows, atoms)]
        return balances, put.sum(axis=1), orders
