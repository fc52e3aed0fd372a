"""Allocators: hold a portfolio at the weights of a rule, whenever a trigger says so."""

from dataclasses import field, replace
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from agents.shared.borrowing import BUY, DONE, SELL, STEPS, Borrowing, Margin
from agents.shared.cadence import phases
from agents.shared.frictions import Frictions, average_price
from agents.shared.holdings import Holdings
from agents.shared.limits import Limits
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, habits, share_faults, usd_to_atoms
from sim.errors import SpilloverError
from sim.fields import AssetName, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Intent
from sim.interfaces import AllocationRule, AllocatorView, Endowment, Population, Trigger
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_ROUNDING = 1e-9
_WAITING = -1
"""`left` of accounts whose purchases wait for the cash of their sales."""
_NERVE = 0
Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


@component("population", "allocator")
class Allocator(Population):
    """A rule gives target weights, a trigger says when; the difference is traded, sales first.

    Weights are shares of cash, assets and deposits together, without what is kept back for gas. Purchases use the cash
    at hand; what has to wait for the proceeds of sales is bought one tick later. A rule whose weights are negative, or
    sum to more than 1 without `borrow`, stops the run.
    """

    risk = "directional"

    assets: list[AssetName] = field(default_factory=list)
    """What is held beside the numeraire, in the order that rules see it."""
    deposits: list[ProtocolName] = field(default_factory=list)
    """Lending pools and vaults that the numeraire is put into; rules see them after the assets, by these names."""
    rule: AllocationRule
    """Target weights."""
    trigger: Trigger
    """When accounts look at their targets, and when they trade."""
    venues: list[ProtocolName] = field(default_factory=list)
    """Where assets are traded; an account whose usual venue lacks an asset takes the first that has it."""
    venue_shares: list[NonNegative] = field(default_factory=list)
    """Share of accounts that is used to each venue; all equal if none is given."""
    wealth_usd: Sizes = field(default_factory=lambda: Sizes(median=100_000.0))
    """What they start with, held at the rule's weights."""
    min_trade_usd: NonNegative = 10.0
    """Smaller differences are left alone."""
    slices: Annotated[int, Ge(1)] = 1
    """Ticks over which a rebalancing is spread, in equal parts of each trade (TWAP)."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price, fee included, from the venue's mid price."""
    tip: NonNegative = 1.0
    """Priority bid in gwei."""
    borrow: Borrowing | None = None
    """Where weights beyond 1 are borrowed; no leverage if none."""
    limits: Limits = field(default_factory=Limits)
    """Constraints on portfolio and trades."""
    frictions: Frictions = field(default_factory=Frictions)
    """What keeps accounts from following the rule."""

    habit: NDArray[np.int64] = column(np.int64)
    """(n,) usual venue, by position."""
    phase: NDArray[np.float64] = column()
    plan: NDArray[np.int64] = column(np.int64)
    """(n, k) what is left to trade: asset atoms to sell below zero, numeraire atoms to spend above."""
    left: NDArray[np.int64] = column(np.int64)
    """(n,) slices or steps to go; -1 while purchases wait for the cash of sales."""
    ready: NDArray[np.int64] = column(np.int64)
    """(n,) tick from which the plan is carried out."""
    goal: NDArray[np.float64] = column()
    """(n, k) weights that borrowers step towards."""
    start: NDArray[np.float64] = column()
    """(n,) USD of wealth at the opening."""
    peak: NDArray[np.float64] = column()
    """(n,) USD, the most wealth that any look has found."""
    paid: NDArray[np.float64] = column()
    """(n, k) USD, average price at which what is held was bought."""
    calm_at: NDArray[np.int64] = column(np.int64)
    """(n,) tick from which an account that panicked follows its rule again; 0 for the others."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = share_faults(self.venues, self.venue_shares) if self.assets else []
        for place in ("assets", "deposits"):
            names: list[str] = list(getattr(self, place))
            if len(set(names)) < len(names):
                found.append((place, f"found {names}; each asset once"))
        if not self.columns:
            found.append(("assets", "found no assets and no deposits; name at least one"))
        if self.borrow and self.deposits:
            found.append(("borrow", "found deposits too; who borrows keeps no deposits of the numeraire"))
        if self.borrow and self.slices > 1:
            found.append(("slices", f"found {self.slices}; borrowers trade in steps, so leave it at 1"))
        most, asked = self.max_leverage, float(getattr(self.rule, "max_leverage", 1.0))
        if asked > most:
            where = "borrow.max_leverage" if self.borrow else "what can be held without borrow"
            found.append(("rule.max_leverage", f"found {asked:g}; at most {most:g}, {where}"))
        used = [(place, name) for place in ("venues", "deposits") for name in getattr(self, place)]
        used += [("borrow.protocol", self.borrow.protocol)] if self.borrow else []
        found += self.limits.faults(used)
        return found + [(f"rule.{place}", text) for place, text in self.rule.faults(self.columns)]

    @property
    def columns(self) -> list[AssetName]:
        """Names of what is held, as rules see them."""
        return [*self.assets, *(AssetName(name) for name in self.deposits)]

    @property
    def max_leverage(self) -> float:
        """Largest sum of weights."""
        return self.borrow.max_leverage if self.borrow else 1.0

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth at the rule's weights."""
        n, k = self.count, len(self.columns)
        wealth = self.wealth_usd.draw(n, rng)
        self.habit = habits(rng, n, self.venues, self.venue_shares) if self.venues else np.zeros(n, dtype=np.int64)
        self.phase = phases(self.labels)
        self.plan, self.left = np.zeros((n, k), dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.ready, self.calm_at = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.start, self.peak, self.goal = wealth.copy(), wealth.copy(), np.zeros((n, k))
        indices = [view.token(name) for name in self.assets]
        self._desk = Desk(view, self.venues, indices, Motive.REBALANCING, self.slippage, self.tip)
        self._holdings = Holdings(view, self.assets, self.deposits, self._desk)
        self._margin = Margin(view, self.borrow, self.assets, indices) if self.borrow else None
        self.paid = np.tile(self._holdings.prices(view), (n, 1))
        target = self._target(self._seen(view, np.arange(n), np.zeros((n, k)), wealth))
        target = self.limits.capped(target, self._holdings.names)
        usd = target * wealth[:, None]
        cash = usd_to_atoms(view, NUMERAIRE, np.maximum(wealth - usd.sum(axis=1), 0.0))
        if self._margin:
            opening = self._margin.open(view, self.assets, target, wealth)
            return replace(opening, balances=opening.balances | {NUMERAIRE: cash})
        balances, put, intents = self._holdings.open(view, usd)
        return Endowment(balances=balances | {NUMERAIRE: cash + put}, intents=intents)

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those who are due compare weights with targets; those with a plan trade the next slice of it."""
        due = self.trigger.due(view, self.phase)
        if self.frictions.delay:
            due = due & ~((self.left != 0) & (self.ready >= view.tick))
        if self.frictions.panic:
            self._panic(view, draws)
            due = due & (self.calm_at <= view.tick)
        looking = due.nonzero()[0]
        if looking.size:
            self._look(view, looking)
        active = self.left.nonzero()[0]
        if self.frictions.delay:
            active = active[self.ready[active] <= view.tick]
        if not active.size:
            return []
        return self._step(view, active) if self._margin else self._trade(view, active)

    def _look(self, view: View, rows: Rows) -> None:
        """Make plans for the accounts whose trigger fires."""
        held, value, wealth = self._measure(view, rows)
        units, coin = self._holdings.units(view), view.atom_prices[NUMERAIRE]
        current = value / np.maximum(wealth, coin)[:, None]
        self.peak[rows] = np.maximum(self.peak[rows], wealth)
        seen = self._seen(view, rows, current, wealth)
        target = self.limits.capped(self._target(seen), self._holdings.names)
        wanted = self.frictions.reluctant(current, target, seen.prices, self.paid[rows])
        target = self.limits.slowed(current, wanted)
        gap = target * wealth[:, None] - value
        if self.limits.venues:
            places = self._desk.places(self._holdings.indices[: len(self.assets)], self.habit[rows])
            gap = self.limits.routed(gap, self._holdings.names, self.venues, places)
        gap[np.abs(gap) < self.min_trade_usd] = 0.0
        plan = np.maximum((gap / np.where(gap < 0.0, units, coin)).astype(np.int64), -held)
        trades = self.trigger.fires(seen, wanted) & plan.any(axis=1)
        some = rows[trades]
        self.plan[some], self.goal[some] = plan[trades], target[trades]
        self.left[some] = STEPS if self._margin else self.slices
        self.ready[some] = view.tick + self.frictions.delay

    def _measure(self, view: View, rows: Rows) -> tuple[NDArray[np.int64], Floats, Floats]:
        """(m, k) atoms and USD of each column, collateral included, and (m,) USD of wealth."""
        held, cash = self._holdings.atoms(view, rows), view.spendable(NUMERAIRE, rows)
        coin, owed = view.atom_prices[NUMERAIRE], np.zeros(rows.size)
        if self._margin:
            book = self._margin.book(view, rows, held)
            held, owed = held + book.collateral, book.debt * coin
        value = held * self._holdings.units(view)
        return held, value, value.sum(axis=1) + cash * coin + self._holdings.on_the_way(view, rows) - owed

    def _panic(self, view: View, draws: Draws) -> None:
        """Plan the sale of everything for those who lose their nerve, and again for those who could not sell."""
        rows = np.arange(self.count)
        held, value, wealth = self._measure(view, rows)
        self.peak = np.maximum(self.peak, wealth)
        drawdown = 1.0 - wealth / np.where(self.peak > 0.0, self.peak, 1.0)
        lost = self.frictions.panics(view, drawdown, draws.uniform(rows, _NERVE)) & (self.calm_at <= view.tick)
        self.calm_at[lost] = self.frictions.calm_at(view)
        out = lost | ((self.calm_at > view.tick) & (self.left == 0) & (value.sum(axis=1) >= self.min_trade_usd))
        self.plan[out], self.goal[out] = -held[out], 0.0
        self.left[out], self.ready[out] = STEPS if self._margin else 1, view.tick

    def _step(self, view: View, rows: Rows) -> list[Intent]:
        """Borrowers do the next thing towards their goal."""
        assert self._margin is not None
        rows = rows[~view.pending()[rows]]
        book = self._margin.book(view, rows, self._holdings.atoms(view, rows))
        chosen, each, money = self._margin.step(view, book, self.goal[rows], max(self.min_trade_usd, 1.0))
        self.left[rows] = np.where(chosen == DONE, 0, self.left[rows] - 1)
        swaps = np.where(((chosen == SELL) | (chosen == BUY))[:, None], each, 0)
        return self._margin.orders(view, rows, chosen, each, money) + self._orders(view, rows, swaps)

    def _trade(self, view: View, rows: Rows) -> list[Intent]:
        """Send one slice of each plan; what the cash at hand cannot buy waits."""
        left, plan = self.left[rows], self.plan[rows]
        now = plan if self.slices == 1 else np.sign(plan) * (np.abs(plan) // np.maximum(left, 1)[:, None])
        cash, wanted = view.spendable(NUMERAIRE, rows), np.maximum(now, 0).sum(axis=1)
        short = cash < wanted
        if short.any():
            least = self.min_trade_usd / self.slices * 10.0 ** view.decimals(NUMERAIRE)
            afford = (now * np.where(short, cash / np.maximum(wanted, 1), 1.0)[:, None]).astype(np.int64)
            now = np.where(short[:, None] & (now > 0), np.where(afford >= least, afford, 0), now)
        left = np.where(left > 1, left - 1, np.where(short & (left == 1), _WAITING, 0))
        self.left[rows], self.plan[rows] = left, np.where(left[:, None] != 0, plan - now, 0)
        return self._orders(view, rows, now)

    def _orders(self, view: View, rows: Rows, now: NDArray[np.int64]) -> list[Intent]:
        if self.frictions.loss_aversion > 1.0:
            spent = np.maximum(now, 0) * view.atom_prices[NUMERAIRE]
            held, bought = self._measure(view, rows)[0].astype(np.float64), spent / self._holdings.units(view)
            self.paid[rows] = average_price(self.paid[rows], held, bought, self._holdings.prices(view))
        return self._holdings.orders(view, rows, self.habit[rows], now)

    def _seen(self, view: View, rows: Rows, current: Floats, wealth: Floats) -> AllocatorView:
        names, indices = list(self._holdings.names), self._holdings.indices
        prices = self._holdings.prices(view)
        return AllocatorView(
            rows, current, wealth, prices, names, indices, view, start=self.start[rows], peak=self.peak[rows]
        )

    def _target(self, seen: AllocatorView) -> Floats:
        """The rule's weights, refused if they are no portfolio, or one of more leverage than there is."""
        weights = np.asarray(self.rule.weights(seen))
        kind = getattr(type(self.rule), "kind", type(self.rule).__name__)
        if weights.shape != seen.current.shape:
            raise SpilloverError(
                f"rule {kind} of {self.name} gave weights of shape {weights.shape}; must be {seen.current.shape}, "
                "one row per account and one column per asset"
            )
        total, most = weights.sum(axis=1), self.max_leverage
        sound = np.isfinite(total) & (weights >= -_ROUNDING).all(axis=1) & (total <= most * (1.0 + _ROUNDING))
        if not sound.all():
            row = int(np.argmin(sound))
            shown = ", ".join(f"{name} {weight:.6g}" for name, weight in zip(seen.assets, weights[row], strict=True))
            raise SpilloverError(
                f"rule {kind} of {self.name} gave {shown} (sum {total[row]:.6g}) for {self.name}[{seen.rows[row]}]; "
                f"weights must be numbers from 0 up with a sum of at most {most:g}"
            )
        return np.maximum(weights, 0.0)
