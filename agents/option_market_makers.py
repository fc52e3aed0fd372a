"""Dealers in options: quotes that widen with inventory, margin and news, hedged delta, limits on vega."""

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.shared.cadence import on_turn, ticks_in
from agents.shared.epochs import Auctions
from agents.shared.hedging import Rows, by_group
from agents.shared.option_positions import GAMMA, VEGA, OptionPositions
from agents.shared.option_trader import DAY, MONTH, OptionTrader
from agents.shared.state import column
from sim.fields import Duration, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.hedging import HedgeRule
from sim.intents import Act, Intent
from sim.registry import component
from sim.rng import Draws
from sim.views import View

_SPENT = 0.9
"""Part of the wallet that a bid may take."""


@component("population", "option_market_makers")
class OptionMarketMakers(OptionTrader):
    """Quote every series of their underlyings both ways, at a distance in vol points from the venue's mark:

    half_spread + vega_points * use of the vega limit + gamma_points * gamma per capital + realised_points for every vol
    point by which realised stands above implied volatility + auction_points ahead of auctions whose dates are known.
    What is quoted shrinks with the room left under the vega limit; nothing is while margin use is too high.
    """

    risk = "IV shift"

    hedge: HedgeRule
    """When the hedge is adjusted, and how far."""
    half_spread: NonNegative = 1.0
    """Vol points (0.01) without inventory."""
    depth: Positive = 0.1
    """Underlying value of the options quoted in each series, in units of capital, without inventory."""
    most_vega: Positive = 0.5
    """Limit of net vega per 1.0 of volatility, in units of capital; 0.5 is 0.5 % of capital per vol point."""
    vega_points: NonNegative = 5.0
    """Vol points added at the limit of vega, in proportion below it."""
    gamma_points: NonNegative = 1.0
    """Vol points added when a move of 1 % changes delta by as much as capital, in proportion below it."""
    realised_points: NonNegative = 0.5
    """Vol points added for every vol point of realised above implied volatility."""
    window: Duration = DAY
    """Over which volatility is realised."""
    most_margin: Share = 0.6
    """Initial margin over equity above which an account takes its quotes back."""
    auctions: Auctions | None = None
    """Of a vault whose sales they expect."""
    auction_points: NonNegative = 4.0
    """Vol points added ahead of an auction, so that what the vault sells is bought at a lower volatility."""
    ahead: Duration = DAY
    """How long before an auction they are, and until it is over."""
    vaults: list[ProtocolName] = field(default_factory=list)
    """Vaults in whose auctions they bid what options are worth at the volatility of their own bids."""
    every: Duration = Duration(600.0)
    """Time between two quotes of an account."""

    width: NDArray[np.float64] = column()
    """(n,) vol points last quoted either side of the mark."""

    def enter_at_opening(self, view: View, capital: NDArray[np.float64]) -> list[Intent]:
        """Quotes without inventory."""
        self.width = np.full(self.count, self.half_spread)
        self._last_bid = dict.fromkeys(self.vaults, -1)
        sent = []
        for number, members in by_group(self.number):
            sent += self._quotes(view, number, members, np.ones(members.size))
        return sent

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Hedge; quote anew on turn."""
        positions = self.positions(view)
        sent = self.rebalance(view, positions)
        turn = on_turn(view.tick, self.phase, ticks_in(view, self.every))
        margin = view.margin(self.options)
        calm = margin.initial < self.most_margin * margin.equity
        for number, members in by_group(np.where(turn, self.number, -1)):
            used = np.abs(positions.greeks[members, VEGA]) / (self.most_vega * self.capital[members])
            room = np.where(calm[members], np.maximum(1.0 - used, 0.0), 0.0)
            self.width[members] = self._widths(view, number, members, used, positions)
            sent += self._quotes(view, number, members, room)
        for name in self.vaults:
            offer = view.quotes[name]
            if offer.on_offer and offer.epoch != self._last_bid[name]:
                self._last_bid[name] = offer.epoch
                sent += self._bids(view, offer, np.flatnonzero(calm))
        return sent

    def _bids(self, view: View, offer: Any, rows: Rows) -> list[Intent]:
        """Sealed bids for what a vault offers, as far as depth and wallets reach."""
        quote = self.quote(view)
        if not np.isin(offer.on_offer, quote.token).all():
            return []
        series = [int(np.flatnonzero(quote.token == token)[0]) for token in offer.on_offer]
        asset, ratios = int(quote.underlying[series[0]]), np.array(offer.ratios)
        rows = rows[np.array(self.tokens)[self.number[rows]] == asset]
        vega = float((np.abs(ratios) * quote.greeks[series, VEGA]).sum())
        price = float((ratios * quote.mark[series]).sum()) - 0.01 * vega * self.width[rows]
        rows, price = rows[price > max(offer.reserve, 0.0)], price[price > max(offer.reserve, 0.0)]
        wallet = view.balance(quote.margin_asset)[rows] / 10.0 ** view.decimals(quote.margin_asset)
        most = np.minimum(self.depth * self.capital[rows] / view.prices[asset], _SPENT * wallet / price)
        atoms = np.minimum(np.floor(most * 10.0 ** view.decimals(asset)), offer.amount).astype(np.int64)
        some = atoms > 0
        if not some.any():
            return []
        who, token = view.lo + rows[some], offer.on_offer[0]
        return [Intent(Act.BID, offer.venue, who, token, atoms[some], motive=self.motive, limit=price[some])]

    def _widths(
        self, view: View, number: int, members: Rows, used: NDArray[np.float64], positions: OptionPositions
    ) -> NDArray[np.float64]:
        """(m,) vol points either side of the mark."""
        spot = view.prices[self.tokens[number]]
        gamma = np.abs(positions.greeks[members, GAMMA]) * spot**2 * 0.01 / self.capital[members]
        news = self.realised(view, number, self.window) - self.implied(view, number, MONTH)
        points = self.half_spread + self.vega_points * used + self.gamma_points * gamma
        points += self.realised_points * 100.0 * max(news if np.isfinite(news) else 0.0, 0.0)
        if self.auctions is not None and self.auctions.until(view) <= self.ahead:
            points += self.auction_points
        return np.asarray(points)

    def _quotes(self, view: View, number: int, rows: Rows, room: NDArray[np.float64]) -> list[Intent]:
        """Quotes in all series of an underlying; room: (m,) share of the full depth, none takes quotes back."""
        asset = self.tokens[number]
        whole = self.depth * room * self.capital[rows] / view.prices[asset]
        atoms = np.floor(whole * 10.0 ** view.decimals(asset)).astype(np.int64)
        limit, venue = self.width[rows], self.quote(view).venue
        return [Intent(Act.QUOTE, venue, view.lo + rows, asset, atoms, motive=self.motive, limit=limit)]

    @property
    def motive(self) -> Motive:
        """Why options are traded."""
        return Motive.MARKET_MAKING
