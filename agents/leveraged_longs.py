"""Leveraged longs: collateral bought with borrowed money, sold again when it falls."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import Gt

from agents.shared.cadence import ticks_in
from agents.shared.loans import Floats, LoanHolders, Response
from agents.shared.reactions import draw_delays, range_faults
from agents.shared.sizes import Sizes
from agents.shared.state import column
from sim.errors import ConfigError
from sim.fields import Duration, NonNegative, Share
from sim.intents import Intent
from sim.interfaces import Endowment
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_COIN = 0


@component("population", "leveraged_longs")
class LeveragedLongs(LoanHolders):
    """Loop deposits and loans to a leverage drawn log-uniformly; sell collateral and repay when the cushion is thin.

    Positions start looped: leverage L means a deposit of L and a loan of L - 1 per dollar of equity, so the opening
    health is L LT / (L - 1). The cushion is what health exceeds 1 by. The loan was spent on the collateral.
    """

    risk = "liquidation"

    equity_usd: Sizes
    """Own money of each account."""
    leverage: tuple[Annotated[float, Gt(1.0)], Annotated[float, Gt(1.0)]] = (1.5, 3.5)
    """Lowest and highest leverage."""
    alarm: tuple[Share, Share] = (0.2, 0.6)
    """Share of the opening cushion below which an account acts: its own, drawn uniformly between these two."""
    restore: Share = 0.9
    """Share of the opening cushion that deleveraging brings back."""
    ignore: Share = 0.0
    """Share of accounts that never act."""
    add_above: Annotated[float, Gt(1.0)] | None = None
    """Multiple of the opening cushion above which longs borrow and buy back to their leverage; never if left out."""
    add_rate: Share = 0.02
    """Probability per tick that an account above it does so while the trend is up."""
    trend_window: Duration = field(default=Duration(14_400.0))
    """Seconds over which the trend is measured."""
    trend: NonNegative = 0.0
    """Log price change over the window above which the trend is up."""

    ceiling: Floats = column()
    """(n,) health above which the account may add."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        faults = [
            fault
            for name in ("alarm", "leverage", "reaction_delay")
            for fault in range_faults(name, getattr(self, name))
        ]
        if self.restore < self.alarm[1]:
            faults.append(("restore", f"{self.restore:g} is below the highest alarm, {self.alarm[1]:g}"))
        return faults

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Draw leverage, equity, alarms and delays; open looped positions."""
        threshold = float(self.look_up(view).liquidation_threshold[self._sides[0]])
        most = 1.0 / (1.0 - threshold)
        if self.leverage[1] >= most * (1.0 - 1e-9):
            raise ConfigError(
                f'population "{self.name}": leverage {self.leverage[1]:g} opens below a health of 1; with the '
                f"liquidation threshold {threshold:g} of {self.collateral} it must be below {most:.4g}"
            )
        low, high = np.log(self.leverage)
        leverage = np.exp(rng.uniform(low, high, size=self.count))
        equity = self.equity_usd.draw(self.count, rng)
        health = leverage * threshold / (leverage - 1.0)
        cushion = health - 1.0
        self.response = np.where(rng.random(self.count) < self.ignore, Response.IGNORE, Response.DELEVERAGE).astype(
            np.int8
        )
        self.alarm_at = 1.0 + cushion * rng.uniform(*self.alarm, size=self.count)
        self.goal = 1.0 + cushion * self.restore
        self.ceiling = 1.0 + cushion * (np.inf if self.add_above is None else self.add_above)
        self.delay = draw_delays(rng, self.count, self.reaction_delay)
        return self.open_loans(view, (leverage - 1.0) * equity, health)

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Deleverage below the alarm; add above the ceiling while the trend is up."""
        if self.add_above is not None and self._rising(view):
            self._begin_adding(view, draws)
        return super().decide(view, draws)

    def _rising(self, view: View) -> bool:
        seen = view.history(self._sides[2], ticks_in(view, self.trend_window))
        return bool(np.log(seen[-1] / seen[0]) > self.trend)

    def _begin_adding(self, view: View, draws: Draws) -> None:
        health = view.health(self.protocol)
        rows = np.flatnonzero(health > self.ceiling)
        rows = rows[np.isfinite(health[rows]) & (self.watch[rows] == self.alarm_at[rows])]
        rows = rows[draws.uniform(rows, _COIN) < self.add_rate]
        self.expanding[rows], self.watch[rows], self.due[rows] = True, np.inf, view.tick
