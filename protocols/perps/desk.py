"""A margin desk: contracts margined together, the accounts that hold them, and their trades.

In cross margin a venue has one desk for all contracts; in isolated margin each contract has its own.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.perps.contracts import Contract
from protocols.perps.execution import SIZE, STATUS, Terms, fill, require, select
from protocols.shared.margin import Grid, MarginAccounts
from protocols.shared.margin_kernels import DONE
from sim.flows import Motive
from sim.intents import ACCOUNT, ACT, AMOUNT, INT_COLUMNS, LIMIT, MOTIVE, POPULATION, SUBJECT, TOKEN, Act, Flag
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from protocols.perps.venue import Perpetuals
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Batch(NamedTuple):
    """A selected batch, not posted yet. ints, out: (n, ...) as in `execution`; price: USD; net: whole contracts."""

    ints: Ints
    out: Ints
    price: float
    net: float
    terms: Terms

    @property
    def usd(self) -> Floats:
        """(n,) USD traded by each order."""
        whole = np.abs(self.out[:, SIZE]) / self.terms.scale
        return whole * (1.0 if self.terms.inverse else self.price)


class Desk:
    """Contracts that share margin accounts.

    Attributes
    ----------
    accounts: the margin accounts. contracts: what they may hold here.
    fees, funding, cash: int64 (accounts,) margin atoms: fees paid, funding paid, and what trades brought in, so far.
    breach: int64 (accounts,) last BREACH event of each account. waits: int64 (accounts,) first tick at which the market
    is tried again for an account after a partial liquidation; partial: bool (accounts,) whether it has had one.
    """

    def __init__(self, venue: "Perpetuals", contracts: list[Contract], accounts: MarginAccounts) -> None:
        self.venue, self.contracts, self.accounts = venue, contracts, accounts
        accounts.members.append(self)

    def open(self, world: "World") -> None:
        """Allocate the arrays."""
        n = world.accounts.count
        self.accounts.open_accounts(world)
        self.fees, self.funding, self.cash, self.breach = (np.zeros(n, dtype=np.int64) for _ in range(4))
        self.waits, self._pending = np.full(n, -1), np.zeros(n, dtype=np.int64)
        self.partial, self.below = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
        self._gain = np.zeros(n)
        self.house = np.zeros(n, dtype=np.bool_)
        """(accounts,) the outside world and the venue's own accounts, which nobody liquidates."""
        self.house[[EXTERNAL, self.venue.account, self.accounts.fund, self.venue.treasury]] = True
        self.stranded = np.empty(0, dtype=np.int64)
        """Accounts whose loss nobody has paid for."""
        self.tokens = np.array([contract.token for contract in self.contracts])

    # As margin accounts see it ---------------------------------------------------------------------------------------

    def marks(self, world: "World") -> tuple[Ints, Floats]:
        """Contract tokens and the margin value of one atom of each at the mark."""
        return self.tokens, np.array([contract.value(contract.mark) for contract in self.contracts])

    def require(self, world: "World", initial: Floats, maintenance: Floats) -> None:
        """Add the tiers' requirements of every account."""
        for contract in self.contracts:
            row = world.ledger.balance[contract.token]
            require(row, self.terms(contract), contract.tiers, 1, row.size, initial, maintenance)

    def scenarios(self, world: "World", accounts: Ints, grid: Grid) -> Mapping[int, Floats]:
        """Gains of the accounts' positions if the mark moves as the grid says."""
        nets: dict[int, Floats] = {}
        for contract in self.contracts:
            held = world.ledger.balance[contract.token, accounts]
            gains = held[:, None] * move_values(contract, grid)
            nets[contract.asset] = nets.get(contract.asset, 0.0) + gains
        return nets

    def evaluate(self, world: "World") -> None:
        """Bring equity and requirements up to date; the venue's own account stands for the backstop vault."""
        self.accounts.evaluate(world)
        self.accounts.equity[self.venue.account] = self.venue.vault.equity(world, self)

    def breached(self) -> Ints:
        """Accounts below their maintenance margin, the venue's own ones left out."""
        accounts = self.accounts
        return np.flatnonzero(accounts.open & (accounts.equity < accounts.maintenance) & ~self.house)

    def failing_house(self) -> Ints:
        """The vault and the fund, as far as they are below their maintenance margin."""
        accounts, own = self.accounts, np.array([self.venue.account, self.accounts.fund])
        return own[accounts.open[own] & (accounts.equity[own] < accounts.maintenance[own])]

    def require_of(self, contract: Contract, held: Ints, maintenance: Floats) -> None:
        """Add the standard maintenance margin of (n,) positions in a contract to (n,) margin atoms."""
        require(held, self.terms(contract), contract.tiers, 0, held.size, np.zeros(held.size), maintenance)

    def maintenance(self, world: "World", accounts: Ints) -> Floats:
        """(contracts, n) standard maintenance margin of each position, in margin atoms."""
        parts = np.zeros((len(self.contracts), accounts.size))
        for part, contract in zip(parts, self.contracts, strict=True):
            self.require_of(contract, world.ledger.balance[contract.token, accounts], part)
        return parts

    # Trades ----------------------------------------------------------------------------------------------------------

    def terms(self, contract: Contract, forced: bool = False, opening: bool = False) -> Terms:
        """What a batch of a contract is executed at now."""
        settings, accounts = contract.settings, self.accounts
        fee = settings.liquidation_fee if forced else settings.fee
        impact = settings.impact and not opening
        anchor = float(np.exp(contract.book.anchor)) if impact else contract.mid
        return Terms(
            contract.token, accounts.quote, accounts.fund, self.venue.treasury, contract.inverse, contract.scale,
            contract.unit, contract.mark, contract.atoms_per_usd, 0.0 if opening else fee,
            1.0 if forced else self.venue.fee_to_insurance, contract.book.x, anchor, impact, forced,
        )  # fmt: skip

    def select(self, world: "World", contract: Contract, ints: Ints, reals: Floats, forced: bool = False) -> Batch:
        """Which orders of a batch trade at what price; equity and requirements must be up to date."""
        n, accounts = len(ints), self.accounts
        terms = self.terms(contract, forced, world.opening)
        out = np.empty((n, 4), dtype=np.int64)
        price, net = select(
            world.ledger.book(0), ints, reals, terms, contract.tiers, contract.book.depth,
            self._extra(world, contract, ints), accounts.equity, accounts.initial, self._pending, self._gain,
            np.empty((n, 2)), out,
        )  # fmt: skip
        return Batch(ints, out, price, net, terms)

    def _extra(self, world: "World", contract: Contract, ints: Ints) -> Floats:
        """(n,) initial margin that each order adds under portfolio margin; NaN where the tiers say it."""
        rules, accounts = self.accounts.portfolio, ints[:, ACCOUNT]
        if rules is None:
            return np.full(len(ints), np.nan)
        size = np.where(ints[:, ACT] == Act.BUY, 1.0, -1.0) * np.minimum(ints[:, AMOUNT], 2**60)
        grid = rules.grid()
        added = {contract.asset: size[:, None] * move_values(contract, grid)}
        after = self.accounts.worst_loss(world, accounts, grid, added)
        return (after - self.accounts.worst_loss(world, accounts, grid)) * rules.initial

    def post(self, world: "World", contract: Contract, batch: Batch, events: Ints) -> None:
        """Post a selected batch, displace the book and bring flat accounts back to margin. events: (n,) of each row."""
        accounts, ok = self.accounts, batch.out[:, STATUS] == DONE
        fill(
            world.ledger.book(4 * int(ok.sum())), batch.ints, batch.price, batch.terms, contract.tiers, events,
            accounts.equity, accounts.initial, contract.cost, self.fees, self.cash, batch.out,
        )  # fmt: skip
        if not ok.any():
            return
        if not world.opening:
            contract.last = batch.price
            if contract.settings.impact:
                sizes = np.where(ok, batch.out[:, SIZE], 0) / contract.scale
                rows = batch.ints
                contract.book.trade(world, batch.net, sizes, rows[:, POPULATION], rows[:, MOTIVE], events)
        self.square(world, np.unique(batch.ints[ok, ACCOUNT]), int(events[ok].max()))

    def flat(self, world: "World", accounts: Ints) -> NDArray[np.bool_]:
        """(n,) which accounts hold no contract of any member of these margin accounts."""
        held = [np.atleast_1d(member.marks(world)[0]) for member in self.accounts.members]
        tokens = np.concatenate(held)
        return ~(world.ledger.balance[np.ix_(tokens, accounts)] != 0).any(axis=0)

    def square(self, world: "World", accounts: Ints, event: int) -> None:
        """Bring those of the accounts that are flat back to margin alone."""
        flat = accounts[self.flat(world, accounts)]
        flat = flat[(world.ledger.balance[self.accounts.quote, flat] != 0) & (flat != EXTERNAL)]
        flat = flat[flat != self.venue.account]
        if flat.size:
            self.accounts.realise(world, flat, event)

    def order_rows(self, contract: Contract, accounts: Ints, sizes: Ints, limits: Floats) -> tuple[Ints, Floats]:
        """Rows of the venue's own orders for accounts: signed sizes, limits in USD (0 is none)."""
        ints = np.full((accounts.size, INT_COLUMNS), -1, dtype=np.int64)
        ints[:, ACT] = np.where(sizes > 0, Act.BUY, Act.SELL)
        ints[:, ACCOUNT], ints[:, TOKEN], ints[:, AMOUNT] = accounts, contract.token, np.abs(sizes)
        ints[:, MOTIVE], ints[:, POPULATION], ints[:, SUBJECT] = Motive.LIQUIDATION, self.venue.desk, Flag.REDUCE_ONLY
        reals = np.zeros((accounts.size, 2))
        reals[:, LIMIT] = limits
        return ints, reals


def move_values(contract: Contract, grid: Grid) -> Floats:
    """(s,) change of the margin value of one contract atom in each scenario."""
    after = contract.mark * (1.0 + grid.moves)
    value = -1.0 / after if contract.inverse else after
    return value * contract.unit - contract.value(contract.mark)
