"""Liquidity mining: newly issued tokens for those who hold a pool's shares, in the manner of MasterChef.

accRewardPerShare += emission * dt / supply; pending = amount * accRewardPerShare - debt (SushiSwap MasterChef). Shares
move at the end of a tick at the earliest, so balances are compared with those of the last accrual: who holds other
shares than then is settled on the old ones before the next emission, wherever the shares went.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import AssetName, Duration, Positive, When
from sim.tokens import EXTERNAL, TokenKind
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.interfaces import Protocol
    from sim.world import World

PRECISION = 2**64
"""Reward atoms per share are counted in parts of this; MasterChef has 1e12."""
_SECONDS_PER_DAY = 86_400.0
_DAY, _FROM_THE_START = Duration(_SECONDS_PER_DAY), When(0)


@dataclass(kw_only=True, eq=False)
class RewardSettings:
    """One programme: so many tokens a day for the holders of one kind of shares, for a time."""

    asset: AssetName
    """What is given; neither the pool's asset nor the numeraire."""
    per_day: Positive
    """Whole tokens."""
    range: Annotated[int, Ge(0)] = 0
    """Which of the pool's ranges; 0 where there is one."""
    start: When = _FROM_THE_START
    lasts: Duration
    """Time after which emission ends."""
    paid_every: Duration = _DAY
    """How often what is pending is paid; who changes its shares is paid at once."""


class RewardProgramme:
    """State of one programme.

    token, share: ledger rows of the reward and of the shares that earn it. emitted, paid: atoms so far; the difference
    is held by the pool: what is pending, and dust of the division by the supply, which nobody can claim.
    """

    def __init__(self, settings: RewardSettings, world: "World", pool: "Protocol", asset: int, share: int) -> None:
        self.settings, self.token, self.share = settings, world.tokens[settings.asset].index, share
        if self.token in (0, asset):
            raise ConfigError(
                f'protocol "{pool.name}" cannot reward with "{settings.asset}", which it trades: its reserves and '
                "what it owes would be one balance; name another asset"
            )
        self._until = settings.start + max(1, round(settings.lasts / world.clock.dt))
        self.emitted = self.paid = 0
        self._ticks = 0
        self._per_share = 0
        self._debt: dict[int, int] = {}
        self._held: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    @property
    def unpaid(self) -> int:
        """Atoms that the pool holds for the programme."""
        return self.emitted - self.paid

    def pending(self, account: int) -> int:
        """Atoms an account has earned and not been paid, on the shares it had at the last accrual."""
        amount = int(self._held[account]) if self._held.size else 0
        return max(amount * self._per_share // PRECISION - self._debt.get(account, 0), 0)

    def per_year(self, world: "World") -> float:
        """USD of rewards per year at the present rate and price; 0 outside the dates."""
        if not self._running(world):
            return 0.0
        price = float(world.prices.atom_price[self.token] * 10.0 ** world.tokens.rows[self.token].decimals)
        return self.settings.per_day * SECONDS_PER_YEAR / _SECONDS_PER_DAY * price

    def accrue(self, world: "World", pool: "Protocol") -> None:
        """Settle those whose shares changed, emit for this tick, and pay everybody when it is time."""
        held = np.maximum(world.ledger.balance[self.share], 0)
        held[EXTERNAL] = 0
        if not self._held.size:
            self._held = np.zeros_like(held)
        changed = np.flatnonzero(held != self._held)
        if changed.size:
            self._pay(world, pool, changed)
            self._held = held
            for account in changed.tolist():
                self._debt[account] = -(-int(held[account]) * self._per_share // PRECISION)
        self._emit(world, pool)
        every = max(1, round(self.settings.paid_every / world.clock.dt))
        if world.clock.tick % every == 0 or world.clock.tick == self._until:
            self._pay(world, pool, np.flatnonzero(self._held))

    def _running(self, world: "World") -> bool:
        return self.settings.start <= world.clock.tick < self._until

    def _emit(self, world: "World", pool: "Protocol") -> None:
        supply = int(self._held.sum())
        if not supply or not self._running(world):
            return
        decimals = world.tokens.rows[self.token].decimals
        self._ticks += 1
        per_tick = self.settings.per_day * 10.0**decimals * world.clock.dt / _SECONDS_PER_DAY
        amount = math.floor(per_tick * self._ticks) - self.emitted
        if amount <= 0:
            return
        event = world.events.add(Kind.MINT, pool.account, protocol=pool.index, token=self.token, amount=amount)
        issuer = world.tokens.rows[self.token].issuer
        if world.tokens.rows[self.token].kind == TokenKind.BASE:
            world.ledger.move(self.token, EXTERNAL, pool.account, amount, event)
        else:
            venue = next(protocol for protocol in world.protocols if protocol.account == issuer)
            venue.endow(world, self.token, np.array([pool.account]), np.array([amount]))
        self.emitted += amount
        self._per_share += amount * PRECISION // supply

    def _pay(self, world: "World", pool: "Protocol", accounts: NDArray[np.intp]) -> None:
        """Pay what is pending on the shares of the last accrual."""
        due = np.array([self.pending(account) for account in accounts.tolist()], dtype=np.int64)
        some = due > 0
        if not some.any():
            return
        total = int(due.sum())
        event = world.events.add(Kind.TRANSFER, pool.account, protocol=pool.index, token=self.token, amount=total)
        world.ledger.move(self.token, pool.account, accounts[some], due[some], event)
        self.paid += total
        for account, amount in zip(accounts[some].tolist(), due[some].tolist(), strict=True):
            self._debt[account] = self._debt.get(account, 0) + amount
