"""Market makers: quotes on both sides of one order book, inventory kept in bounds, withdrawal in stress.

They widen, thin out and leave when volatility rises above its habit, so depth is least when it is needed most. An
agreement with the venue (a `maker_programme`) can hold them in the book.
"""

import math
from dataclasses import field
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, phases, ticks_in
from agents.shared.quoting import (
    BUY,
    SELL,
    Coefficients,
    Screen,
    Volatility,
    avellaneda_stoikov,
    expected_excess,
    glft,
    glft_constants,
    quote_distances,
    quote_orders,
)
from agents.shared.reactions import range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ALL, Act, Flag, Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.units import SECONDS_PER_YEAR
from sim.views import View

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]
_WITHIN = 0.9
"""Part of the largest spread that a programme allows at which its makers quote, since the mid moves on."""
_PROCESSING_MS = 0.1
"""Milliseconds by which new quotes follow the cancellation of the old ones."""


class Standing(NamedTuple):
    """Where each account stands before it acts. Arrays have one entry per account."""

    cash: NDArray[np.int64]
    held: NDArray[np.int64]
    """Atoms of numeraire and asset that it can quote, what rests in the book included."""
    inventory: NDArray[np.float64]
    """Quotes held beyond what it wants to hold."""
    rests: Mask
    """Whether it has orders in the book."""


@component("population", "market_makers")
class MarketMakers(Population):
    """Quote both sides of one order book around the mid, shifted against the inventory.

    Every `refresh` an account cancels its quotes and places new ones, post-only. It stops the side that would carry the
    inventory it sees beyond the limit; what trades on its old quotes before the message arrives comes on top. While
    volatility exceeds `pull_at` times its median, and for `calm` after, it has no quotes; a strained account has none
    either, and trades its inventory off at the market.

    In a programme it quotes at least the agreed size within the agreed spread. In stress it stays, at the widest spread
    allowed, while what that is expected to lose until the rest of the epoch's uptime is served stays below the rebate
    and the penalty; it leaves if the uptime is served or out of reach. It expects to lose, per `refresh`, the agreed
    size times the mean excess of a normal price move over half the spread: what it sells just before a rise.
    """

    risk = "inventory"

    venue: ProtocolName
    """The order book."""
    asset: AssetName
    model: Literal["glft", "avellaneda_stoikov"] = "glft"
    """Stationary quotes of Guéant, Lehalle and Fernandez-Tapia, or those of Avellaneda and Stoikov."""
    horizon: Duration = Duration(3_600.0)
    """Length of a session of Avellaneda and Stoikov, at whose end the next begins."""
    risk_aversion: tuple[Positive, Positive] = (5.0, 20.0)
    """Per return on one quote: each account's own, drawn uniformly between these two."""
    fill_rate: Positive = 0.1
    """Fills per second and side that a quote at the mid would have."""
    reach: Positive = 0.0005
    """Distance, as a share of the mid, over which the rate of fills falls by a factor e."""
    quote_share: Annotated[float, Gt(0.0), Lt(1.0)] = 0.02
    """Size of one quote, as a share of the account's wealth at the start."""
    levels: Annotated[int, Ge(1), Le(10)] = 3
    """Quotes on each side."""
    level_step: NonNegative = 0.0005
    """Distance between two of them, as a share of the mid."""
    inventory_limit: Positive = 12.0
    """Quotes that an account holds at most beyond or short of its share at the start."""
    refresh: Duration = Duration(60.0)
    """How often an account replaces its quotes; turns are spread over this time, in groups."""
    volatility: Positive = 0.5
    """Per year, what they expect before they have seen a price move."""
    memory: Duration = Duration(600.0)
    """Time over which the weight of a past return in the present volatility falls by a factor e."""
    habit: Duration = Duration(86_400.0)
    """Time over which the median of that volatility is taken."""
    widening: NonNegative = 1.0
    """Power of volatility over its median with which distances grow, while it is above one."""
    thinning: NonNegative = 1.0
    """Power with which sizes fall likewise."""
    pull_at: tuple[Positive, Positive] = (3.0, 6.0)
    """Volatility over its median beyond which an account leaves: its own, drawn uniformly between these two."""
    calm: Duration = Duration(600.0)
    """Time for which it stays away after that."""
    strain: Share = 0.9
    """Part of the inventory limit beyond which an account is strained."""
    unload: Annotated[float, Gt(0.0), Le(1.0)] = 0.5
    """Part of its inventory that a strained account trades off at the market, at every refresh."""
    latency_ms: tuple[NonNegative, NonNegative] = (1.0, 20.0)
    """Each account's own latency is drawn uniformly between these two."""
    wealth_usd: Sizes = field(default_factory=lambda: Sizes(median=1e6, spread=0.5))
    """What they start with."""
    invested: Annotated[float, Gt(0.0), Lt(1.0)] = 0.5
    """Share of it in the asset; the rest is cash."""
    programme: ProtocolName | None = None
    """The agreement under which they quote, if any."""
    bond_usd: NonNegative = 10_000.0
    """What each account deposits there, besides its wealth; it makes good what fines take, out of its cash."""

    aversion: NDArray[np.float64] = column()
    spread_constant: NDArray[np.float64] = column()
    skew_constant: NDArray[np.float64] = column()
    """(n,) c1 and c2 of the stationary quotes."""
    pulls: NDArray[np.float64] = column()
    """(n,) volatility over its median beyond which it leaves."""
    latency: NDArray[np.float64] = column()
    """(n,) milliseconds."""
    phase: NDArray[np.float64] = column()
    size: NDArray[np.int64] = column(np.int64)
    """(n,) atoms of one quote."""
    target: NDArray[np.int64] = column(np.int64)
    """(n,) atoms that it wants to hold."""
    back: NDArray[np.int64] = column(np.int64)
    """(n,) tick at which it quotes again."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = range_faults("risk_aversion", self.risk_aversion) + range_faults("pull_at", self.pull_at)
        found += range_faults("latency_ms", self.latency_ms)
        found += [
            (name, "found 0; give a time above it")
            for name in ("horizon", "refresh", "memory", "habit")
            if getattr(self, name) <= 0.0
        ]
        means = min(self.invested, 1.0 - self.invested)
        if self.inventory_limit * self.quote_share > means:
            text = f"times quote_share is {self.inventory_limit * self.quote_share:g} of wealth; cash and asset allow "
            found.append(("inventory_limit", text + f"{means:g}"))
        return found

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth, sizes of quotes, tempers and latencies; bonds of those in a programme."""
        n = self.count
        wealth = self.wealth_usd.draw(n, rng)
        self.aversion, self.pulls = rng.uniform(*self.risk_aversion, n), rng.uniform(*self.pull_at, n)
        self.latency, self.phase = rng.uniform(*self.latency_ms, n), phases(self.labels)
        self._token = view.token(self.asset)
        self._atoms, self._cents = 10.0 ** view.decimals(self._token), 10.0 ** view.decimals(NUMERAIRE)
        self.size = usd_to_atoms(view, self._token, wealth * self.quote_share)
        self.target = usd_to_atoms(view, self._token, wealth * self.invested)
        self.back = np.zeros(n, dtype=np.int64)
        self._dt = view.dt_years * SECONDS_PER_YEAR
        self.spread_constant, self.skew_constant = glft_constants(self.aversion, self.fill_rate, 1.0 / self.reach)
        prior = self.volatility / math.sqrt(SECONDS_PER_YEAR)
        self._volatility = Volatility(self._dt, self.memory, self.habit, prior)
        money, bonds = usd_to_atoms(view, NUMERAIRE, wealth * (1.0 - self.invested)), []
        if self.programme is not None and self.bond_usd > 0.0:
            bond = self._pledge = usd_to_atoms(view, NUMERAIRE, self.bond_usd)
            money = money + bond
            bonds = [Intent(Act.DEPOSIT, view.venue(self.programme), view.accounts, NUMERAIRE, bond)]
        return Endowment(balances={self._token: self.target.copy(), NUMERAIRE: money}, intents=bonds)

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Replace the quotes of those whose turn it is, take away those of accounts that leave."""
        book = view.quotes[self.venue].market(self._token)
        self._volatility.see(float(book.price))
        standing = self._standing(view, book)
        away = self._leaving(view.tick)
        bound, stays = self._obliged(view, book, away)
        away &= ~stays
        strained = self._strained(standing)
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.refresh))
        gone = turn | away | strained
        sent = self._top_up(view, turn) + self._cancel(view, np.flatnonzero(standing.rests & gone))
        sent += self._unload(view, book, standing, np.flatnonzero(turn & strained & ~away))
        return sent + self._quotes(view, book, standing, np.flatnonzero(turn & ~away & ~strained), bound, stays)

    def _standing(self, view: View, book: Any) -> Standing:
        resting = book.resting(self.lo, self.hi)
        cash, held = view.spendable(NUMERAIRE).copy(), view.spendable(self._token).copy()
        bids, asks = resting.bid, ~resting.bid
        locked = np.floor(resting.amount[bids] * (resting.price[bids] * self._per_atom)).astype(np.int64)
        np.add.at(cash, resting.row[bids], locked)
        np.add.at(held, resting.row[asks], resting.amount[asks])
        rests = np.bincount(resting.row, minlength=self.count) > 0
        return Standing(cash, held, (held - self.target) / self.size, rests)

    @property
    def _per_atom(self) -> float:
        """Numeraire atoms for one asset atom at a price of 1 USD."""
        return float(self._cents / self._atoms)

    def _leaving(self, tick: int) -> Mask:
        """Who is away because volatility is too far above its habit, or was a moment ago."""
        alarmed = self._volatility.stress > self.pulls
        self.back[alarmed] = tick + 1 + round(self.calm / self._dt)
        return self.back > tick

    def _strained(self, standing: Standing) -> Mask:
        """Who has used up its room for inventory."""
        return np.abs(standing.inventory) > self.strain * self.inventory_limit

    def _obliged(self, view: View, book: Any, away: Mask) -> tuple[Mask, Mask]:
        """(who is in the programme, who of them stays although it would leave)."""
        if self.programme is None:
            return np.zeros(self.count, dtype=np.bool_), np.zeros(self.count, dtype=np.bool_)
        terms = view.quotes[self.programme]
        bound = terms.enrolled[self.lo : self.hi]
        owed = terms.owed[self.lo : self.hi]
        period = max(self.refresh, self._dt)
        taken = expected_excess(self._volatility.now * math.sqrt(period), 0.5 * _WITHIN * terms.max_spread)
        loss = owed * (self._dt / period) * (taken * terms.min_size * book.price / self._atoms)
        worth = loss <= terms.rebate + terms.penalty
        return bound, away & bound & worth & (owed > 0) & (owed <= terms.left)

    def _top_up(self, view: View, turn: Mask) -> list[Intent]:
        """Deposits of what is missing from bonds."""
        if self.programme is None or self.bond_usd == 0.0:
            return []
        terms = view.quotes[self.programme]
        missing = self._pledge - view.balance(terms.bond)
        rows = np.flatnonzero(turn & (missing > 0) & (missing <= view.spendable(NUMERAIRE)))
        return [Intent(Act.DEPOSIT, terms.venue, view.accounts[rows], NUMERAIRE, missing[rows])] if rows.size else []

    def _coefficients(self, view: View, rows: Rows) -> Coefficients:
        """Distances of the model at the present volatility, widened by stress."""
        sigma = self._volatility.now
        if self.model == "glft":
            found = glft(self.spread_constant[rows], self.skew_constant[rows], sigma)
        else:
            left = self.horizon - (view.tick * self._dt) % self.horizon
            found = avellaneda_stoikov(self.aversion[rows], sigma, 1.0 / self.reach, left)
        wider = max(self._volatility.stress, 1.0) ** self.widening
        return Coefficients(found.base * wider, found.skew)

    def _quotes(self, view: View, book: Any, standing: Standing, rows: Rows, bound: Mask, stays: Mask) -> list[Intent]:
        """New quotes of some accounts, one intent per side and level."""
        if not rows.size:
            return []
        base, skew = self._coefficients(view, rows)
        nearest, farthest = np.zeros(rows.size), np.full(rows.size, 0.5)
        size = (self.size[rows] / max(self._volatility.stress, 1.0) ** self.thinning).astype(np.int64)
        size = np.maximum(size, 1)
        if self.programme is not None and bound.any():
            terms = view.quotes[self.programme]
            within = 0.5 * _WITHIN * terms.max_spread
            farthest[bound[rows]], nearest[stays[rows]] = within, within
            least = math.ceil(terms.min_size / book.grid.lot) * book.grid.lot
            size = np.where(stays[rows], least, np.where(bound[rows], np.maximum(size, least), size))
        away = np.empty((2, rows.size))
        quote_distances(base, skew, standing.inventory[rows], nearest, farthest, away)
        prices = np.empty((2, self.levels, rows.size))
        amounts = np.zeros((2, self.levels, rows.size), dtype=np.int64)
        most = self.inventory_limit * (self.size[rows] / size)
        screen = Screen(
            float(book.price), float(book.bid), float(book.ask), float(book.grid.tick), book.grid.lot, self._per_atom
        )
        inventory = standing.inventory[rows] * (self.size[rows] / size)
        cash, held = standing.cash[rows], standing.held[rows]
        quote_orders(screen, away, self.level_step, inventory, most, size, cash, held, prices, amounts)
        amounts[:, 1:, stays[rows]] = 0
        sides = ((Act.LIMIT_BUY, BUY), (Act.LIMIT_SELL, SELL))
        return [
            intent
            for act, side in sides
            for level in range(self.levels)
            for intent in self._send(view, act, rows, amounts[side, level], prices[side, level], int(Flag.POST_ONLY))
        ]

    def _cancel(self, view: View, rows: Rows) -> list[Intent]:
        return self._send(view, Act.CANCEL, rows, np.full(rows.size, ALL), np.zeros(rows.size), int(Flag.NONE), 0.0)

    def _unload(self, view: View, book: Any, standing: Standing, rows: Rows) -> list[Intent]:
        """Trade a part of the inventory at the market."""
        wanted = (self.unload * np.abs(standing.inventory[rows]) * self.size[rows]).astype(np.int64)
        long = standing.inventory[rows] > 0.0
        limit = np.zeros(rows.size)
        sold = self._send(view, Act.SELL, rows[long], wanted[long], limit[long], int(Flag.NONE))
        return sold + self._send(view, Act.BUY, rows[~long], wanted[~long], limit[~long], int(Flag.NONE))

    def _send(
        self,
        view: View,
        act: Act,
        rows: Rows,
        amount: NDArray[np.int64],
        limit: NDArray[np.float64],
        flag: int,
        extra: float = _PROCESSING_MS,
    ) -> list[Intent]:
        """One batch, without the rows that have nothing to send."""
        some = amount > 0
        if not some.any():
            return []
        return [
            Intent(
                act, view.quotes[self.venue].venue, view.accounts[rows[some]], self._token, amount[some],
                motive=Motive.MARKET_MAKING, limit=limit[some], tip=self.latency[rows[some]] + extra, subject=flag,
            )
        ]  # fmt: skip
