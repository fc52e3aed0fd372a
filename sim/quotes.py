"""The public state of venues, as views carry it: what any account could read off the chain or a screen.

`view.quotes[name]` is a `TradingQuote` for a venue that trades, a `LendingQuote` for a lending pool.
Amounts are atoms; prices are USD per whole token; rates are per year.
"""

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
