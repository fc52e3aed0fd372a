"""What all vaults share: shares, queues of deposits and withdrawals, epochs, fees (ERC-4626 with epochs).

A vault holds an asset and issues three claims. `NAME.share` is a share of its net assets. A deposit waits as
`NAME.pending`, one for each atom of the asset, and a withdrawal as `NAME.leaving`, one for each atom of shares, until
the epoch ends; so what is queued stays visible as wealth. A share is worth net assets over shares, leaving ones
included, at every moment.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from protocols.shared.calendar import Calendar, calendar
from sim import exposure
from sim.events import Kind
from sim.fields import AssetName, Duration, Share
from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, CAUSE, TOKEN, TOKEN2, Act
from sim.interfaces import Protocol
from sim.ledger import POSTED
from sim.tokens import TokenKind
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
WEEK = Duration(7 * 86_400.0)
DONE, NO_FUNDS, WRONG_TOKENS, NO_AUCTION, BAD_BID = range(5)
STATUS_TEXT = (
    "done",
    "the account does not hold that much",
    "the vault takes its asset for shares, and gives back shares and what is pending",
    "the vault holds no auctions, or not of this token",
    "the bid's amount and price must be above zero, and not too large",
)


class VaultQuote(NamedTuple):
    """A vault as anybody sees it. Amounts are atoms, the share price is assets per share."""

    venue: int
    asset: int
    share: int
    pending: int
    leaving: int
    share_price: float
    net_assets: float
    """USD."""
    epoch: int
    ends: int
    """Tick at which the epoch ends."""
    on_offer: tuple[int, ...] = ()
    """Contract tokens of the auction that takes bids; none if there is no auction."""
    ratios: tuple[int, ...] = ()
    """How many of each a bidder gets per unit; below zero are given."""
    amount: int = 0
    """Atoms of units on offer."""
    reserve: float = 0.0
    """Least USD per unit."""


class Trader(Interface):
    """What trades for a vault; the methods are those of the vault that bear their names."""

    def unwind(self, world: "World") -> None: ...
    def deploy(self, world: "World") -> int: ...
    def during(self, world: "World") -> None: ...
    def owed(self, world: "World") -> dict[int, int]: ...
    def bid(self, world: "World", row: Ints, real: Floats, event: int) -> tuple[int, int, int]: ...
    def offered(self, quote: VaultQuote) -> VaultQuote:
        """The quote, with what is on offer."""
        ...


@dataclass(kw_only=True, eq=False)
class Vault(Protocol):
    """A strategy with shares; subclasses define `unwind`, `deploy` and what happens in between, or have a trader."""

    accepts: ClassVar[tuple[Act, ...]] = (Act.MINT, Act.REDEEM)
    reasons: ClassVar[tuple[str, ...]] = STATUS_TEXT
    risk: ClassVar[str] = ""
    """What shareholders are exposed to first of all, one of `sim.risks.RISKS`."""

    asset: AssetName
    """What is deposited and paid out."""
    performance_fee: Share = 0.10
    """Of an epoch's gain."""
    management_fee: Share = 0.02
    """Of net assets, per year."""
    fees_on_gains_only: bool = True
    """No fee at all after an epoch without a gain, as at Ribbon."""
    epoch: Duration = WEEK
    anchor: str = "1970-01-02T08:00:00Z"
    """UTC moment at which some epoch ends; the default is a Friday, 08:00."""

    # Strategy: overridden, or left to a trader ------------------------------------------------------------------------

    trader: "Trader | None" = field(default=None, init=False, repr=False)

    def unwind(self, world: "World") -> None:
        """Bring back what positions have left, as far as it can be."""
        if self.trader:
            self.trader.unwind(world)

    def deploy(self, world: "World") -> int:
        """Put net assets to work; returns the tick at which the epoch ends."""
        return self.trader.deploy(world) if self.trader else self.calendar.tick(self.calendar.moment(world.clock.tick))

    def during(self, world: "World") -> None:
        """Once per tick before an epoch ends: auctions, rebalancing."""
        if self.trader:
            self.trader.during(world)

    def owed(self, world: "World") -> dict[int, int]:
        """Token -> atoms that the vault holds for others beside its shareholders."""
        owed = {self.asset_token: self.supply(world, self.pending)}
        for token, atoms in (self.trader.owed(world) if self.trader else {}).items():
            owed[token] = owed.get(token, 0) + atoms
        return owed

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Declare the three claims and the treasury's account."""
        super().declare(world)
        token = world.tokens[self.asset]
        self.asset_token, self.decimals = token.index, token.decimals
        kinds = (("share", -1), ("pending", token.index), ("leaving", -1))
        self.share, self.pending, self.leaving = (
            world.tokens.declare(f"{self.name}.{label}", TokenKind.CLAIM, token.decimals, self.account, under).index
            for label, under in kinds
        )
        self.own = [self.share, self.pending, self.leaving]
        self.treasury = world.accounts.declare(f"{self.name}.treasury").lo

    def open(self, world: "World") -> None:
        """The first epoch begins with the first tick."""
        self.calendar: Calendar = calendar(world.clock, self.anchor, self.epoch)
        self.ends, self.number, self.base, self.started = 0, 0, 0, 0

    # Value -----------------------------------------------------------------------------------------------------------

    def supply(self, world: "World", token: int) -> int:
        """Atoms outstanding of one of the vault's claims."""
        return -int(world.ledger.balance[token, self.account])

    def shares(self, world: "World") -> int:
        """Atoms of shares outstanding, leaving ones included."""
        return self.supply(world, self.share) + self.supply(world, self.leaving)

    def net_usd(self, world: "World", values: Floats) -> float:
        """Net assets of the shareholders; values: (tokens,) USD per whole token."""
        held = np.array(world.ledger.balance[:, self.account])
        held[self.own] = 0
        for token, atoms in self.owed(world).items():
            held[token] -= atoms
        return float((held / world.prices.scales * values).sum())

    def net_atoms(self, world: "World") -> int:
        """Net assets in atoms of the asset: what is held of it exactly, everything else at the last valuation."""
        held = np.array(world.ledger.balance[:, self.account])
        held[self.own] = 0
        for token, atoms in self.owed(world).items():
            held[token] -= atoms
        cash, held[self.asset_token] = int(held[self.asset_token]), 0
        value = world.prices.atom_values
        return cash + int(np.floor((held * value).sum() / value[self.asset_token]))

    def unit_value(self, world: "World", token: int, values: Floats) -> float:
        """USD per whole share: net assets over shares; what is pending is worth the asset."""
        if token not in (self.share, self.leaving):  # a receipt for what is only kept
            return float(values[world.tokens.rows[token].underlying])
        shares = self.shares(world)
        if shares <= 0:
            return float(values[self.asset_token])
        return max(self.net_usd(world, values), 0.0) / (shares / 10.0**self.decimals)

    def quote(self, world: "World") -> VaultQuote:
        """Share price and epoch."""
        values, spot = self._values(world), world.spot()
        usd, shares = self.net_usd(world, values), self.shares(world) / 10.0**self.decimals
        price = usd / shares / float(spot[self.asset_token]) if shares else 1.0
        quote = VaultQuote(
            self.index, self.asset_token, self.share, self.pending, self.leaving, price, usd, self.number, self.ends
        )
        return self.trader.offered(quote) if self.trader else quote

    def _values(self, world: "World") -> Floats:
        """(tokens,) USD now of assets and of the claims and contracts that the vault holds; the rest as last valued."""
        values, spot, tokens = np.array(world.prices.values), world.spot(), world.tokens.rows
        values[: spot.size] = spot
        for token in np.flatnonzero(world.ledger.balance[:, self.account]).tolist():
            issuer = next((p for p in world.protocols if p.account == tokens[token].issuer), None)
            if token >= spot.size and issuer is not None and issuer is not self:
                values[token] = issuer.unit_value(world, token, values)
        return values

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: Ints, reals: Floats) -> int:
        """Queue deposits and withdrawals; returns how many orders succeeded."""
        done, first = 0, world.events.count
        status, kind = np.zeros(len(ints), np.int64), np.full(len(ints), int(Kind.TX_FAILED))
        moved = np.zeros(len(ints), np.int64)
        for i in range(len(ints)):
            status[i], kind[i], moved[i] = self._order(world, ints[i], reals[i], first + i)
            done += status[i] == DONE
        ok = status == DONE
        usd = world.prices.atom_values[ints[:, TOKEN]] * moved
        world.events.add_many(
            len(ints),
            np.where(ok, kind, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=ints[:, TOKEN],
            amount=moved,
            value=np.where(ok, usd, status),
            cause=ints[:, CAUSE],
        )
        return int(done)

    def _order(self, world: "World", row: Ints, real: Floats, event: int) -> tuple[int, int, int]:
        """(status, event kind, atoms) of one order."""
        act, account, token = int(row[ACT]), int(row[ACCOUNT]), int(row[TOKEN])
        if act == Act.BID:
            return self.bid(world, row, real, event)
        amount = int(row[AMOUNT])
        if act == Act.MINT and (token, int(row[TOKEN2])) == (self.asset_token, self.share):
            given, got, kind = self.asset_token, self.pending, Kind.MINT
        elif act == Act.REDEEM and token in (self.share, self.pending):
            given, got = token, self.leaving if token == self.share else self.asset_token
            kind = Kind.REDEEM
            amount = int(world.ledger.balance[token, account]) if amount >= ALL else amount
        else:
            return WRONG_TOKENS, Kind.TX_FAILED, 0
        if amount <= 0 or self.take(world, given, account, amount, event) != POSTED:
            return NO_FUNDS, Kind.TX_FAILED, 0
        world.ledger.move(got, self.account, account, amount, event)
        return DONE, kind, amount

    def take(self, world: "World", token: int, account: int, amount: int, event: int) -> int:
        """Take atoms from an account; the ledger's status."""
        return int(world.ledger.attempt(token, account, self.account, amount, event)[0])

    def bid(self, world: "World", row: Ints, real: Floats, event: int) -> tuple[int, int, int]:
        """(status, event kind, atoms) of a bid; vaults without auctions refuse it."""
        return self.trader.bid(world, row, real, event) if self.trader else (NO_AUCTION, int(Kind.TX_FAILED), 0)

    # Epochs ----------------------------------------------------------------------------------------------------------

    def settle(self, world: "World") -> None:
        """What the strategy does every tick, and the turn of the epoch."""
        self.during(world)
        if world.clock.tick >= self.ends:
            self.roll(world)

    def roll(self, world: "World") -> None:
        """End the epoch: fees, withdrawals, deposits, all at one share price; then begin the next one."""
        self.unwind(world)
        exposure.revalue(world)
        net, shares = self.net_atoms(world), self.shares(world)
        fee = self._fee(world, net) if shares else 0
        minted = fee * shares // (net - fee) if 0 < fee < net else 0
        shares += minted
        usd = float(world.prices.atom_values[self.asset_token])
        price = usd * net / shares if shares else usd
        event = world.events.add(
            Kind.EPOCH, self.account, -1, self.index, self.share,
            round(max(price, 0.0) * 10.0**self.decimals * world.prices.scales[0]), max(net, 0) * usd,
        )  # fmt: skip
        world.ledger.move(self.share, self.account, self.treasury, minted, event)
        paid, burned = self._pay_out(world, net, shares, event)
        joined = self._take_in(world, net - paid, shares - burned, event)
        self.base, self.number = net - paid + joined, self.number + 1
        self.started = world.clock.tick
        self.ends = self.deploy(world) if self.base > 0 else self.calendar.tick(self.calendar.moment(world.clock.tick))

    def _fee(self, world: "World", net: int) -> int:
        """Atoms of the asset that the treasury gets for the epoch, as shares."""
        gain = net - self.base
        if gain <= 0 and self.fees_on_gains_only:
            return 0
        years = (world.clock.tick - self.started) * world.clock.dt / SECONDS_PER_YEAR
        return int(self.performance_fee * max(gain, 0) + self.management_fee * years * max(net, 0))

    def _pay_out(self, world: "World", net: int, shares: int, event: int) -> tuple[int, int]:
        """Pay those who leave, rounded down, as far as cash goes; (atoms of the asset paid, of shares burned)."""
        held = world.ledger.balance[self.leaving]
        leavers = [(a, int(held[a])) for a in np.flatnonzero(held > 0).tolist()]
        cash = int(world.ledger.balance[self.asset_token, self.account]) - self.owed(world)[self.asset_token]
        due = sum(atoms for _, atoms in leavers) * max(net, 0) // shares if leavers else 0
        paid = burned = 0
        for account, atoms in leavers:
            mine = atoms if due <= cash else atoms * max(cash, 0) // due
            worth = mine * max(net, 0) // shares
            world.ledger.move(self.leaving, account, self.account, mine, event)
            world.ledger.move(self.asset_token, self.account, account, worth, event)
            paid, burned = paid + worth, burned + mine
        return paid, burned

    def _take_in(self, world: "World", net: int, shares: int, event: int) -> int:
        """Give shares for what is pending, rounded down; returns the atoms of the asset taken in."""
        if shares and net <= 0:
            return 0
        held, joined = world.ledger.balance[self.pending], 0
        for account, atoms in [(a, int(held[a])) for a in np.flatnonzero(held > 0).tolist()]:
            got = atoms * shares // net if shares else atoms
            world.ledger.move(self.pending, account, self.account, atoms, event)
            world.ledger.move(self.share, self.account, account, got, event)
            joined += atoms
        return joined
