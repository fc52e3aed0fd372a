"""Depositors: lend to a pool and run when withdrawals get scarce or losses show."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.reactions import NEVER, draw_delays, range_faults, ready
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import usd_to_atoms
from sim.fields import AssetName, Count, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ALL, Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import LendingQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_COIN = 0


@component("population", "depositors")
class Depositors(Population):
    """Hold receipts of a lending pool; each leaves above its own utilisation or below its own cover of the receipt.

    Whoever is frightened asks for the whole deposit, or for what cash there is, and after some patience asks again.
    Nobody looks at more than two numbers while both are calm.
    """

    risk = "smart contract"

    protocol: ProtocolName
    """The lending pool."""
    asset: AssetName
    """What they deposit."""
    deposit_usd: Sizes
    """Size of the deposits."""
    utilisation_limit: tuple[Share, Share] = (0.9, 1.0)
    """Utilisation above which a depositor leaves: its own, drawn uniformly between these two; 1 is never."""
    cover_limit: tuple[Share, Share] = (0.9, 1.0)
    """Value of the receipt over its nominal value below which a depositor leaves: drawn likewise; 0 is never."""
    reaction_delay: tuple[Count, Count] = (0, 30)
    """Ticks between fright and flight: each depositor's own, drawn uniformly between these two."""
    patience: Annotated[int, Ge(1)] = 10
    """Ticks after which one who did not get everything asks again."""
    return_rate: Share = 0.0
    """Probability per tick that one who left deposits again while calm."""
    return_margin: Share = 0.05
    """Calm means utilisation this far below the personal limit, and cover above its limit."""
    least_usd: NonNegative = 10.0
    """USD below which nothing is worth a transaction."""
    tip: NonNegative = 2.0
    """Priority bid in gwei."""

    utilisation_most: NDArray[np.float64] = column()
    cover_least: NDArray[np.float64] = column()
    delay: NDArray[np.int64] = column(np.int64)
    due: NDArray[np.int64] = column(np.int64)
    """(n,) tick at which a frightened depositor acts."""
    _reserve: int = field(default=0, init=False, repr=False)
    _token: int = field(default=0, init=False, repr=False)
    _calm_below: float = field(default=0.0, init=False, repr=False)
    """Utilisation that frightens nobody who is still in."""
    _calm_above: float = field(default=0.0, init=False, repr=False)
    """Cover that frightens nobody who is still in."""
    _some_left: bool = field(default=False, init=False, repr=False)

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        names = ("utilisation_limit", "cover_limit", "reaction_delay")
        return [fault for name in names for fault in range_faults(name, getattr(self, name))]

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Draw deposits, limits and delays; deposit everything."""
        quote: LendingQuote = view.quotes[self.protocol]
        self._token = view.token(self.asset)
        self._reserve = quote.reserve(self._token)
        amount = usd_to_atoms(view, self._token, self.deposit_usd.draw(self.count, rng))
        self.utilisation_most = rng.uniform(*self.utilisation_limit, size=self.count)
        self.cover_least = rng.uniform(*self.cover_limit, size=self.count)
        self.delay = draw_delays(rng, self.count, self.reaction_delay)
        self.due = np.full(self.count, NEVER)
        self._watch(np.ones(self.count, dtype=np.bool_))
        deposit = Intent(Act.DEPOSIT, quote.venue, view.accounts, self._token, amount, motive=Motive.SETUP)
        return Endowment(balances={self._token: amount}, intents=[deposit])

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Leave, or come back."""
        quote: LendingQuote = view.quotes[self.protocol]
        utilisation, cover = float(quote.utilisation[self._reserve]), float(quote.cover[self._reserve])
        intents: list[Intent] = []
        if utilisation > self._calm_below or cover < self._calm_above:
            intents = self._leave(view, quote, utilisation, cover)
        if self._some_left and self.return_rate:
            intents += self._come_back(view, quote, utilisation, cover, draws)
        return intents

    def _leave(self, view: View, quote: LendingQuote, utilisation: float, cover: float) -> list[Intent]:
        receipts = view.balance(quote.receipts[self._reserve])
        self._watch(receipts > 0)
        scared = (receipts > 0) & ((utilisation > self.utilisation_most) | (cover < self.cover_least))
        rows = np.flatnonzero(scared & ~view.pending())
        rows = rows[ready(rows, view.tick, self.delay, self.due)]
        cash = int(quote.cash[self._reserve])
        if not rows.size or cash < max(1, int(usd_to_atoms(view, self._token, self.least_usd))):
            self.due[rows] = view.tick + 1
            return []
        self.due[rows] = view.tick + self.patience
        self._some_left = True
        deposit = np.floor(receipts[rows] * quote.supply_index[self._reserve])
        return self._send(view, quote, Act.WITHDRAW, Motive.RUN, rows, np.where(deposit <= cash, ALL, cash))

    def _come_back(
        self, view: View, quote: LendingQuote, utilisation: float, cover: float, draws: Draws
    ) -> list[Intent]:
        held = view.spendable(self._token)
        least = max(1, int(usd_to_atoms(view, self._token, self.least_usd)))
        away = (held >= least) & (view.balance(quote.receipts[self._reserve]) == 0)
        self._some_left = bool(away.any()) or bool((self.due > view.tick).any())
        calm = (utilisation < self.utilisation_most - self.return_margin) & (cover >= self.cover_least)
        rows = np.flatnonzero(away & calm & (self.due <= view.tick) & ~view.pending())
        rows = rows[draws.uniform(rows, _COIN) < self.return_rate]
        if not rows.size:
            return []
        self.due[rows] = view.tick + self.patience
        self._watch(np.ones(self.count, dtype=np.bool_))
        return self._send(view, quote, Act.DEPOSIT, Motive.REBALANCING, rows, held[rows])

    def _send(
        self,
        view: View,
        quote: LendingQuote,
        act: Act,
        motive: Motive,
        rows: NDArray[np.int64],
        amount: NDArray[np.int64],
    ) -> list[Intent]:
        cause, accounts = view.cause(self._token), view.accounts[rows]
        return [Intent(act, quote.venue, accounts, self._token, amount, motive=motive, tip=self.tip, cause=cause)]

    def _watch(self, inside: NDArray[np.bool_]) -> None:
        """Keep the most nervous limits among those still in, so that a calm tick compares two numbers."""
        self._calm_below = float(self.utilisation_most[inside].min(initial=np.inf))
        self._calm_above = float(self.cover_least[inside].max(initial=-np.inf))
