"""Markets and prices: where each asset trades, what it costs there, and what claims are worth."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion


@dataclass(frozen=True)
class Market:
    """One place where one asset trades against the numeraire."""

    index: int
    venue: str
    asset: int

    def __str__(self) -> str:
        return f"{self.venue}:{self.asset}"


class Markets:
    """All markets of a run. The first one declared for an asset is its reference unless the config names another."""

    def __init__(self) -> None:
        self.rows: list[Market] = []
        self.reference: dict[int, int] = {}
        self.contracts: dict[int, int] = {}
        """Contract token -> the market that prices it."""

    def declare(self, venue: str, asset: int, contract: int | None = None) -> Market:
        """Add the market of an asset on a venue; ConfigError for the numeraire, in which all prices are stated.

        contract: token of the derivative that is traded there in place of the asset; the market is then no reference
        for the asset itself.
        """
        if asset == 0:
            raise ConfigError(f'"{venue}" cannot trade the numeraire against itself; name another asset')
        market = Market(len(self.rows), venue, asset)
        self.rows.append(market)
        if contract is None:
            self.reference.setdefault(asset, market.index)
        else:
            self.contracts[contract] = market.index
        return market

    @property
    def of_token(self) -> dict[int, int]:
        """The market that prices each asset and contract, by token."""
        return self.reference | self.contracts

    def refer(self, asset: int, venue: str) -> None:
        """Make a venue's market the reference price of an asset; ConfigError if it does not trade there."""
        for market in self.rows:
            if market.asset == asset and market.venue == venue and market.index not in self.contracts.values():
                self.reference[asset] = market.index
                return
        venues = sorted({market.venue for market in self.rows if market.asset == asset})
        raise ConfigError(f'the asset does not trade on "{venue}"{suggestion(venue, venues)}')


class Prices:
    """Fundamentals, market prices and their history, and the value of every token.

    Attributes
    ----------
    fundamental: (ticks, assets) log fundamental price path, before jump shocks.
    shift: (assets,) log change that jump shocks have added so far.
    log_market: (markets,) log mid price on each market, written by its venue.
    history: (ticks, assets) reference market prices in USD.
    values: (tokens,) USD per whole token: market price of assets, fair value of claims, minus nothing for debts.
    atom_values: (tokens,) USD per atom, at the last valuation.
    atom_price: (tokens,) USD per atom of base assets, now; zero for claims.
    """

    def __init__(self, fundamental: NDArray[np.float64], markets: Markets, scales: NDArray[np.float64]) -> None:
        ticks, assets = fundamental.shape
        self.fundamental = fundamental
        self.shift = np.zeros(assets)
        self.log_market = np.zeros(len(markets.rows))
        self.previous_log_market = np.zeros(len(markets.rows))
        self.history = np.ones((ticks, assets))
        self.fundamental_history = np.ones((ticks, assets))
        self.scales = scales
        self.values = np.zeros(scales.size)
        self.atom_values = np.zeros(scales.size)
        self.atom_price = np.zeros(scales.size)
        self.last_event = np.zeros(scales.size, dtype=np.int64)
        """(tokens,) id of the last PRICE_MOVE of each asset and contract."""
        self.source = np.zeros(assets, dtype=np.int64)
        """(assets,) id of the event behind the current fundamental of an asset that a protocol issues; else 0."""
        self.markets = markets
        self._reference = np.array([markets.reference.get(asset, -1) for asset in range(assets)])

    def log_fundamental(self, tick: int) -> NDArray[np.float64]:
        """(assets,) log fundamental price including jump shocks."""
        return self.fundamental[tick] + self.shift

    def spot(self, tick: int) -> NDArray[np.float64]:
        """(assets,) reference market price in USD now; the fundamental where an asset has no market."""
        log = self.log_fundamental(tick)
        traded = self._reference >= 0
        log[traded] = self.log_market[self._reference[traded]]
        return np.exp(log)

    def record(self, tick: int) -> None:
        """Write the current prices into the history."""
        spot = self.spot(tick)
        self.history[tick] = spot
        self.atom_price[: spot.size] = spot / self.scales[: spot.size]
        self.fundamental_history[tick] = np.exp(self.log_fundamental(tick))
