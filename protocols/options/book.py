"""Positions in options as margin accounts see them: marks, standard requirements, scenario gains, what orders need."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.options.margin_kernels import net_requirements, scenario_gains, short_margin, volatility_shock
from protocols.shared.margin import Grid
from protocols.shared.margin_kernels import engaged

if TYPE_CHECKING:
    from protocols.options.exchange import OptionExchange
    from sim.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROUNDING = 1e-12
"""Part of a requirement that sums of floats may be off by; nobody is margined for it, nor for one atom."""


class OptionBook:
    """All positions in one venue's series; values are in atoms of the margin asset."""

    def __init__(self, venue: "OptionExchange") -> None:
        self.venue, self.table = venue, venue.table
        self._extra: tuple[Ints, Ints] | None = None

    def marks(self, world: "World") -> tuple[Ints, Floats]:
        """(series,) contract tokens, (series,) value of one atom of each."""
        self.venue.refresh(world)
        return self.table.token, self._unit(world) * self.table.mark

    def _unit(self, world: "World") -> Floats:
        """(series,) margin atoms per USD on one atom of an option."""
        return self.venue.units(world)[self.table.underlying] / self.table.scale

    def held(self, world: "World", accounts: Ints) -> Floats:
        """(n, series) atoms held; what orders on trial would add is included."""
        balance = world.ledger.balance[np.ix_(self.table.token, accounts)].T.astype(np.float64)
        if self._extra is not None:
            who, delta = self._extra
            place = np.searchsorted(who, accounts)
            known = who[np.minimum(place, who.size - 1)] == accounts
            balance[known] += delta[place[known]]
        return np.ascontiguousarray(balance)

    def holders(self, world: "World") -> Ints:
        """Accounts with positions, the outside world's left out."""
        found = np.zeros(world.accounts.count, np.bool_)
        engaged(world.ledger.balance, self.table.token, 1, found.size, found)
        return np.flatnonzero(found)

    def require(self, world: "World", initial: Floats, maintenance: Floats) -> None:
        """Add standard requirements of all accounts."""
        self.venue.refresh(world)
        rows = self.holders(world)
        if rows.size:
            needed = self.requirements(world, rows)
            initial[rows] += needed[:, 0]
            maintenance[rows] += needed[:, 1]

    def requirements(self, world: "World", accounts: Ints) -> Floats:
        """(n, 2) standard initial and maintenance requirements, see `margin_kernels.net_requirements`."""
        table, venue, unit = self.table, self.venue, self._unit(world)
        dollars = unit * table.spot
        coins = table.mark / table.spot
        initial, maintenance = short_margin(
            table.is_call, table.spot, table.strike, coins,
            venue.initial_margin, venue.least_margin, venue.maintenance_margin,
        )  # fmt: skip
        first = table.start[[int(table.groups_of(u)[0]) for u in range(len(venue.surfaces))]]
        terms = np.column_stack([table.spot[first], unit[first], venue.in_coins])
        out = np.empty((accounts.size, 2))
        net_requirements(
            self.held(world, accounts), table.strike, table.is_call, unit * table.mark, (initial - coins) * dollars,
            (maintenance - coins) * dollars, table.start, table.owner, terms, self._cover(world, accounts), out,
        )  # fmt: skip
        return np.asarray(np.maximum(out * (1.0 - ROUNDING) - 1.0, 0.0))

    def _cover(self, world: "World", accounts: Ints) -> Floats:
        """(n, underlyings) option atoms that collateral in the underlying covers, after haircuts."""
        margin = self.venue.margin_accounts
        out = np.zeros((accounts.size, len(self.venue.surfaces)))
        pairs = zip(margin.assets[1:].tolist(), margin.collateral, strict=True)
        kept = {asset: 1.0 - item.haircut for asset, item in pairs}
        claims = dict(zip(margin.assets.tolist(), margin.claims.tolist(), strict=True))
        for number, asset in enumerate(self.venue.assets.tolist()):
            if asset in kept:
                out[:, number] = world.ledger.balance[claims[asset], accounts] * kept[asset]
        return out

    def scenarios(self, world: "World", accounts: Ints, grid: Grid) -> dict[int, Floats]:
        """Underlying asset -> (n, scenarios) gain of each account."""
        self.venue.refresh(world)
        gains, held = self._gains(world, grid), self.held(world, accounts)
        out: dict[int, Floats] = {}
        for number, asset in enumerate(self.venue.assets.tolist()):
            mine = self.table.underlying == number
            total = np.empty((accounts.size, grid.moves.size))
            scenario_gains(np.ascontiguousarray(held[:, mine]), np.ascontiguousarray(gains[mine]), total)
            out[asset] = out.get(asset, 0.0) + total
        return out

    def _gains(self, world: "World", grid: Grid) -> Floats:
        """(series, scenarios) gain of one atom, in margin atoms."""
        table, years, unit = self.table, self.venue.years(world), self._unit(world)
        shock = np.ones(len(table))
        if self.venue.volatility_shock == "deribit":
            shock = volatility_shock(years)[table.group] / max(float(np.abs(grid.vols).max()), 1e-300)
        in_coins = self.venue.in_coins[table.underlying]
        out = np.empty((len(table), grid.moves.size))
        for s, (move, vol) in enumerate(zip(grid.moves.tolist(), grid.vols.tolist(), strict=True)):
            at = np.maximum(table.volatility * (1.0 + vol * shock), 0.0)
            value = table.price(at, years, table.spot * (1.0 + move))[:, 0]
            out[:, s] = (np.where(in_coins, value / (1.0 + move), value) - table.mark) * unit
        return out

    def unmargined(self, world: "World", accounts: Ints, delta: Ints, paid: Floats) -> NDArray[np.bool_]:
        """(n,) which accounts could not margin their positions after a trade.

        accounts: sorted, each once. delta: (n, series) atoms received. paid: (n,) margin atoms. A trade that lowers the
        requirement is always allowed.
        """
        margin = self.venue.margin_accounts
        before = self._total(world, accounts)
        self._extra = accounts, delta
        after = self._total(world, accounts)
        self._extra = None
        unit = self._unit(world) * self.table.mark
        worth = np.zeros(accounts.size)
        for s in range(unit.size):
            worth += delta[:, s] * unit[s]
        equity = margin.equity[accounts] + worth - paid
        needed = margin.initial[accounts] - before + after
        return np.asarray((equity < needed) & (after >= before))

    def _total(self, world: "World", accounts: Ints) -> Floats:
        """(n,) initial requirement as far as it depends on options."""
        margin = self.venue.margin_accounts
        if margin.portfolio is None:
            return self.requirements(world, accounts)[:, 0]
        return margin.worst_loss(world, accounts, margin.portfolio.grid()) * margin.portfolio.initial
