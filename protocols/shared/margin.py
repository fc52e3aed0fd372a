"""Margin accounts of derivative venues: collateral, settled gains, equity, requirements, and who pays for a loss.

A venue's members hold two tokens per margin account. `<label>.margin` is a claim on the collateral the venue holds;
`<label>.quote` is a contract row on which trades, fees, funding and realised gains are settled, so that it sums to zero
over everybody to the atom. Together with the open contracts at their mark they are the account's equity:

    equity = margin + quote + sum over contracts of balance * unit value + haircut collateral

An account without open contracts is brought back to margin alone. Where its loss exceeds its margin, the quote stays
below zero: that is the shortfall which the venue's waterfall passes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, NamedTuple, Protocol

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from protocols.shared import margin_kernels as kernels
from protocols.shared.margin_kernels import DONE, STATUS_TEXT
from sim.events import Kind
from sim.fields import AssetName, Share
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, CAUSE, TOKEN, Act, Intent
from sim.tokens import EXTERNAL, TokenKind

if TYPE_CHECKING:
    from sim.interfaces import Protocol as Venue
    from sim.world import World

Floats = NDArray[np.float64]


class Grid(NamedTuple):
    """Scenarios of portfolio margin. moves: (s,) relative price moves. vols: (s,) relative moves of volatility."""

    moves: Floats
    vols: Floats


@dataclass(kw_only=True, eq=False)
class PortfolioMargin:
    """Margin by the worst of a grid of scenarios, in the manner of Deribit's portfolio margin."""

    price_range: Share = 0.10
    """Largest relative price move, up and down."""
    price_steps: Annotated[int, Ge(1)] = 4
    """Moves on each side of zero."""
    volatility_range: Share = 0.25
    """Relative move of implied volatility, up and down, at every price."""
    initial: Annotated[float, Ge(1.0)] = 1.25
    """Initial over maintenance requirement."""

    def grid(self) -> Grid:
        """All combinations of price and volatility moves."""
        moves = np.linspace(-self.price_range, self.price_range, 2 * self.price_steps + 1)
        vols = np.array([-self.volatility_range, 0.0, self.volatility_range])
        return Grid(np.repeat(moves, vols.size), np.tile(vols, moves.size))


@dataclass(kw_only=True, eq=False)
class Collateral:
    """An asset taken as margin beside the margin asset."""

    asset: AssetName
    haircut: Share = 0.1
    """Part of its value that does not count."""


class Positions(Protocol):
    """Open contracts of one venue, as margin accounts see them. Values are in atoms of the margin asset."""

    def marks(self, world: "World") -> tuple[NDArray[np.int64], Floats]:
        """(k,) contract tokens that may be held, (k,) value of one atom of each at the mark."""

    def require(self, world: "World", initial: Floats, maintenance: Floats) -> None:
        """Add each account's standard requirements, (accounts,) atoms, to these."""

    def scenarios(self, world: "World", accounts: NDArray[np.int64], grid: Grid) -> Mapping[int, Floats]:
        """Underlying asset -> (n, s) gain of each account in each scenario."""


@dataclass
class MarginAccounts:
    """Margin accounts in one asset at one venue, shared by everything that is margined together.

    Parameters
    ----------
    venue: the protocol that holds the collateral. label: prefix of the tokens' names. asset: margin asset.
    collateral: further assets. portfolio: scenario margin; None for the sum of standard requirements.

    Attributes
    ----------
    equity, initial, maintenance: (accounts,) atoms of the margin asset, as of the last `evaluate`.
    open: (accounts,) who has open contracts, as of then.
    fund: account of the insurance fund.
    """

    venue: "Venue"
    label: str
    asset: AssetName
    collateral: list[Collateral] = field(default_factory=list)
    portfolio: PortfolioMargin | None = None

    members: list[Positions] = field(default_factory=list, init=False)

    def declare(self, world: "World") -> None:
        """Declare the tokens and the fund's account; the venue's own account exists."""
        token, owner = world.tokens[self.asset], self.venue.account
        self.token, self.decimals = token.index, token.decimals
        claim = world.tokens.declare(f"{self.label}.margin", TokenKind.CLAIM, token.decimals, owner, token.index)
        quote = world.tokens.declare(f"{self.label}.quote", TokenKind.CONTRACT, token.decimals, owner, token.index)
        self.margin, self.quote = claim.index, quote.index
        others = [world.tokens[item.asset] for item in self.collateral]
        claims = [
            world.tokens.declare(f"{self.label}.margin.{t.name}", TokenKind.CLAIM, t.decimals, owner, t.index)
            for t in others
        ]
        self.assets = np.array([token.index, *(t.index for t in others)])
        self.claims = np.array([self.margin, *(t.index for t in claims)])
        self.fund = world.accounts.declare(f"{self.label}.insurance").lo

    def open_accounts(self, world: "World") -> None:
        """Allocate the arrays."""
        n = world.accounts.count
        self.equity, self.initial, self.maintenance = (np.zeros(n) for _ in range(3))
        self.open = np.zeros(n, dtype=np.bool_)
        self.lost = 0.0

    @property
    def tokens(self) -> list[int]:
        """Tokens that these accounts issue beside contracts."""
        return [*self.claims.tolist(), self.quote]

    # Marking ---------------------------------------------------------------------------------------------------------

    def weights(self, world: "World") -> Floats:
        """(assets,) margin value of one atom of each collateral asset, in atoms of the margin asset."""
        atom = world.prices.atom_price
        kept = np.array([1.0, *(1.0 - item.haircut for item in self.collateral)])
        return atom[self.assets] / atom[self.token] * kept

    def evaluate(self, world: "World") -> None:
        """Bring equity and requirements of all accounts up to date."""
        balance, n = world.ledger.balance, self.equity.size
        marks = [member.marks(world) for member in self.members]
        contracts = np.concatenate([np.empty(0, np.int64), *(tokens for tokens, _ in marks)])
        tokens = np.concatenate([self.claims, [self.quote], contracts])
        units = np.concatenate([self.weights(world), [1.0], *(units for _, units in marks)])
        kernels.weigh(balance, tokens, units, 1, n, self.equity)
        kernels.engaged(balance, contracts, 1, n, self.open)
        self.initial[:] = self.maintenance[:] = 0.0
        if self.portfolio is None:
            for member in self.members:
                member.require(world, self.initial, self.maintenance)
        else:
            rows = np.flatnonzero(self.open)
            self.maintenance[rows] = self.worst_loss(world, rows, self.portfolio.grid())
            self.initial[rows] = self.maintenance[rows] * self.portfolio.initial

    def worst_loss(
        self, world: "World", accounts: NDArray[np.int64], grid: Grid, added: Mapping[int, Floats] | None = None
    ) -> Floats:
        """(n,) worst loss over the grid, netted over venues and collateral within each underlying.

        added: underlying asset -> (n, s) gains of positions that the accounts do not hold yet.
        """
        nets: dict[int, Floats] = dict(added or {})
        for asset, claim, value in zip(self.assets[1:], self.claims[1:], self.weights(world)[1:], strict=True):
            held = world.ledger.balance[claim, accounts] * value
            nets[int(asset)] = nets.get(int(asset), 0.0) + held[:, None] * grid.moves
        for member in self.members:
            for asset, gains in member.scenarios(world, accounts, grid).items():
                nets[asset] = nets.get(asset, 0.0) + gains
        worst = [np.maximum(-gains.min(axis=1), 0.0) for gains in nets.values()]
        return np.sum(worst, axis=0) if worst else np.zeros(accounts.size)

    def netting(self, world: "World") -> tuple[float, float] | None:
        """USD of maintenance margin of all accounts as it is, and if collateral and every venue were margined alone.

        None without portfolio margin; nothing else nets.
        """
        if self.portfolio is None:
            return None
        rows, grid = np.flatnonzero(self.open), self.portfolio.grid()
        gains = [each for member in self.members for each in member.scenarios(world, rows, grid).values()]
        worth = zip(self.claims[1:], self.weights(world)[1:], strict=True)
        gains += [(world.ledger.balance[claim, rows] * unit)[:, None] * grid.moves for claim, unit in worth]
        apart = sum(float(np.maximum(-each.min(axis=1), 0.0).sum()) for each in gains)
        usd = float(world.prices.atom_price[self.token])
        return float(self.worst_loss(world, rows, grid).sum()) * usd, apart * usd

    def breached(self) -> NDArray[np.int64]:
        """Accounts with open contracts whose equity is below the maintenance requirement."""
        return np.flatnonzero(self.open & (self.equity < self.maintenance))

    # Cash ------------------------------------------------------------------------------------------------------------

    def cash(self, world: "World", ints: NDArray[np.int64], reason: int = 0) -> int:
        """Execute deposits and withdrawals; logs one event per row. reason: added to codes of refusal."""
        n, out = len(ints), np.empty((len(ints), 2), dtype=np.int64)
        kernels.run_cash(
            world.ledger.book(4 * n), ints, self.assets, self.claims, self.weights(world), self.quote,
            self.venue.account, self.equity, self.initial, world.events.count, out,
        )  # fmt: skip
        ok = out[:, 0] == DONE
        kind = np.where(ints[:, ACT] == Act.DEPOSIT, Kind.DEPOSIT, Kind.WITHDRAW)
        world.events.add_many(
            n,
            np.where(ok, kind, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.venue.index,
            token=ints[:, TOKEN],
            amount=out[:, 1],
            value=np.where(ok, out[:, 1] * world.prices.atom_price[ints[:, TOKEN]], out[:, 0] + reason),
            cause=ints[:, CAUSE],
        )
        return int(ok.sum())

    def realise(self, world: "World", accounts: NDArray[np.int64], event: int) -> int:
        """Bring accounts without open contracts back to margin; returns the atoms of loss left unpaid."""
        return kernels.redeem_quotes(
            world.ledger.book(2 * accounts.size), self.quote, self.margin, self.venue.account, accounts,
            np.full(accounts.size, event),
        )  # fmt: skip

    def settle_outside(self, world: "World") -> None:
        """Daily settlement with the outside world, which trades without an account: it pays or gets its equity."""
        balance, event = world.ledger.balance, world.events.count
        due = int(np.rint(sum(float(balance[m, EXTERNAL] @ u) for m, u in self._marks(world))))
        due += int(balance[self.quote, EXTERNAL])
        due = min(due, int(balance[self.token, self.venue.account]))
        if due == 0:
            return
        payer, payee = (self.venue.account, EXTERNAL) if due > 0 else (EXTERNAL, self.venue.account)
        world.events.add(Kind.TRANSFER, payer, payee, self.venue.index, self.token, abs(due))
        world.ledger.move(self.token, payer, payee, abs(due), event)
        world.ledger.move(self.quote, payee, payer, abs(due), event)

    def _marks(self, world: "World") -> list[tuple[NDArray[np.int64], Floats]]:
        return [member.marks(world) for member in self.members]

    def endow_fund(self, world: "World", amount: int) -> None:
        """Give the insurance fund its first money, from outside the model."""
        world.ledger.move(self.token, EXTERNAL, self.venue.account, amount, 0)
        world.ledger.move(self.margin, self.venue.account, self.fund, amount, 0)

    # Losses ----------------------------------------------------------------------------------------------------------

    def shortfall(self, world: "World", account: int) -> int:
        """Atoms that an account without open contracts owes beyond its margin."""
        return max(0, -int(world.ledger.balance[self.quote, account]))

    def sell_collateral(self, world: "World", account: int, market: int, cause: int) -> None:
        """Sell all of an account's other collateral on a spot venue and credit what it brings.

        market: index of the venue. Where a sale fails, the collateral stays.
        """
        for asset, claim in zip(self.assets[1:].tolist(), self.claims[1:].tolist(), strict=True):
            held = int(world.ledger.balance[claim, account])
            if held == 0:
                continue
            before = int(world.ledger.balance[self.token, self.venue.account])
            sale = Intent(
                Act.SWAP, market, np.array([self.venue.account]), asset, held, self.token, Motive.LIQUIDATION,
                cause=cause,
            )  # fmt: skip
            if world.place(self.venue, [sale]):
                got = int(world.ledger.balance[self.token, self.venue.account]) - before
                event = world.events.count - 1
                world.ledger.move(claim, account, self.venue.account, held, event)
                world.ledger.move(self.margin, self.venue.account, account, got, event)

    def pay_from_fund(self, world: "World", account: int, cause: int) -> int:
        """Let the insurance fund pay a shortfall as far as it can; returns the atoms paid."""
        balance = world.ledger.balance
        self.realise(world, np.array([self.fund]), cause)
        paid = min(self.shortfall(world, account), int(balance[self.margin, self.fund]))
        if paid > 0:
            event = self._log(world, Kind.LOSS_ABSORBED, self.fund, account, paid, cause)
            self.venue.pass_on(float(world.events.value[event]), "insurance")
            world.ledger.move(self.margin, self.fund, self.venue.account, paid, event)
            world.ledger.move(self.quote, self.venue.account, account, paid, event)
        return max(paid, 0)

    def socialise(self, world: "World", account: int, cause: int) -> int:
        """Share a shortfall out over everybody with positive equity, in proportion to it; returns the atoms paid."""
        loss = self.shortfall(world, account)
        self.evaluate(world)
        payers = np.flatnonzero(self.equity >= 1.0)
        payers = payers[(payers != account) & (payers != self.venue.account)]
        if loss <= 0 or not payers.size:
            return 0
        event = self._log(world, Kind.SOCIALISED, self.fund, account, loss, cause)
        book = world.ledger.book(payers.size + 1)
        paid = kernels.charge_shares(book, self.quote, payers, self.equity[payers], account, loss, self.fund, event)
        self.realise(world, payers[~self.open[payers]], event)
        self.venue.pass_on(int(paid) * float(world.prices.atom_price[self.token]), "everybody")
        return int(paid)

    def _log(self, world: "World", kind: Kind, actor: int, subject: int, atoms: int, cause: int) -> int:
        usd = atoms * float(world.prices.atom_price[self.token])
        return world.events.add(kind, actor, subject, self.venue.index, self.token, atoms, usd, cause)

    def unit_value(self, world: "World", token: int, values: Floats) -> float:
        """USD per whole margin claim or quote: the asset's, less what nobody stands for any more."""
        number = self.claims.tolist().index(token) if token in self.claims else 0
        value = float(values[self.assets[number]])
        if token == self.margin and self.lost:
            supply = -int(world.ledger.balance[token, self.venue.account])
            return value * max(0.0, 1.0 - self.lost / supply) if supply > 0 else value
        return value


__all__ = ["DONE", "STATUS_TEXT", "Collateral", "Grid", "MarginAccounts", "PortfolioMargin", "Positions"]
