"""Borrowers: people with a loan against collateral, some of whom look after it."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from agents.shared.health_table import AccountTable, draw_health, table_faults
from agents.shared.loans import Floats, LoanHolders, Response
from agents.shared.reactions import draw_delays, range_faults
from agents.shared.sizes import Sizes
from sim.clock import Clock
from sim.errors import ConfigError
from sim.fields import NonNegative, Positive, Share
from sim.interfaces import Endowment
from sim.registry import component
from sim.views import View


@component("population", "borrowers")
class Borrowers(LoanHolders):
    """Owe one asset against another; when health falls below a personal alarm they top up, deleverage or ignore it.

    Opening loans come from `health` and `debt_usd`, or from the `accounts` of a file. The loan itself is spent outside
    the model: only the reserve is used later. An account that opens below the alarm it draws is content there;
    its alarm is then halfway between 1 and its opening health.
    """

    risk = "liquidation"

    health: list[tuple[float, float]] | None = None
    """Pairs [quantile, health factor] that the opening health is drawn from, both rising."""
    debt_usd: Sizes | None = None
    """Size of the loans."""
    accounts: AccountTable | None = None
    """Real accounts to open: all of them if there are `count`, otherwise as many drawn with replacement."""
    min_health: Annotated[float, Ge(1.0)] = 1.0
    """Accounts below this are left out; a pool opens no loan below 1."""
    top_up: Share = 0.3
    """Share of accounts that deposit spare collateral when alarmed."""
    deleverage: Share = 0.3
    """Share of accounts that sell collateral and repay when alarmed. Those left over ignore the alarm."""
    alarm: tuple[Positive, Positive] = (1.03, 1.2)
    """Health below which an account acts: its own, drawn uniformly between these two."""
    target: Annotated[float, Gt(1.0)] = 1.5
    """Health that acting brings back."""
    reserve: NonNegative = 0.25
    """Spare money over the loan: collateral for those who top up, cash for the others."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        faults = range_faults("alarm", self.alarm) + range_faults("reaction_delay", self.reaction_delay)
        faults += [("health", fault) for fault in table_faults(self.health or [])]
        if (self.accounts is None) == (self.health is None):
            faults.append(("health", "give either health (with debt_usd) or accounts, the file they come from"))
        elif (self.debt_usd is None) == (self.health is not None):
            faults.append(("debt_usd", "goes with health; loans of an accounts file have the sizes of the file"))
        elif self.health is not None and len(self.health) < 1:
            faults.append(("health", "is empty; give pairs [quantile, health factor]"))
        if self.top_up + self.deleverage > 1.0 + 1e-12:
            faults.append(("top_up", f"with deleverage it is {self.top_up + self.deleverage:g}; at most 1 together"))
        if self.target < self.alarm[1]:
            faults.append(("target", f"{self.target:g} is below the highest alarm, {self.alarm[1]:g}"))
        return faults

    def load(self, clock: Clock) -> None:
        """Read the accounts file, so that its mistakes are found before anything runs."""
        if self.accounts is not None:
            self.accounts.read()

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Draw loans, responses, alarms and delays; open the loans."""
        threshold = self.look_up(view).liquidation_threshold[self._sides[0]]
        if threshold <= 0.0:
            raise ConfigError(f'population "{self.name}": {self.collateral} is no collateral in {self.protocol}')
        debt_usd, health = self._draw_loans(float(threshold), rng)
        luck = rng.random(self.count)
        self.response = np.full(self.count, Response.IGNORE, dtype=np.int8)
        self.response[luck < self.top_up + self.deleverage] = Response.DELEVERAGE
        self.response[luck < self.top_up] = Response.TOP_UP
        self.alarm_at = np.minimum(rng.uniform(*self.alarm, size=self.count), 0.5 * (1.0 + health))
        self.goal = np.full(self.count, self.target)
        self.delay = draw_delays(rng, self.count, self.reaction_delay)
        return self.open_loans(view, debt_usd, health, self.reserve)

    def _draw_loans(self, threshold: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """(n,) debts in USD and health factors."""
        if self.accounts is not None:
            return self._file_loans(self.accounts, threshold, rng)
        if not self.health or self.debt_usd is None:
            raise ConfigError(f'population "{self.name}": {self.check()[0][1]}')
        health = draw_health(self.health, rng.random(self.count), self.min_health)
        return self.debt_usd.draw(self.count, rng), health

    def _file_loans(self, table: AccountTable, threshold: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
        debt, collateral = table.read()
        health = collateral * (1.0 if table.weighted else threshold) / debt
        kept = np.flatnonzero(health >= self.min_health)
        if not kept.size:
            raise ConfigError(f"{table.file}: no account has a health factor of {self.min_health:g} or more")
        rows = kept if kept.size == self.count else rng.choice(kept, self.count)
        return table.scaled(debt[rows]), health[rows]
