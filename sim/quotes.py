"""The public state of venues, as views carry it: what any account could read off the chain or a screen.

`view.quotes[name]` is a `TradingQuote` for a venue that trades spot, a `LendingQuote` for a lending pool, a
`FuturesQuote` for perpetuals and dated contracts, an `OptionsQuote` for options, an `IssuerQuote` for an asset that can
be redeemed.
Amounts are atoms; prices are USD per whole token; rates are per year.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class MarketQuote(Protocol):
    """One asset on one venue, against the numeraire, at its current state (no other order in between)."""

    price: float
    """Mid price in USD."""
    fee: float
    """Share of the input that the venue keeps."""

    def sell(self, amount: int) -> int:
        """Numeraire atoms received for `amount` asset atoms."""

    def buy(self, amount: int) -> int:
        """Asset atoms received for `amount` numeraire atoms."""

    def cost(self, amount: int) -> int | None:
        """Numeraire atoms that buy `amount` asset atoms; None if the market does not have them."""

    def sell_to(self, price: float) -> int:
        """Asset atoms whose sale brings the mid price down to `price`; 0 if it is there already."""

    def buy_to(self, price: float) -> int:
        """Numeraire atoms whose spending brings the mid price up to `price`; 0 if it is there already."""


class TradingQuote(Protocol):
    """A venue that trades one or more assets against the numeraire."""

    venue: int
    """Index of the protocol, for intents."""

    def market(self, asset: int) -> MarketQuote | None:
        """The market of an asset; None if the venue does not trade it."""


class PoolShares(NamedTuple):
    """The liquidity side of a pool, under `quote.shares` of a venue that has one."""

    token: int
    """Token index of the pool's shares."""
    supply: int
    reserves: tuple[int, int]
    """Atoms of (asset, numeraire) in the pool."""
    asset: int
    fee_per_year: float
    """Fees earned per unit of pool value, annualised over the recent past."""


class LendingQuote(NamedTuple):
    """A pooled lending protocol. Arrays have one entry per reserve."""

    venue: int
    assets: tuple[int, ...]
    """Base asset of each reserve, as token index."""
    receipts: tuple[int, ...]
    """Receipt token of each reserve; balances are scaled, multiply by supply_index for atoms of the asset."""
    debts: tuple[int, ...]
    """Debt token of each reserve; balances are negative and scaled, multiply by borrow_index."""
    ltv: NDArray[np.float64]
    liquidation_threshold: NDArray[np.float64]
    liquidation_bonus: NDArray[np.float64]
    supply_index: NDArray[np.float64]
    borrow_index: NDArray[np.float64]
    supply_rate: NDArray[np.float64]
    borrow_rate: NDArray[np.float64]
    utilisation: NDArray[np.float64]
    cash: NDArray[np.int64]
    """Atoms that can be withdrawn or borrowed now."""
    oracle: NDArray[np.float64]
    """USD price of each reserve's asset as the protocol sees it."""
    cover: NDArray[np.float64]
    """Fair value of each receipt over its nominal value; 1 without losses."""
    flash_fee: float
    flash_debts: tuple[int, ...]
    """Flash-debt token of each reserve; balances are negative until the loan is given back."""
    rate_with: Callable[[int, NDArray[np.float64]], NDArray[np.float64]] | None = None
    """(reserve, atoms of deposits more than now) -> supply rate per year there would be; None if it is not known."""

    def reserve(self, asset: int) -> int:
        """Reserve number of a base asset; ValueError if there is none."""
        return self.assets.index(asset)


class Breaches(NamedTuple):
    """Liquidatable positions of a lending protocol after a mark. Arrays have one entry per position."""

    venue: int
    account: NDArray[np.int64]
    health: NDArray[np.float64]
    debt_asset: NDArray[np.int64]
    collateral_asset: NDArray[np.int64]
    repay: NDArray[np.int64]
    """Most atoms of the debt asset that can be repaid at once."""
    seize: NDArray[np.int64]
    """Collateral atoms that repaying it pays out to the liquidator, bonus included, protocol fee excluded."""
    event: NDArray[np.int64]
    """BREACH event of each position, to name as the cause of a liquidation."""
    flash_fee: float


class ContractQuote(Protocol):
    """One contract, perpetual or dated, linear or inverse, at its current state. Prices are USD per underlying."""

    contract: int
    """Token index of the contract. One whole contract is one unit of the underlying, or one USD if inverse."""
    underlying: int
    price: float
    """Mid price."""
    mark: float
    index: float
    funding: float
    """What longs pay, per year of notional, at the last rate; 0 for dated contracts."""
    expiry: int
    """Tick of settlement; -1 for a perpetual."""
    inverse: bool
    fee: float
    """Share of the notional that a taker pays."""
    open_interest: float
    """Whole contracts held long."""
    initial: float
    """Initial margin as a share of the notional of a small position."""
    maintenance: float

    def average_price(self, size: float) -> float:
        """Average price of buying (below zero: selling) so many whole contracts at once; infinite beyond the book."""


class FuturesQuote(NamedTuple):
    """A venue of perpetual or dated contracts, under the protocol's name."""

    venue: int
    contracts: tuple[ContractQuote, ...]
    margin_asset: int
    """What deposits are made in."""
    margin: int
    """Claim token of deposits."""

    def contract(self, underlying: int, expiry: int = -1) -> ContractQuote | None:
        """The contract of an asset and expiry; None if there is none."""
        return next((c for c in self.contracts if (c.underlying, c.expiry) == (underlying, expiry)), None)


class OptionsQuote(NamedTuple):
    """A venue of European options. Arrays have one entry per listed series; amounts of money are USD per option."""

    venue: int
    token: NDArray[np.int64]
    """Contract token of each series."""
    underlying: NDArray[np.int64]
    strike: NDArray[np.float64]
    years: NDArray[np.float64]
    """Time to expiry."""
    expiry: NDArray[np.int64]
    """Tick of settlement."""
    is_call: NDArray[np.bool_]
    volatility: NDArray[np.float64]
    """Implied, at the mark."""
    mark: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    greeks: NDArray[np.float64]
    """(series, 5) delta, gamma, vega, theta, rho of the mark: per USD, per USD squared, per 1.0, per year, per 1.0."""
    spot: NDArray[np.float64]
    """Index price of each series' underlying."""
    fee: float
    """Share of the underlying's value paid per option traded."""
    margin_asset: int
    margin: int

    def series(self, underlying: int, is_call: bool, years: float, delta: float) -> int:
        """The series of an underlying whose expiry is nearest to `years` and absolute delta nearest to `delta`.

        Raises ValueError if the venue lists none.
        """
        mine = np.flatnonzero((self.underlying == underlying) & (self.is_call == is_call) & (self.years > 0.0))
        if not mine.size:
            raise ValueError(f"no {'call' if is_call else 'put'} on token {underlying} is listed")
        nearest = mine[np.abs(self.years[mine] - years) <= np.abs(self.years[mine] - years).min() + 1e-12]
        return int(nearest[np.argmin(np.abs(np.abs(self.greeks[nearest, 0]) - delta))])


class IssuerQuote(NamedTuple):
    """An issuer of a redeemable asset, such as a stablecoin. Money is in USD per whole unit."""

    venue: int
    token: int
    """The asset it issues."""
    value: float
    """What a unit is worth in redemption: what stands behind it, at most 1."""
    backing: float
    """Net assets over units outstanding, surplus included."""
    mint_fee: float
    redeem_fee: float
    """Shares of what is paid in and paid out."""
    queued: int
    """Atoms that wait to be redeemed."""
    per_tick: int
    """Most atoms redeemed in a tick."""
    mintable: int
    """Most atoms of the numeraire taken for new units in a tick."""
    open_to: NDArray[np.bool_]
    """(accounts,) who may mint and redeem."""


class MarginState(NamedTuple):
    """A population's margin accounts as of the last mark, (n,) atoms of the margin asset, read-only."""

    equity: NDArray[np.float64]
    initial: NDArray[np.float64]
    maintenance: NDArray[np.float64]
