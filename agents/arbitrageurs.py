"""Arbitrageurs: trade pools back to the price of a reference market and hedge there."""

from dataclasses import field
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.crossing import Opportunity, find_opportunity
from agents.shared.sizes import Sizes
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, Desk, usd_to_atoms
from sim.chain import GAS, GWEI
from sim.fields import AssetName, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.registry import component
from sim.rng import Draws
from sim.views import View


@component("population", "arbitrageurs")
class Arbitrageurs(Population):
    """Trade each pool to the edge of its no-arbitrage band and take the opposite leg on the reference market.

    Both legs are sent in the same tick from inventory, so size is bounded by capital; the reference leg also brings an
    inventory back home that a failed or late leg has moved.
    """

    risk = "execution"

    assets: Annotated[list[AssetName], MinLen(1)]
    """What they watch."""
    venues: Annotated[list[ProtocolName], MinLen(2)]
    """The reference market first, then the pools that they tie to it."""
    competition: Literal["split", "fastest"] = "split"
    """split: equal parts for every attentive account that still earns its costs; fastest: all for the one that is first
    this tick, and what its capital leaves over for the next."""
    attention: Share = 1.0
    """Probability that an account looks at a pool in a tick."""
    capital_usd: Sizes = field(default_factory=lambda: Sizes(median=2_000_000.0, spread=0.5))
    """What they start with: half cash, half assets in equal parts."""
    min_profit_usd: NonNegative = 1.0
    """What a trade must earn after gas."""
    bid_share: Share = 0.1
    """Share of the profit that is bid for block space, above the tip."""
    slippage: Share = 0.05
    """Largest accepted distance of the reference leg's average price, fee included, from the mid price."""
    tip: NonNegative = 2.0
    """Least priority bid in gwei."""

    home: NDArray[np.int64] = column(np.int64)
    """(n, assets) inventory in atoms that hedges return to: what was spendable at the first tick."""

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Capital, half in cash, the rest in equal parts in the assets."""
        half = 0.5 * self.capital_usd.draw(self.count, rng)
        tokens = [view.token(name) for name in self.assets]
        self._hedging = Desk(view, self.venues[:1], tokens, Motive.ARBITRAGE, self.slippage, self.tip)
        balances = {token: usd_to_atoms(view, token, half / len(tokens)) for token in tokens}
        return Endowment(balances=balances | {NUMERAIRE: usd_to_atoms(view, NUMERAIRE, half)})

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Compare every pool with the reference; trade where that pays."""
        if not self.count:
            return []
        tokens = [view.token(name) for name in self.assets]
        if not self.home.size:
            self.home = np.stack([view.spendable(token) for token in tokens], axis=1)
        least = self._usd_per_gwei(view) * (view.gas_price + self.tip) + self.min_profit_usd
        least *= 10.0 ** view.decimals(NUMERAIRE)
        intents: list[Intent] = []
        purse: _Purse | None = None
        for number, asset in enumerate(tokens):
            opportunities = self._opportunities(view, asset, least)
            if not opportunities:
                continue
            purse = purse or _Purse(view)
            change = np.zeros(self.count, dtype=np.int64)
            for place, venue, found in opportunities:
                take = self._shares(draws, number * len(self.venues) + place, asset, found, least, purse)
                if take.any():
                    intents.append(self._pool_leg(view, venue, asset, found, take, purse))
                    change += take if found.buys else -take
            if change.any():
                intents += self._hedge(view, asset, change, self.home[:, number], purse)
        return intents

    def _opportunities(self, view: View, asset: int, least: float) -> list[tuple[int, int, Opportunity]]:
        """(place in venues, venue, opportunity) of each pool that leaves somebody `least` numeraire atoms."""
        reference = view.quotes[self.venues[0]].market(asset)
        late = self.observation_delay or self.observation_noise
        belief = float(view.prices[asset]) if late else reference.price
        least /= max(1.0 - self.bid_share, 1e-12)
        opportunities = []
        for place, name in enumerate(self.venues[1:]):
            pool = view.quotes[name].market(asset)
            found = None if pool is None else find_opportunity(pool, reference, belief, least)
            if found is not None and found.profit > 0 and found.outlay > 0:
                opportunities.append((place, view.quotes[name].venue, found))
        return opportunities

    def _shares(
        self, draws: Draws, slot: int, asset: int, found: Opportunity, least: float, purse: "_Purse"
    ) -> NDArray[np.int64]:
        """(n,) asset atoms each account trades: its part of the opportunity, if that earns `least` numeraire atoms."""
        able = np.minimum(purse.free(asset), purse.free(NUMERAIRE) * (found.size / found.outlay)).astype(np.int64)
        able[purse.pending] = 0
        queue = (able > 0).nonzero()[0]
        queue = queue[draws.uniform(queue, 2 * slot) < self.attention]
        queue = queue[np.lexsort((draws.labels[queue], draws.uniform(queue, 2 * slot + 1)))]
        earns = found.profit * (1.0 - self.bid_share)
        if self.competition == "split":
            queue = queue[: int(min(earns / max(least, 1e-12), queue.size))]
            part = np.minimum(found.size // max(queue.size, 1), able[queue])
        else:
            part = np.clip(found.size - np.cumsum(able[queue]) + able[queue], 0, able[queue])
        take = np.zeros(self.count, dtype=np.int64)
        take[queue] = np.where(earns * part >= least * found.size, part, 0)
        return take

    def _usd_per_gwei(self, view: View) -> float:
        """USD that a swap costs for each gwei of gas price."""
        return float(GAS[Act.SWAP] * GWEI * view.prices[view.native])

    def _pool_leg(
        self, view: View, venue: int, asset: int, found: Opportunity, take: NDArray[np.int64], purse: "_Purse"
    ) -> Intent:
        """The swap in the pool, no worse than the reference; sets both legs' money aside."""
        rows, part = np.flatnonzero(take), take / found.size
        given, wanted = (NUMERAIRE, asset) if found.buys else (asset, NUMERAIRE)
        amount = {asset: take, NUMERAIRE: (part * found.outlay).astype(np.int64)}
        purse.pay(given, amount[given])
        purse.keep(wanted, amount[wanted])
        bid = part[rows] * self.bid_share * found.profit / 10.0 ** view.decimals(NUMERAIRE)
        return Intent(
            Act.SWAP,
            venue,
            view.accounts[rows],
            given,
            amount[given][rows],
            token2=wanted,
            motive=Motive.ARBITRAGE,
            limit=1.0 / found.limit if found.buys else found.limit,
            tip=self.tip + bid / self._usd_per_gwei(view),
            cause=view.cause(asset),
        )

    def _hedge(
        self, view: View, asset: int, change: NDArray[np.int64], home: NDArray[np.int64], purse: "_Purse"
    ) -> list[Intent]:
        """Sell on the reference what the pools will add to the home inventory, buy what they will take from it."""
        excess = np.where(change != 0, view.spendable(asset) + change - home, 0)
        sell = np.minimum(np.maximum(excess, 0), purse.release(asset))
        short = np.maximum(-excess, 0)
        total = int(short.sum())
        each = view.quotes[self.venues[0]].market(asset).cost(total) / total if total else 0.0
        spend = np.minimum(np.ceil(short * each).astype(np.int64), purse.release(NUMERAIRE))
        purse.pay(NUMERAIRE, spend)
        usual = np.zeros(self.count, dtype=np.int64)
        return self._hedging.swaps(view, np.arange(self.count), usual, usual + asset, spend - sell)


class _Purse:
    """Balances while the legs of one tick are put together: what is free, and what is kept for hedges.

    Nobody trades against a pool while an earlier trade of theirs still waits for a block.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._free: dict[int, NDArray[np.int64]] = {}
        self._kept: dict[int, NDArray[np.int64]] = {}

    @cached_property
    def pending(self) -> NDArray[np.bool_]:
        """(n,) whose trade waits."""
        return self._view.pending()

    def free(self, token: int) -> NDArray[np.int64]:
        """(n,) atoms that no leg needs yet."""
        if token not in self._free:
            self._free[token] = np.array(self._view.spendable(token))
            self._kept[token] = np.zeros(self._view.n, dtype=np.int64)
        return self._free[token]

    def pay(self, token: int, amount: NDArray[np.int64]) -> None:
        """Take (n,) atoms out."""
        self.free(token)[:] -= amount

    def keep(self, token: int, amount: NDArray[np.int64]) -> None:
        """Set (n,) atoms aside for a hedge."""
        self.pay(token, amount)
        self._kept[token] += amount

    def release(self, token: int) -> NDArray[np.int64]:
        """(n,) free atoms once those kept for hedges are free again."""
        self.free(token)[:] += self._kept[token]
        self._kept[token][:] = 0
        return self._free[token]
