"""An exchange of European options: dealers quote, a surface moves, positions are margined, liquidated and settled."""

from dataclasses import field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from protocols.options.book import OptionBook
from protocols.options.clearing import BAD_AMOUNT, MOST, NOT_LISTED, STATUS_TEXT, Batch
from protocols.options.dealers import POINT, Dealers, Supply
from protocols.options.engine import Engine, MarginBreaches
from protocols.options.series import SeriesTable
from protocols.options.settings import DAY, Structure, UnderlyingSettings, default_structures
from protocols.options.settlement import Settlement
from protocols.options.surface import Surface
from protocols.shared import margin as shared
from protocols.shared.calendar import calendar
from protocols.shared.margin import Collateral, MarginAccounts, PortfolioMargin
from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import AssetName, Duration, NonNegative, ProtocolName, Share
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, KEY, LIMIT, TOKEN, Act
from sim.interfaces import Protocol
from sim.quotes import MarginState, OptionsQuote
from sim.registry import component
from sim.views import frozen

if TYPE_CHECKING:
    from sim.world import World

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WEEK, HALF_HOUR = Duration(7 * DAY), Duration(1800.0)


@component("protocol", "options")
class OptionExchange(Protocol):
    """European options on a moving surface, traded against dealers, margined and cash-settled.

    BUY and SELL name a series, or with `subject` the number of a structure in the expiry of that series; a limit of 0
    is none, that of a structure is net. QUOTE names a series, or an underlying for all of its series; its limit is the
    distance from the mark in vol points (0.01), its amount how much can be traded net at a time.
    """

    reasons = (*shared.STATUS_TEXT, *STATUS_TEXT)
    accepts = (Act.DEPOSIT, Act.WITHDRAW, Act.BUY, Act.SELL, Act.QUOTE)
    on_chain = False

    underlyings: Annotated[list[UnderlyingSettings], MinLen(1)]
    expiries: Annotated[int, Ge(1)] = 4
    """How many expiries are listed at a time."""
    every: Duration = WEEK
    """Time between two expiries."""
    anchor: str = "1970-01-02T08:00:00Z"
    """UTC moment of any one expiry; the default is a Friday, 08:00."""
    settlement_window: Duration = HALF_HOUR
    """Options are settled at the mean index of this long before expiry."""
    structures: list[Structure] = field(default_factory=default_structures)
    clearing: ProtocolName | None = None
    """Venue whose margin accounts are shared, for cross-margin; it must be listed before this one."""
    margin: Literal["standard", "portfolio"] = "standard"
    margin_asset: AssetName | None = None
    """What deposits are made in; the numeraire if None, or the underlying if options settle in coins."""
    collateral: list[Collateral] = field(default_factory=list)
    portfolio: PortfolioMargin = field(default_factory=PortfolioMargin)
    volatility_shock: Literal["grid", "deribit"] = "deribit"
    """Volatility moves of scenarios: those of `portfolio`, or (30 / days)^0.30 * 38% as on Deribit."""
    initial_margin: Share = 0.15
    """Of the underlying, for a short option at the money (Deribit, standard margin)."""
    least_margin: Share = 0.10
    """Initial margin of a short option however far out of the money."""
    maintenance_margin: Share = 0.075
    insurance: NonNegative = 0.0
    """First money of the insurance fund, in whole units of the margin asset."""
    fee: Share = 0.0003
    """Of the underlying's value, per option."""
    fee_cap: Share = 0.125
    """Largest fee, of the premium."""
    liquidation_fee: Share = 0.0019
    """Of the underlying's value, per option that is liquidated; goes to the insurance fund."""
    collateral_market: ProtocolName | None = None
    """Spot venue where collateral of those who owe is sold; without it the insurance fund takes over what fails."""
    liquidation_step: Annotated[Share, Ge(0.05)] = 1.0
    """Part of a failing account's short options that is bought back in one round."""
    outside_dealers: Literal["fallback", "always", "never"] = "fallback"
    """Whether the outside world trades where nobody quotes, also takes what dealers cannot, or stays away."""
    half_spread: NonNegative = 1.0
    """Of the outside world, in vol points."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = []
        for item in self.underlyings:
            wings = item.surface.curvature * (item.surface.curvature + abs(item.surface.skew))
            if wings > 4.0 or abs(item.surface.skew) >= item.surface.curvature:
                steep = f"curvature {item.surface.curvature:g} and skew {item.surface.skew:g}"
                rule = "|skew| must be below curvature, and curvature (curvature + |skew|) at most 4"
                found.append(("underlyings", f"the surface of {item.asset} has {steep}; {rule}"))
            if item.settlement == "coin" and self.margin_asset not in (None, item.asset):
                rule = f'options on {item.asset} settle in coins, so the margin asset must be "{item.asset}"'
                found.append(("margin_asset", f'{rule}; found "{self.margin_asset}"'))
        coins = {item.asset for item in self.underlyings if item.settlement == "coin"}
        if coins and len({item.asset for item in self.underlyings}) > 1:
            found.append(("underlyings", "a venue that settles in coins has one underlying; list one venue for each"))
        return found

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Declare series, margin accounts (or join those of another venue) and the treasury's account."""
        super().declare(world)
        self.assets = np.array([world.tokens[item.asset].index for item in self.underlyings])
        self.in_coins = np.array([item.settlement == "coin" for item in self.underlyings])
        self.table = SeriesTable(world, self.name, self.account, self.underlyings, self.expiries)
        self.treasury = world.accounts.declare(f"{self.name}.treasury").lo
        self.margin_accounts = self._margin_accounts(world)
        self.book = OptionBook(self)
        self.margin_accounts.members.append(self.book)

    def _margin_accounts(self, world: "World") -> MarginAccounts:
        if self.clearing is not None:
            found = getattr(world.protocol(self.clearing), "margin_accounts", None)
            if not isinstance(found, MarginAccounts):
                raise ConfigError(
                    f'protocol "{self.name}" clears at "{self.clearing}", which has no margin accounts yet; name a '
                    "venue of derivatives that is listed before it"
                )
            return found
        asset = self.margin_asset
        if asset is None:
            coin = self.underlyings[0].settlement == "coin"
            asset = self.underlyings[0].asset if coin else AssetName(world.tokens.rows[0].name)
        portfolio = self.portfolio if self.margin == "portfolio" else None
        margin = MarginAccounts(self, self.name, asset, self.collateral, portfolio)
        margin.declare(world)
        return margin

    def open(self, world: "World") -> None:
        """Start the surfaces and list all series."""
        if self.clearing is None:
            self.margin_accounts.open_accounts(world)
            self.margin_accounts.endow_fund(world, round(self.insurance * 10.0**self.margin_accounts.decimals))
        self.calendar = calendar(world.clock, self.anchor, self.every)
        self.lookup = np.full(len(world.tokens), -1, np.int64)
        self.lookup[self.table.token] = np.arange(len(self.table))
        self.dealers = Dealers(len(self.table))
        self.aged = max(world.clock.tick, 0)
        self._marked: tuple[float, ...] = ()
        self.surfaces = [
            Surface(item.surface, spot, self.expiries)
            for item, spot in zip(self.underlyings, self.index_prices(world).tolist(), strict=True)
        ]
        moment = self.calendar.moment(0)
        for group in range(self.table.owner.size):
            place = group % self.expiries
            self.relist(world, group, moment + place)
        self.settlement, self.engine = Settlement(self, world), Engine(self, world)
        self.refresh(world)

    def relist(self, world: "World", group: int, moment: int) -> None:
        """Give a group of slots a new expiry."""
        number = int(self.table.owner[group])
        surface, settings = self.surfaces[number], self.underlyings[number]
        self.table.list_group(group, moment, self.calendar, surface, settings, max(world.clock.tick, 0))
        self._marked = ()

    # Marks -----------------------------------------------------------------------------------------------------------

    def index_prices(self, world: "World") -> Floats:
        """(underlyings,) index in USD, now."""
        spot = world.spot()
        named = [world.oracle(item.oracle) if item.oracle else None for item in self.underlyings]
        pairs = zip(named, self.assets.tolist(), strict=True)
        return np.array([spot[asset] if oracle is None else oracle.price(asset) for oracle, asset in pairs])

    def units(self, world: "World") -> Floats:
        """(underlyings,) margin atoms per USD."""
        margin = self.margin_accounts
        atoms, spot = 10.0**margin.decimals, np.array([surface.spot for surface in self.surfaces])
        if margin.token == 0:
            return np.full(spot.size, atoms)
        return np.where(self.assets == margin.token, atoms / spot, 1.0 / world.prices.atom_price[margin.token])

    def years(self, world: "World") -> Floats:
        """(groups,) time to expiry."""
        return self.table.years(max(world.clock.tick, 0), world.clock.dt_years)

    def refresh(self, world: "World") -> None:
        """Bring surfaces and marks up to date with clock, index and order flow; cheap if nothing has changed."""
        tick, spots = max(world.clock.tick, 0), tuple(self.index_prices(world).tolist())
        if tick > self.aged:
            for surface in self.surfaces:
                surface.age(world.clock.dt)
            self.aged, self._marked = tick, ()
        if spots != self._marked:
            for surface, spot in zip(self.surfaces, spots, strict=True):
                surface.move(spot)
            self.table.revalue(self.surfaces, self.years(world))
            self._marked = spots

    def pressure(self) -> Floats:
        """(2, groups) customers' vega and tilt."""
        return np.stack([np.concatenate([getattr(s, name) for s in self.surfaces]) for name in ("vega", "tilt")])

    def press(self, push: Floats) -> None:
        """Add what a net flow changed."""
        for number, surface in enumerate(self.surfaces):
            groups = self.table.groups_of(number)
            surface.vega += push[0, groups]
            surface.tilt += push[1, groups]
        self._marked = ()

    def supply(self, world: "World") -> Supply:
        """Dealers whose margin is in order, and the spread of each series."""
        margin = self.margin_accounts
        return self.dealers.supply(margin.equity > margin.initial, self.half_spread * POINT)

    def outside(self, total: Ints) -> NDArray[np.bool_]:
        """(series,) where the outside world takes what dealers do not; total: (series,) atoms they can take."""
        if self.outside_dealers == "fallback":
            return total == 0
        return np.full(total.size, self.outside_dealers == "always")

    # Orders ----------------------------------------------------------------------------------------------------------

    def execute(self, world: "World", ints: Ints, reals: Floats) -> int:
        """Cash first, then quotes, then all trades as one batch; returns how many succeeded."""
        self.refresh(world)
        self.margin_accounts.evaluate(world)
        act, done = ints[:, ACT], 0
        cash, quotes = np.isin(act, (Act.DEPOSIT, Act.WITHDRAW)), act == Act.QUOTE
        if cash.any():
            done += self._cash(world, ints[cash])
        if quotes.any():
            done += self._quotes(world, ints[quotes], reals[quotes])
        trades = ~cash & ~quotes
        if trades.any():
            done += self._trade(world, ints[trades], reals[trades])
        return done

    def _cash(self, world: "World", ints: Ints) -> int:
        done = self.margin_accounts.cash(world, ints)
        self.margin_accounts.evaluate(world)
        return done

    def _quotes(self, world: "World", ints: Ints, reals: Floats) -> int:
        number = self.lookup[ints[:, TOKEN]]
        whole = np.isin(ints[:, TOKEN], self.assets) & (number < 0)
        points, amount = reals[:, LIMIT], ints[:, AMOUNT]
        status = np.zeros(len(ints), np.int64)
        status[(number < 0) & ~whole] = NOT_LISTED
        status[(amount < 0) | (amount > MOST) | ~(points >= 0.0) | (points > 1e4)] = BAD_AMOUNT
        for row in np.flatnonzero(status == 0).tolist():
            series = np.flatnonzero(self.table.asset == ints[row, TOKEN]) if whole[row] else number[[row]]
            self.dealers.set(int(ints[row, ACCOUNT]), series, int(amount[row]), float(points[row]), int(ints[row, KEY]))
        self._log(world, ints, status, Kind.QUOTE, amount, points)
        return int(np.count_nonzero(status == 0))

    def _trade(self, world: "World", ints: Ints, reals: Floats) -> int:
        fill = Batch(self, world, self.supply(world)).clear(ints, reals, world.events.count)
        sign = np.where(ints[:, ACT] == Act.BUY, 1, -1)
        self._log(world, ints, fill.status, Kind.TRADE, sign * ints[:, AMOUNT], fill.premium)
        self.margin_accounts.evaluate(world)
        return int(np.count_nonzero(fill.status == 0))

    def _log(self, world: "World", ints: Ints, status: Ints, kind: Kind, amount: Ints, value: Floats) -> None:
        ok = status == 0
        world.events.add_many(
            len(ints),
            np.where(ok, kind, Kind.TX_FAILED),
            actor=ints[:, ACCOUNT],
            protocol=self.index,
            token=ints[:, TOKEN],
            amount=np.where(ok, amount, 0),
            value=np.where(ok, value, self.reason(status)),
            cause=ints[:, CAUSE],
        )

    def reason(self, status: Ints) -> Ints:
        """Codes in `reasons` of statuses of clearing."""
        return status + len(shared.STATUS_TEXT) - 1

    def quote(self, world: "World") -> OptionsQuote:
        """All listed series at their marks, with the dealers' prices for a small order."""
        self.refresh(world)
        table, years, supply = self.table, self.years(world), self.supply(world)
        half, open_ = supply.half_spread, (supply.total > 0) | self.outside(supply.total)
        bid, ask = (
            table.price(np.maximum(table.volatility + s * half, 0.0), years)[:, 0] for s in (-1.0, 1.0)
        )  # fmt: skip
        margin = self.margin_accounts
        return OptionsQuote(
            self.index,
            frozen(table.token),
            frozen(table.asset),
            frozen(table.strike.copy()),
            frozen(years[table.group]),
            frozen(table.expiry[table.group]),
            frozen(table.is_call),
            frozen(table.volatility),
            frozen(table.mark),
            frozen(np.where(open_, bid, 0.0)),
            frozen(np.where(open_, ask, np.inf)),
            frozen(table.greeks),
            frozen(table.spot),
            self.fee,
            margin.token,
            margin.margin,
        )

    # Margin, losses, settlement --------------------------------------------------------------------------------------

    def netting(self, world: "World") -> tuple[float, float] | None:
        """Margin of accounts that net several venues, see `MarginAccounts.netting`."""
        return self.margin_accounts.netting(world) if self.clearing is None else None

    def margins(self, world: "World", contract: int = -1) -> MarginState:
        """Margin accounts of everybody, as of the last evaluation; there is one per account."""
        margin = self.margin_accounts
        return MarginState(margin.equity, margin.initial, margin.maintenance)

    def mark(self, world: "World") -> MarginBreaches | None:
        """Mark all accounts; those with options that fell below maintenance."""
        return self.engine.mark(world)

    def liquidate(self, world: "World") -> bool:
        """Buy back what breached writers are short; True if anything was traded."""
        return self.engine.liquidate(world)

    def exposed(self, world: "World") -> bool:
        """Whether a loss that no margin covers waits."""
        return bool(self.engine.losses)

    def absorb(self, world: "World") -> bool:
        """Insurance fund first, then everybody with equity."""
        return self.engine.absorb(world)

    def settle(self, world: "World") -> None:
        """Settle what expires and list it anew; settle daily with the outside world."""
        self.settlement.settle(world)

    def unit_value(self, world: "World", token: int, values: Floats) -> float:
        """Mark of a series in USD; margin at par, less what nobody stands for."""
        number = self.table.number.get(token)
        if number is None:
            return self.margin_accounts.unit_value(world, token, values)
        self.refresh(world)
        return float(self.table.mark[number])
