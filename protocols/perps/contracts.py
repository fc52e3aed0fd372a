"""Listed contracts of a derivative venue: their settings, and the state of each market.

A linear contract is one unit of the underlying, settled in the numeraire; an inverse one is one USD, settled in coins.
Both are worth their unit value in the margin asset, price or -1 / price, so that a position's profit is always its size
times the change of the unit value.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from protocols.perps import funding, prices
from protocols.perps.tiers import MarginTier, Tiers, half_of_initial, tier_table
from protocols.shared.depth.book import Book, DepthSettings
from protocols.shared.depth.kernels import average_price, log_price_change
from sim.errors import ConfigError
from sim.fields import AssetName, Duration, NonNegative, OracleName, Positive, Share
from sim.flows import OUTSIDE, Motive
from sim.tokens import TokenKind
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.interfaces import Oracle, Protocol
    from sim.world import World

HOUR = 3600.0
_INTERVAL, _SETTLEMENT, _BASIS = Duration(HOUR), Duration(0.5 * HOUR), Duration(150.0)
INVERSE_DECIMALS = 6


@dataclass(kw_only=True, eq=False)
class FundingSettings:
    """Funding of a perpetual. Defaults are those of Hyperliquid; Binance: 8h, linear weights, impact of 200 USD."""

    interval: Duration = _INTERVAL
    interest: float = funding.INTEREST
    """Per 8 hours."""
    clamp: NonNegative = funding.CLAMP
    """How far the interest may pull the rate away from the premium, per 8 hours."""
    cap: Positive = funding.HOURLY_CAP
    """Largest rate of one interval."""
    weighting: funding.Weighting = "plain"
    """How premium samples, one a tick, are averaged over the interval."""
    impact_usd: Positive = 20_000.0
    """USD of the order whose average fill gives the impact bid and ask."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [] if self.interval > 0.0 else [("interval", "found 0; funding falls due after some time")]


@dataclass(kw_only=True, eq=False)
class ContractSettings:
    """One contract. The book's volumes are whole contracts: units of the underlying, or USD if inverse."""

    name: str
    underlying: AssetName
    inverse: bool = False
    expiry: Duration | None = None
    """Time from the start of the run to settlement, which may lie beyond its end; None is a perpetual."""
    oracle: OracleName | None = None
    """Feed of the index; the reference market of the underlying if None."""
    book: DepthSettings
    impact: bool = True
    """False: whatever is traded, the price stays at the index."""
    inventory: Share = 0.0
    """Part of what outside market makers hold against the accounts that keeps displacing the price: they ask for it."""
    max_leverage: Annotated[float, Gt(1.0)] = 20.0
    """Of a single tier with half the initial margin as maintenance; `tiers` replace it."""
    tiers: list[MarginTier] = field(default_factory=list)
    funding: FundingSettings = field(default_factory=FundingSettings)
    fee: Share = 0.00045
    """Share of the notional that takers pay."""
    liquidation_fee: Share = 0.0
    """Share of the notional that a liquidated account pays to the insurance fund, as far as it can."""
    carry: float = 0.0
    """Log premium over the index per year to expiry at which a dated contract rests."""
    settlement_window: Duration = _SETTLEMENT
    """The settlement price is the mean index over this long before expiry."""
    basis_window: Duration = _BASIS
    """Time constant of the average basis in the mark."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = []
        if self.carry and self.expiry is None:
            found.append(("carry", "only dated contracts rest away from the index; set expiry, or remove carry"))
        if self.expiry is not None and self.expiry <= 0.0:
            found.append(("expiry", "found 0; a dated contract trades for some time"))
        if self.basis_window <= 0.0:
            found.append(("basis_window", "found 0; the basis is averaged over some time"))
        try:
            self.tier_table()
        except ConfigError as error:
            found.append(("tiers", str(error)))
        return found

    def tier_table(self) -> Tiers:
        """Margin tiers as arrays."""
        alone = MarginTier(maintenance=float(half_of_initial(self.max_leverage)), max_leverage=self.max_leverage)
        return tier_table(self.tiers or [alone])


class ContractBook(Book):
    """A book whose makers keep asking for the inventory that they hold: it rests where that displaces it to."""

    def __init__(self, settings: DepthSettings, market: int, units: tuple[float, float]) -> None:
        super().__init__(settings, market, units)
        self.rest = 0.0
        """Displaced volume to which the book recovers, in whole contracts."""

    def relax(self, world: "World") -> None:
        """One tick without orders: what displaces it beyond `rest` decays, volatility thins it."""
        if self.x != self.rest:
            gone = (self.rest - self.x) * -math.expm1(-self.rate * world.clock.dt)
            world.flows.credit(self.market, OUTSIDE, Motive.RECOVERY, log_price_change(self.x, gone, self.depth))
            self.x += gone
        if self.settings.thinning:
            self._thin(world)
        world.prices.log_market[self.market] = self.log_price()


class Contract:
    """One listed contract: its tokens, its book, and its prices as of now.

    Attributes
    ----------
    token, market, asset: indices of the contract token, of its market and of the underlying.
    index, mark, mid, last: USD; last is NaN before the first trade. rate: of the last funding interval.
    cost: int64 (accounts,) margin atoms paid for each account's open position, less what was received for it.
    """

    def __init__(self, settings: ContractSettings, world: "World", venue: "Protocol", label: str) -> None:
        self.settings, self.inverse = settings, settings.inverse
        asset = world.tokens[settings.underlying]
        decimals = INVERSE_DECIMALS if settings.inverse else asset.decimals
        name = f"{venue.name}.{settings.name}"
        token = world.tokens.declare(name, TokenKind.CONTRACT, decimals, venue.account, asset.index)
        self.token, self.asset, self.decimals = token.index, asset.index, decimals
        self.market = world.markets.declare(label, asset.index, contract=self.token).index
        self.tiers = settings.tier_table()
        self.expiry = -1 if settings.expiry is None else max(1, math.ceil(settings.expiry / world.clock.dt - 1e-9))
        self.settled = False
        self.forced_at = -1
        """Last tick at which positions were closed up to the price band."""
        self.rate, self.funding_event = 0.0, 0

    def open(self, world: "World", margin: int) -> None:
        """Start at the index. margin: token in which it settles."""
        settings = self.settings
        self.feed: Oracle | None = world.oracle(settings.oracle) if settings.oracle else None
        if self.feed is not None and self.feed.asset != settings.underlying:
            raise ConfigError(
                f'contract "{settings.name}": oracle "{settings.oracle}" reports {self.feed.asset}; '
                f"name one that reports {settings.underlying}"
            )
        self.scale = 10.0**self.decimals
        self.margin_scale = 10.0 ** world.tokens.rows[margin].decimals
        self.unit = self.margin_scale / self.scale
        self.reference = world.markets.reference.get(self.asset, -1)
        self.book = ContractBook(settings.book, self.market, (self.scale, 10.0 ** world.tokens.rows[0].decimals))
        self.cost = np.zeros(world.accounts.count, dtype=np.int64)
        self._years = world.clock.dt / SECONDS_PER_YEAR
        self.index = self._look(world)
        self.book.open(world, self.anchor(0))
        self.mark, self.last, self.basis = self.mid, math.nan, 0.0
        self.average = funding.PremiumAverage(settings.funding.weighting)
        self._window = max(1, round(settings.settlement_window / world.clock.dt))
        self._seen: list[float] = []
        self._interest = (-1, 0.0)

    # Prices ----------------------------------------------------------------------------------------------------------

    def _look(self, world: "World") -> float:
        if self.feed is not None:
            return self.feed.price(self.asset)
        if self.reference >= 0:
            return math.exp(world.prices.log_market[self.reference])
        return math.exp(world.prices.log_fundamental(max(world.clock.tick, 0))[self.asset])

    @property
    def mid(self) -> float:
        """USD mid price of the book."""
        return math.exp(self.book.log_price())

    @property
    def dated(self) -> bool:
        """Whether it has an expiry; if so it pays no funding."""
        return self.expiry >= 0

    def anchor(self, tick: int) -> float:
        """Log price at rest: the index, with the carry that is left to expiry."""
        left = max(self.expiry - tick, 0) * self._years if self.dated and self.settings.carry else 0.0
        return math.log(self.index) + self.settings.carry * left

    def follow(self, world: "World") -> None:
        """Bring index and book up to what can be seen now."""
        self.index = self._look(world)
        event = int(world.flows.lead_event[self.reference]) if self.reference >= 0 else 0
        if self.feed is not None:
            event = self.feed.event or event
        self.book.follow(world, self.anchor(max(world.clock.tick, 0)), Motive.INDEX, event)
        world.prices.log_market[self.market] = self.book.log_price()

    def advance(self, world: "World") -> None:
        """One tick without orders: the book follows its index and refills; premium and basis are sampled."""
        self.follow(world)
        held = -int(world.ledger.balance[self.token, 0]) / self.scale
        self.book.rest = self.settings.inventory * held
        self.book.relax(world)
        self.basis = float(
            prices.follow_basis(self.basis, self.mid - self.index, world.clock.dt, self.settings.basis_window)
        )
        if not self.dated:
            self.average.add(self.premium())

    def premium(self) -> float:
        """How far the index lies outside the impact bid and ask, over the index."""
        size = self.settings.funding.impact_usd / (1.0 if self.inverse else self.index)
        return float(funding.premium(self.average_price(-size), self.average_price(size), self.index))

    def average_price(self, size: float) -> float:
        """Average USD price of trading so many whole contracts now; inverse contracts average the reciprocal."""
        return fill_price(self.book.x, size, math.exp(self.book.anchor), self.book.depth, self.inverse)

    def remark(self) -> None:
        """Mark price: median of index with average basis, mid and last trade."""
        self.mark = float(prices.mark_price(self.index, self.basis, self.mid, self.last))

    def note_index(self) -> None:
        """Keep the index for the settlement price."""
        self._seen = [*self._seen[-self._window + 1 :], self.index] if self._window > 1 else [self.index]

    def settlement_price(self) -> float:
        """Mean index over the settlement window."""
        return math.fsum(self._seen) / len(self._seen)

    # Value -----------------------------------------------------------------------------------------------------------

    def value(self, price: float) -> float:
        """Margin atoms that one contract atom is worth at a price."""
        return (-1.0 / price if self.inverse else price) * self.unit

    def price_of(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """The price at which one contract atom is worth this many margin atoms; infinite if there is none."""
        if not self.inverse:
            return value / self.unit
        return np.where(value < 0.0, -self.unit / np.where(value < 0.0, value, -1.0), np.inf)

    def usd(self, atoms: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """USD notional of positions at the mark."""
        return np.abs(atoms) / self.scale * (1.0 if self.inverse else self.mark)

    @property
    def atoms_per_usd(self) -> float:
        """Margin atoms per USD at the mark."""
        return self.margin_scale / (self.mark if self.inverse else 1.0)

    def open_interest(self, world: "World") -> float:
        """Whole contracts held long."""
        if self._interest[0] != world.ledger.postings:
            row = world.ledger.balance[self.token]
            self._interest = (world.ledger.postings, float(row[row > 0].sum()) / self.scale)
        return self._interest[1]


def fill_price(x: float, size: float, anchor: float, depth: object, inverse: bool) -> float:
    """Average price of a trade of so many whole contracts from state x, infinite beyond what a price can be."""
    if not inverse:
        return float(average_price(x, size, anchor, depth))
    reciprocal = average_price(-x, -size, 1.0 / anchor, depth)
    return 1.0 / reciprocal if reciprocal > 0.0 else math.inf
