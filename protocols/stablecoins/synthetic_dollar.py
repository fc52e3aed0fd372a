"""A synthetic dollar: units backed by spot coin and as much of it sold short in a perpetual."""

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from protocols.stablecoins.hedge import NUMERAIRE, Hedge
from protocols.stablecoins.issue_kernels import DONE, STATUS_TEXT, Terms, run_issue
from sim.errors import ConfigError, suggestion
from sim.events import Kind
from sim.fields import AgentName, AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, Act
from sim.interfaces import Protocol
from sim.quotes import IssuerQuote
from sim.registry import component
from sim.subjects import LastBySubject
from sim.tokens import EXTERNAL, TokenKind
from sim.units import MAX_ATOMS
from sim.views import frozen

if TYPE_CHECKING:
    from sim.world import World

LEAST_VALUE = 0.01
"""Lowest fundamental of a unit, in USD: a book cannot stand at zero."""
_LOST = (Kind.DELEVERAGE, Kind.LIQUIDATION, Kind.BACKSTOP)
Part = Annotated[float, Ge(0.0), Lt(1.0)]


@dataclass
class Waiting:
    """One place in the redemption queue."""

    account: int
    atoms: int
    event: int
    """The REDEEM that asked for it."""


@component("protocol", "synthetic_dollar")
class SyntheticDollar(Protocol):
    """Issues a dollar backed by coin held spot, an equal short perpetual, and cash, in the manner of Ethena's USDe.

    A unit is worth min(1, net assets / units) USD. What stands above 1 belongs to the reserve, funding included; it is
    the first to bear a loss. Orders are filled when they arrive; hedging and redemption follow in settlement: a hedge
    that was deleveraged or liquidated is put on again as far as slippage allows, and coin left naked is sold.
    """

    reasons = STATUS_TEXT
    accepts = (Act.MINT, Act.REDEEM)

    issues: AssetName
    """The asset it issues, listed at a price of 1."""
    backing: AssetName
    """Coin that is held and sold short."""
    spot_venue: ProtocolName
    """Where coin is bought and sold."""
    perp_venue: ProtocolName
    """Where it is sold short."""
    leverage: Positive = 2.0
    """Notional of the short over its margin, when it is set."""
    leverage_band: tuple[NonNegative, Positive] = (1.2, 4.0)
    """Leverage at which margin is moved, and coin sold if there is not enough of it."""
    cash_share: Part = 0.1
    """Share of net assets kept in cash for redemptions and margin calls."""
    rebalance_band: Positive = 0.1
    """Relative distance of the hedged size from its target at which both legs are traded."""
    delta_band: Positive = 0.01
    """Part of the coin that may stand unhedged."""
    slippage: Positive = 0.01
    """Largest distance of an average price from the mid price in trades that can wait."""
    mint_fee: Part = 0.0
    redeem_fee: Part = 0.001
    """Shares kept of what is paid in and paid out."""
    mint_cap: Positive | None = None
    redeem_cap: Positive | None = None
    """USD of new units, and whole units redeemed, per tick; what exceeds the second waits in line."""
    open_to: list[AgentName] | None = None
    """Populations that may mint and redeem; everybody if left out."""
    outside_supply: NonNegative = 0.0
    """Whole units held outside the model from the start, which markets outside it can trade."""
    reserve: Share = 0.01
    """Opening reserve over units."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        low, high = self.leverage_band
        faults = []
        if not low < self.leverage < high:
            faults.append(("leverage", f"found {self.leverage:g}; must lie inside leverage_band, {low:g} to {high:g}"))
        if self.issues == self.backing:
            faults.append(("backing", f"found {self.backing}, which it issues itself; name a coin"))
        return faults

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Issue the asset; declare the claims of the queue and of the reserve."""
        super().declare(world)
        self.fund = world.accounts.declare(f"{self.name}.reserve").lo
        token = world.tokens.issue(self.issues, self.account)
        self.unit, self._decimals = token.index, token.decimals
        self.ticket = world.tokens.declare(f"{self.name}.queued", TokenKind.CLAIM, token.decimals, self.account).index
        self.equity = world.tokens.declare(f"{self.name}.equity", TokenKind.CLAIM, 0, self.account).index
        self._own = [self.unit, self.ticket, self.equity]

    def open(self, world: "World") -> None:
        """Find the venues, give the reserve its claim, and build what backs the units held outside the model."""
        listed = float(np.exp(world.prices.fundamental[0, self.unit]))
        if abs(listed - 1.0) > 1e-9:
            raise ConfigError(f"{self.issues} is listed at {listed:g} USD; a synthetic dollar is issued at price = 1.0")
        venues = world.protocol(self.spot_venue), world.protocol(self.perp_venue)
        self.hedge = Hedge(self, world.tokens[self.backing].index, *venues, self.slippage)
        self.hedge.open(world)
        self._scale = 10.0**self._decimals
        self._cents = 10.0 ** world.tokens.rows[NUMERAIRE].decimals
        self._allowed = self._may(world)
        self._queue: deque[Waiting] = deque()
        self._befell = LastBySubject(self.account, self.account + 1)
        self._asked = self._handled = 0
        self._mintable = MAX_ATOMS if self.mint_cap is None else int(self.mint_cap * self._cents)
        self._per_tick = MAX_ATOMS if self.redeem_cap is None else int(self.redeem_cap * self._scale)
        self._room = self._mintable
        world.ledger.move(self.equity, self.account, self.fund, 1, 0)
        if self.outside_supply:
            atoms = np.array([round(self.outside_supply * self._scale)])
            self.endow(world, self.unit, np.array([EXTERNAL]), atoms)

    def _may(self, world: "World") -> NDArray[np.bool_]:
        allowed = np.full(world.accounts.count, self.open_to is None)
        names = {owner.name: owner for owner in world.accounts.owners}
        for name in self.open_to or []:
            if name not in names:
                near = suggestion(name, sorted(names))
                raise ConfigError(f'protocol "{self.name}": open_to: no agents "{name}"{near}')
            allowed[names[name].lo : names[name].hi] = True
        allowed[EXTERNAL] = allowed[self.account] = False
        return allowed

    def endow(self, world: "World", token: int, accounts: NDArray[np.int64], amount: NDArray[np.int64]) -> None:
        """Issue starting balances: coin, margin and cash come from outside the model, the short is sold there."""
        total = int(amount.sum())
        if total <= 0:
            return
        usd, price = total / self._scale * (1.0 + self.reserve), float(world.spot()[self.hedge.coin])
        self.hedge.endow(world, self._hedged_usd(usd) / price, self.leverage)
        world.ledger.move(self.unit, self.account, accounts, amount, 0)
        missing = self.owed(world) * (1.0 + self.reserve) - self.net_assets(world)
        if missing > 0.0:
            world.ledger.move(NUMERAIRE, EXTERNAL, self.account, math.ceil(missing * self._cents), 0)

    def _hedged_usd(self, assets: float) -> float:
        """USD of coin, and of the short, out of net assets."""
        return max(assets, 0.0) * (1.0 - self.cash_share) * self.leverage / (1.0 + self.leverage)

    # Value -----------------------------------------------------------------------------------------------------------

    def owed(self, world: "World") -> float:
        """Whole units outstanding, those in the queue included."""
        return float(-world.ledger.balance[[self.unit, self.ticket], self.account].sum()) / self._scale

    def net_assets(self, world: "World", values: NDArray[np.float64] | None = None) -> float:
        """USD of everything it holds less what it owes its venues, at these values of tokens; now, if None."""
        if values is None:
            values, spot = np.zeros(len(world.tokens)), world.spot()
            values[: spot.size] = spot
        held = world.ledger.balance[:, self.account]
        listed = [t.index for t in world.tokens.assets if t.index != self.unit and held[t.index]]
        scale = world.tokens.scales
        return sum(held[t] / scale[t] * values[t] for t in listed) + self.hedge.assets_at_venue(world, values)

    def backing_ratio(self, world: "World", values: NDArray[np.float64] | None = None) -> float:
        """Net assets over units outstanding; infinite without units."""
        owed = self.owed(world)
        return self.net_assets(world, values) / owed if owed > 0.0 else math.inf

    def value(self, world: "World", values: NDArray[np.float64] | None = None) -> float:
        """USD that stand behind a unit, at most 1."""
        return min(1.0, max(self.backing_ratio(world, values), 0.0))

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """Units and places in the queue: min(1, net assets per unit). The reserve's claim: what the others leave."""
        if token != self.equity:
            return self.value(world, values)
        balance = world.ledger.balance[[self.unit, self.ticket], self.account] / self._scale
        return max(self.net_assets(world, values) + float(balance @ values[[self.unit, self.ticket]]), 0.0)

    def quote(self, world: "World") -> IssuerQuote:
        """What a unit is worth and costs, and how long the queue is."""
        queued = int(-world.ledger.balance[self.ticket, self.account])
        backing = self.backing_ratio(world)
        value = min(1.0, max(backing, 0.0))
        return IssuerQuote(
            self.index, self.unit, value, backing, self.mint_fee, self.redeem_fee, queued, self._per_tick, self._room,
            frozen(self._allowed),
        )  # fmt: skip

    def delta(self, world: "World") -> float:
        """Coins held less coins sold short, over coins held; 0 without either."""
        spot, short = self.hedge.spot(world), self.hedge.short(world)
        return (spot - short) / max(spot, short) if max(spot, short) > 0.0 else 0.0

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Mint for money, and put those who redeem in the queue; returns how many succeeded."""
        n, first = len(ints), world.events.count
        price = max(self.value(world), LEAST_VALUE)
        terms = Terms(
            self.account, self.unit, self.ticket, price, self.mint_fee, self.redeem_fee, self._cents / self._scale,
            self._room,
        )  # fmt: skip
        out = np.empty((n, 2), dtype=np.int64)
        self._room -= run_issue(world.ledger.book(2 * n), ints, reals, self._allowed, terms, first, out)
        ok, mints = out[:, 0] == DONE, ints[:, ACT] == Act.MINT
        paid = np.where(mints, ints[:, AMOUNT] / self._cents, out[:, 1] / self._scale * price)
        ids = world.events.add_many(
            n,
            np.where(ok, np.where(mints, Kind.MINT, Kind.REDEEM), Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=self.unit,
            amount=out[:, 1],
            value=np.where(ok, paid, out[:, 0]),
            cause=ints[:, CAUSE],
        )
        for row in np.flatnonzero(ok & ~mints).tolist():
            self._queue.append(Waiting(int(ints[row, ACCOUNT]), int(out[row, 1]), int(ids[row])))
        self._asked = int(ids[ok][-1]) if ok.any() else self._asked
        return int(ok.sum())

    # Settlement ------------------------------------------------------------------------------------------------------

    def settle(self, world: "World") -> None:
        """Put the hedge right, bring its size and margin to target, redeem, and publish what a unit is worth."""
        self._repair(world)
        self._resize(world)
        if not self.paused:
            self._redeem(world)
        self._publish(world)
        self._room = self._mintable

    def _repair(self, world: "World") -> None:
        """Close the gap between coin and short: sell perpetuals, else coin; or buy perpetuals back."""
        hedge, lost = self.hedge, self._lost(world)
        gap = hedge.spot(world) - hedge.short(world)
        band = self.delta_band * max(hedge.spot(world), hedge.short(world))
        if gap < -band:
            hedge.buy_back(world, -gap, lost or self._mover(world), patient=False)
        elif gap > band:
            self._cover(world, gap, band, lost)
        self._handled = lost or self._handled

    def _cover(self, world: "World", gap: float, band: float, lost: int) -> None:
        """Sell so many perpetuals as slippage and margin allow, and the coin that stays naked."""
        hedge, cause = self.hedge, lost or self._mover(world)
        price = float(world.spot()[hedge.coin])
        hedge.deposit(world, hedge.spot(world) * price / self.leverage - hedge.equity(world), cause)
        hedge.sell_short(world, gap, cause)
        naked = hedge.spot(world) - hedge.short(world)
        if naked > band:
            hedge.sell_spot(world, naked, cause, Motive.UNWIND if lost else Motive.HEDGING)

    def _lost(self, world: "World") -> int:
        """The event that took a part of the short away since the last settlement; 0 if there was none."""
        found = max(int(self._befell.of(world.events, kind)[0]) for kind in _LOST)
        if found <= self._handled:
            return 0
        world.prices.source[self.unit] = found
        return found

    def _mover(self, world: "World") -> int:
        return int(world.prices.last_event[self.hedge.coin])

    def _resize(self, world: "World") -> None:
        """Trade both legs if their size is out of its band, or if margin or redemptions need the money; move margin."""
        hedge, assets = self.hedge, self.net_assets(world)
        due, price = self._due(world), float(world.spot()[hedge.coin])
        target = self._hedged_usd(assets - due) / price
        gap = target - hedge.spot(world)
        cause = max(self._asked, self._mover(world))
        needed = hedge.short(world) * price / self.leverage_band[1] - hedge.equity(world)
        if abs(gap) > self.rebalance_band * target or (gap < 0.0 and hedge.cash(world) < due + max(needed, 0.0)):
            if gap > 0.0:
                hedge.grow(world, gap, self.leverage, cause)
            else:
                hedge.shrink(world, -gap, cause)
        self._fund(world, due, price, cause)

    def _fund(self, world: "World", due: float, price: float, cause: int) -> None:
        """Move cash so that the short's leverage lies in its band."""
        hedge, (low, high) = self.hedge, self.leverage_band
        notional, equity, cash = hedge.short(world) * price, hedge.equity(world), hedge.cash(world)
        wanted = notional / self.leverage - equity
        if notional > high * equity and wanted > 0.0:
            hedge.deposit(world, min(wanted, max(cash - due, 0.0)), cause)
        elif wanted < 0.0 and (notional < low * equity or cash < due):
            hedge.withdraw(world, -wanted, cause)

    def _due(self, world: "World") -> float:
        """USD that the queue may be paid in this tick."""
        queued = int(-world.ledger.balance[self.ticket, self.account])
        return min(queued, self._per_tick) / self._scale * self.value(world) * (1.0 - self.redeem_fee)

    def _redeem(self, world: "World") -> None:
        """Pay the queue in turn, as far as the tick's limit and the cash reach."""
        per_atom = self.value(world) * (1.0 - self.redeem_fee) * self._cents / self._scale
        room = self._per_tick
        while self._queue and room > 0 and per_atom > 0.0:
            place = self._queue[0]
            cash = int(world.ledger.balance[NUMERAIRE, self.account])
            units = min(place.atoms, room, int(cash / per_atom))
            paid = int(units * per_atom)
            if paid < 1 and units < place.atoms:
                return
            event = world.events.add(
                Kind.WITHDRAW, place.account, protocol=self.index, token=self.unit, amount=units,
                value=paid / self._cents, cause=place.event,
            )  # fmt: skip
            world.ledger.move(self.ticket, place.account, self.account, units, event)
            world.ledger.move(NUMERAIRE, self.account, place.account, paid, event)
            room, place.atoms = room - units, place.atoms - units
            if place.atoms:
                return
            self._queue.popleft()

    def _publish(self, world: "World") -> None:
        """The fundamental of the next tick is what a unit is worth now."""
        following = world.clock.tick + 1
        if following < len(world.prices.fundamental):
            world.prices.fundamental[following, self.unit] = math.log(max(self.value(world), LEAST_VALUE))
