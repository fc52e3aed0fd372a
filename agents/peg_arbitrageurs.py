"""Redeemers: keep an issued asset near what it is worth by minting, redeeming, buying and selling it."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.sizes import Sizes
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.errors import ConfigError
from sim.fields import NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import IssuerQuote, MarketQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

Atoms = NDArray[np.int64]
Rows = NDArray[np.intp]


@component("population", "peg_arbitrageurs")
class PegArbitrageurs(Population):
    """Buy a redeemable asset below what it is worth and redeem it; mint it when it costs more, and sell it.

    Units bought or minted are sold or redeemed at the next tick, whichever brings more. Waiting in the issuer's queue
    costs `patience_rate`, so a long queue leaves a discount that nobody closes.
    """

    risk = "counterparty"

    issuer: ProtocolName
    venue: ProtocolName
    """Where the asset trades."""
    capital_usd: Sizes = field(default_factory=lambda: Sizes(median=1_000_000.0, spread=0.5))
    """What they start with, in cash."""
    edge: NonNegative = 0.0005
    """What a dollar must earn after fees."""
    patience_rate: NonNegative = 0.5
    """Return per year forgone on money that waits in the queue."""
    attention: Share = 1.0
    """Probability that an account looks in a tick."""
    tip: NonNegative = 2.0
    """Priority bid in gwei."""

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Capital in cash."""
        self._look_up(view)
        return Endowment(balances={NUMERAIRE: usd_to_atoms(view, NUMERAIRE, self.capital_usd.draw(self.count, rng))})

    def _look_up(self, view: View) -> tuple[IssuerQuote, MarketQuote]:
        """The issuer and the market of its asset; ConfigError if there is none."""
        issuer = view.quotes[self.issuer]
        if not isinstance(issuer, IssuerQuote):
            raise ConfigError(f'population "{self.name}": "{self.issuer}" issues nothing that can be redeemed')
        market = view.quotes[self.venue].market(issuer.token)
        if market is None:
            raise ConfigError(f'population "{self.name}": "{self.venue}" does not trade what "{self.issuer}" issues')
        return issuer, market

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Let go of what is held, then take up what the price offers."""
        issuer, market = self._look_up(view)
        able = issuer.open_to[view.lo : view.hi] & ~view.pending()
        if self.attention < 1.0:
            able &= draws.uniform(draws.labels, 0) < self.attention
        held = np.where(able, view.balance(issuer.token), 0)
        cash = np.where(able & (held == 0), view.spendable(NUMERAIRE), 0)
        sent = self._let_go(view, issuer, market, held) if held.any() else []
        if not cash.any():
            return sent
        return sent + self._take_up(view, issuer, market, cash)

    def redeemed(self, view: View, issuer: IssuerQuote, more: int = 0) -> float:
        """USD today of a whole unit given back now, `more` atoms behind the queue."""
        ticks = (issuer.queued + more) // max(issuer.per_tick, 1)
        return issuer.value * (1.0 - issuer.redeem_fee) * float(np.exp(-self.patience_rate * ticks * view.dt_years))

    def _let_go(self, view: View, issuer: IssuerQuote, market: MarketQuote, held: Atoms) -> list[Intent]:
        """Sell as much as brings more than redemption; redeem the rest."""
        worth = self.redeemed(view, issuer, int(held.sum()))
        room = market.sell_to(worth / (1.0 - market.fee)) if market.price * (1.0 - market.fee) > worth else 0
        sold = _dealt(held, room)
        limit = worth * (1.0 - self.edge)
        return [
            *self._send(view, Act.SWAP, view.quotes[self.venue].venue, issuer.token, sold, NUMERAIRE, limit),
            *self._send(view, Act.REDEEM, issuer.venue, issuer.token, held - sold, -1, 0.0),
        ]

    def _take_up(self, view: View, issuer: IssuerQuote, market: MarketQuote, cash: Atoms) -> list[Intent]:
        """Buy up to what redemption brings, or mint what can be sold above what it costs; nothing in between."""
        most = self.redeemed(view, issuer) * (1.0 - self.edge)
        bid = most * (1.0 - market.fee)
        if market.price < bid:
            spent = _dealt(cash, market.buy_to(bid))
            return self._send(view, Act.SWAP, view.quotes[self.venue].venue, NUMERAIRE, spent, issuer.token, 1.0 / most)
        cost = issuer.value / (1.0 - issuer.mint_fee) * (1.0 + self.edge)
        ask = cost / (1.0 - market.fee)
        if market.price <= ask:
            return []
        scale = 10.0 ** (view.decimals(NUMERAIRE) - view.decimals(issuer.token))
        room = min(int(market.sell_to(ask) * scale * cost), issuer.mintable)
        return self._send(view, Act.MINT, issuer.venue, NUMERAIRE, _dealt(cash, room), issuer.token, 1.0 / cost)

    def _send(
        self, view: View, act: Act, venue: int, token: int, amount: Atoms, token2: int, limit: float
    ) -> list[Intent]:
        rows = np.flatnonzero(amount > 0)
        if not rows.size:
            return []
        cause = view.cause(view.quotes[self.issuer].token)
        return [
            Intent(
                act, venue, view.accounts[rows], token, amount[rows], token2, Motive.ARBITRAGE, limit, self.tip, cause
            )
        ]


def _dealt(have: Atoms, room: int) -> Atoms:
    """(n,) parts of `room` in proportion to what each has, together at most `room`."""
    total = float(have.sum())
    return have if room >= total else np.floor(have * (room / total)).astype(np.int64)
