"""Allocators: hold a portfolio at the weights of a rule, whenever a trigger says so."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from agents.shared.cadence import phases
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


@component("population", "allocator")
class Allocator(Population):
    """A rule gives target weights, a trigger says when; the difference is traded, sales first.

    Weights are shares of cash and assets together, without what is kept back for gas. Purchases use the cash at hand;
    what has to wait for the proceeds of sales is bought one tick later. There is no leverage: a rule whose weights are
    negative or sum to more than 1 stops the run.
    """

    assets: Annotated[list[AssetName], MinLen(1)]
    """What is held beside the numeraire, in the order that rules see it."""
    rule: AllocationRule
    """Target weights."""
    trigger: Trigger
    """When accounts look at their targets, and when they trade."""
    venues: list[ProtocolName]
    """Where they trade; an account whose usual venue lacks an asset takes the first that has it."""
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

    habit: NDArray[np.int64] = column(np.int64)
    """(n,) usual venue, by position."""
    phase: NDArray[np.float64] = column()
    plan: NDArray[np.int64] = column(np.int64)
    """(n, k) what is left to trade: asset atoms to sell below zero, numeraire atoms to spend above."""
    left: NDArray[np.int64] = column(np.int64)
    """(n,) slices to go; -1 while purchases wait for the cash of sales."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = share_faults(self.venues, self.venue_shares)
        if len(set(self.assets)) < len(self.assets):
            found.append(("assets", f"found {self.assets}; each asset once"))
        return found

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Wealth at the rule's weights."""
        n, k = self.count, len(self.assets)
        wealth = self.wealth_usd.draw(n, rng)
        self.habit = habits(rng, n, self.venues, self.venue_shares)
        self.phase = phases(self.labels)
        self.plan, self.left = np.zeros((n, k), dtype=np.int64), np.zeros(n, dtype=np.int64)
        indices = self._indices(view)
        self._desk = Desk(view, self.venues, indices, Motive.REBALANCING, self.slippage, self.tip)
        seen = self._seen(view, indices, np.arange(n), np.zeros((n, k)), wealth)
        usd = self._target(seen) * wealth[:, None]
        balances = {index: usd_to_atoms(view, index, usd[:, i]) for i, index in enumerate(indices)}
        cash = usd_to_atoms(view, NUMERAIRE, np.maximum(wealth - usd.sum(axis=1), 0.0))
        return Endowment(balances=balances | {NUMERAIRE: cash})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Those who are due compare weights with targets; those with a plan trade the next slice of it."""
        looking = self.trigger.due(view, self.phase).nonzero()[0]
        if looking.size:
            self._look(view, looking)
        active = self.left.nonzero()[0]
        return self._trade(view, active) if active.size else []

    def _look(self, view: View, rows: NDArray[np.intp]) -> None:
        """Make plans for the accounts whose trigger fires."""
        indices = self._indices(view)
        prices = view.atom_prices
        units, coin = prices[indices], prices[NUMERAIRE]
        held = np.stack([view.spendable(index, rows) for index in indices], axis=1)
        value = held * units
        wealth = value.sum(axis=1) + view.spendable(NUMERAIRE, rows) * coin
        seen = self._seen(view, indices, rows, value / np.maximum(wealth, coin)[:, None], wealth)
        target = self._target(seen)
        gap = target * wealth[:, None] - value
        gap[np.abs(gap) < self.min_trade_usd] = 0.0
        plan = np.maximum((gap / np.where(gap < 0.0, units, coin)).astype(np.int64), -held)
        trades = self.trigger.fires(seen, target) & plan.any(axis=1)
        self.plan[rows[trades]], self.left[rows[trades]] = plan[trades], self.slices

    def _trade(self, view: View, rows: NDArray[np.intp]) -> list[Intent]:
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

    def _orders(self, view: View, rows: NDArray[np.intp], now: NDArray[np.int64]) -> list[Intent]:
        place, number = now.nonzero()
        some, assets = rows[place], np.array(self._indices(view))[number]
        return self._desk.swaps(view, some, self.habit[some], assets, now[place, number])

    def _indices(self, view: View) -> list[int]:
        return [view.token(name) for name in self.assets]

    def _seen(
        self,
        view: View,
        indices: list[int],
        rows: NDArray[np.intp],
        current: NDArray[np.float64],
        wealth: NDArray[np.float64],
    ) -> AllocatorView:
        return AllocatorView(rows, current, wealth, view.prices[indices], list(self.assets), indices, view)

    def _target(self, seen: AllocatorView) -> NDArray[np.float64]:
        """The rule's weights, refused if they are no portfolio without leverage."""
        weights = np.asarray(self.rule.weights(seen))
        kind = getattr(type(self.rule), "kind", type(self.rule).__name__)
        if weights.shape != seen.current.shape:
            raise SpilloverError(
                f"rule {kind} of {self.name} gave weights of shape {weights.shape}; must be {seen.current.shape}, "
                "one row per account and one column per asset"
            )
        total = weights.sum(axis=1)
        sound = np.isfinite(total) & (weights >= -_ROUNDING).all(axis=1) & (total <= 1.0 + _ROUNDING)
        if not sound.all():
            row = int(np.argmin(sound))
            shown = ", ".join(f"{name} {weight:.6g}" for name, weight in zip(self.assets, weights[row], strict=True))
            raise SpilloverError(
                f"rule {kind} of {self.name} gave {shown} (sum {total[row]:.6g}) for {self.name}[{seen.rows[row]}]; "
                "weights must be numbers from 0 up with a sum of at most 1"
            )
        return np.maximum(weights, 0.0)
