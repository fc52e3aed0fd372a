"""Leveraged directional traders: bets on perpetuals at leverages from 2 to 50."""

from dataclasses import field
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.cadence import ticks_in
from agents.shared.hedging import Hedges, Rows
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.errors import ConfigError
from sim.fields import AssetName, Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import FuturesQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_ENTER, _EXIT, _SIDE, _FOLLOW = range(4)
_ROOM = 0.9
"""Part of the largest leverage that a venue allows which traders use at most, so that fees do not refuse an order."""
_DAY = 86_400.0
DAY = Duration(_DAY)


@component("population", "leveraged_traders")
class LeveragedTraders(Population):
    """Long or short at a leverage of their own, log-uniform over the population, until stopped out or liquidated.

    An account that is flat opens a position at a random time, with the trend or at random; it closes at a random time,
    at its stop loss or at its take profit. The position is leverage times equity at the venue.
    """

    risk = "liquidation"

    venue: ProtocolName
    """A venue of perpetuals."""
    assets: Annotated[list[AssetName], MinLen(1)]
    """Underlyings; accounts are spread over them evenly, or by `asset_shares`."""
    asset_shares: list[Positive] = field(default_factory=list)
    leverage: tuple[Positive, Positive] = (2.0, 50.0)
    """Range of the leverages."""
    equity_usd: Sizes = field(default_factory=lambda: Sizes(median=2_000.0))
    """What accounts deposit as margin."""
    collateral: AssetName | None = None
    """Another asset that the venue takes as margin, of which accounts deposit a part."""
    collateral_share: Share = 0.0
    """That part of their equity."""
    reserve: Share = 0.0
    """More of it, kept outside the venue."""
    invested: Share = 0.7
    """Share of accounts that start with a position."""
    long_share: Share = 0.5
    """Probability that a position that does not follow the trend is long."""
    trend_following: Share = 0.3
    """Probability that a new position follows the trend."""
    trend_window: Duration = DAY
    """Over which the trend is seen."""
    entries_per_day: NonNegative = 1.0
    """Rate at which a flat account opens a position."""
    exits_per_day: NonNegative = 1.0
    """Rate at which an open position is closed for no reason."""
    stop_loss: Positive | None = None
    """Loss, as a share of the equity at entry, at which a position is closed; none: it is held to liquidation."""
    take_profit: Positive | None = 1.0
    """Gain, as a share of the equity at entry, at which it is closed."""
    slippage: Share = 0.05
    """Largest accepted distance of the average price from the mid price."""

    number: NDArray[np.int64] = column(np.int64)
    """(n,) place of the account's asset."""
    multiple: NDArray[np.float64] = column()
    """(n,) leverage."""
    entry: NDArray[np.float64] = column()
    """(n,) price at which the open position was first seen; 0 when flat."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        faults = []
        if not 0.0 < self.leverage[0] <= self.leverage[1]:
            faults.append(("leverage", f"found {list(self.leverage)}; give the smaller number first"))
        if self.asset_shares and len(self.asset_shares) != len(self.assets):
            faults.append(("asset_shares", f"found {len(self.asset_shares)}; give one for each of the assets, or none"))
        return faults

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Leverages, margin deposits and first positions."""
        quote = view.quotes[self.venue]
        if not isinstance(quote, FuturesQuote) or quote.margin_asset != NUMERAIRE:
            raise ConfigError(f'population "{self.name}": "{self.venue}" is no venue of perpetuals margined in USD')
        n = self.count
        tokens = [view.token(name) for name in self.assets]
        self._markets = Hedges(view, self.venue, tokens)
        bounds = np.cumsum(self.asset_shares or [1.0] * len(tokens))
        self.number = np.searchsorted(bounds[:-1] / bounds[-1], rng.random(n), side="right")
        low, high = np.log(self.leverage)
        initial = np.array([self._markets.market(view, place).initial for place in range(len(tokens))])
        most = np.where(initial > 0.0, _ROOM / np.maximum(initial, 1e-12), np.inf)
        self.multiple = np.minimum(np.exp(rng.uniform(low, high, n)), most[self.number])
        self.entry = np.zeros(n)
        equity = self.equity_usd.draw(n, rng)
        balances, sent = self._margin(view, equity)
        starts = np.flatnonzero(rng.random(n) < self.invested)
        side = np.where(rng.random(n) < self.long_share, 1.0, -1.0)
        sent += self._open(view, starts, side[starts], equity[starts] * (1.0 - self.reserve))
        return Endowment(balances=balances, intents=sent)

    def _margin(self, view: View, equity: NDArray[np.float64]) -> tuple[dict[int, NDArray[np.int64]], list[Intent]]:
        """What accounts start with, by token, and the deposits of what is not kept outside the venue."""
        other = self.collateral_share if self.collateral else 0.0
        parts = {NUMERAIRE: 1.0 - other} | ({view.token(self.collateral): other} if self.collateral and other else {})
        balances, sent = {}, []
        for token, share in parts.items():
            balances[token] = usd_to_atoms(view, token, equity * share)
            margin = usd_to_atoms(view, token, equity * share * (1.0 - self.reserve))
            some = np.flatnonzero(margin > 0)
            if some.size:
                sent.append(Intent(Act.DEPOSIT, view.quotes[self.venue].venue, view.lo + some, token, margin[some]))
        return balances, sent

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Open, close, stop out."""
        held = self._markets.held(view, np.arange(self.count), self.number)
        price = self._markets.prices(view)[self.number]
        self.entry = np.where(held != 0.0, np.where(self.entry > 0.0, self.entry, price), 0.0)
        return self._close(view, draws, held, price) + self._enter(view, draws, held)

    def _close(self, view: View, draws: Draws, held: NDArray, price: NDArray) -> list[Intent]:
        rows = np.flatnonzero(held)
        gain = np.sign(held[rows]) * (price[rows] / self.entry[rows] - 1.0) * self.multiple[rows]
        leave = draws.uniform(rows, _EXIT) < self.exits_per_day / ticks_in(view, _DAY)
        leave |= gain < -(self.stop_loss or np.inf)
        leave |= gain > (self.take_profit or np.inf)
        rows = rows[leave]
        return self._markets.trades(view, rows, self.number[rows], -held[rows], Motive.MOMENTUM, self.slippage)

    def _enter(self, view: View, draws: Draws, held: NDArray) -> list[Intent]:
        flat = np.flatnonzero(held == 0.0)
        rows = flat[draws.uniform(flat, _ENTER) < self.entries_per_day / ticks_in(view, _DAY)]
        if not rows.size:
            return []
        side = np.where(draws.uniform(rows, _SIDE) < self.long_share, 1.0, -1.0)
        follows = draws.uniform(rows, _FOLLOW) < self.trend_following
        side = np.where(follows, self._trend(view)[self.number[rows]], side)
        equity = view.margin(self.venue).equity[rows] / 10.0 ** view.decimals(NUMERAIRE)
        worth = equity > 0.0
        return self._open(view, rows[worth], side[worth], equity[worth])

    def _trend(self, view: View) -> NDArray[np.float64]:
        window = ticks_in(view, self.trend_window)
        paths = [view.history(asset, window) for asset in self._markets.assets]
        return np.array([1.0 if path[-1] >= path[0] else -1.0 for path in paths])

    def _open(self, view: View, rows: Rows, side: NDArray, equity: NDArray) -> list[Intent]:
        """Positions of leverage times equity; all arrays (m,)."""
        number = self.number[rows]
        units = side * self.multiple[rows] * equity / self._markets.prices(view)[number]
        return self._markets.trades(view, rows, number, units, Motive.MOMENTUM, self.slippage)
