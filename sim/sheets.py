"""Balance sheets of populations by asset: what the ledger says once every token is opened into what moves its value."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim import exposure
from sim.quotes import FuturesQuote, OptionsQuote

if TYPE_CHECKING:
    from sim.world import World

Floats = NDArray[np.float64]
STEP = 0.01
"""Relative price change at which the depth of markets is measured."""


@dataclass(frozen=True)
class Sheets:
    """Of the populations that have accounts. Accounts of one population are netted token by token.

    names: of the populations. held, owed: (n, assets) USD of each asset, numeraire first, both >= 0.
    """

    names: list[str]
    held: Floats
    owed: Floats

    @property
    def equity(self) -> Floats:
        """(n,) USD."""
        return np.asarray(self.held.sum(axis=1) - self.owed.sum(axis=1))

    def felt(self, impact: Floats) -> Floats:
        """(assets,) of these price impacts those that anybody feels: 0 where nobody holds or owes the asset.

        NaN where a venue bids for nothing, since no sale can be told there.
        """
        concerned = self.held.any(axis=0) | self.owed.any(axis=0)
        return np.where(concerned, np.where(np.isfinite(impact), impact, np.nan), 0.0)


def sheets(world: "World") -> Sheets:
    """As of the last valuation and the last quotes."""
    balance, inside = world.ledger.balance, composition(world)
    people = [actor.population for actor in world.actors]
    tokens = np.array([balance[:, p.lo : p.hi].sum(axis=1) for p in people], dtype=np.float64).reshape(-1, len(inside))
    usd = tokens[:, :, None] * inside
    held, owed = np.maximum(usd, 0.0).sum(axis=1), np.maximum(-usd, 0.0).sum(axis=1)
    return Sheets([p.name for p in people], held, owed)


def composition(world: "World") -> Floats:
    """(tokens, assets) USD of each asset in one atom of each token; rows sum to the atom's value.

    Assets that trade stand for themselves, even if a protocol issues them. Receipts, margin and debts are their
    underlying. Contracts are their delta in the underlying and the rest in money: a perpetual all underlying, an
    inverse one all money. Claims on a basket are what their issuer holds, scaled to what they are worth.
    """
    values, rows = world.prices.atom_values, world.tokens.rows
    column = np.array([row.index if row.index < world.tokens.listed else row.underlying for row in rows])
    baskets = np.flatnonzero(column < 0)
    inside = np.zeros((len(rows), world.tokens.listed))
    inside[np.arange(len(rows)), np.maximum(column, 0)] = values
    _set_deltas(world, inside)
    if baskets.size:
        _open_baskets(world, inside, baskets)
    return inside


def _set_deltas(world: "World", inside: Floats) -> None:
    """Contracts whose value does not move one for one with that of their underlying."""
    values, scales = world.prices.atom_values, world.prices.scales
    for quote in world.quotes.values():
        if isinstance(quote, OptionsQuote):
            inside[quote.token, quote.underlying] = quote.greeks[:, 0] * quote.spot / scales[quote.token]
            inside[quote.token, 0] = values[quote.token] - inside[quote.token, quote.underlying]
        elif isinstance(quote, FuturesQuote):
            for contract in quote.contracts:
                if contract.inverse:
                    inside[contract.contract, contract.underlying] = 0.0
                    inside[contract.contract, 0] = values[contract.contract]


def _open_baskets(world: "World", inside: Floats, baskets: NDArray[np.intp]) -> None:
    balance, values = world.ledger.balance, world.prices.atom_values
    shares = np.zeros((baskets.size, len(inside)))
    for b, claim in enumerate(baskets.tolist()):
        issuer = world.tokens.rows[claim].issuer
        supply = -int(balance[claim, issuer])
        if supply > 0:
            held = np.array(balance[:, issuer], dtype=np.float64)
            held[claim] = 0.0
            shares[b] = exposure.backing(world, claim, held) / supply
    nested = shares[:, baskets].copy()
    shares[:, baskets] = 0.0
    # Least squares, since funds that hold nothing but each other have no composition to solve for.
    opened = np.linalg.lstsq(np.eye(baskets.size) - nested, np.einsum("bt,tk->bk", shares, inside), rcond=None)[0]
    total = opened.sum(axis=1)
    known = (total > 0.0) & (values[baskets] > 0.0)
    opened *= np.divide(values[baskets], total, out=np.zeros_like(total), where=known)[:, None]
    opened[~known, 0] = values[baskets[~known]]
    inside[baskets] = opened


def price_impact(world: "World") -> Floats:
    """(assets,) relative price change per USD sold, by what brings all venues' prices down by `STEP` together.

    As of the last quotes. Zero for money, for assets without a market and where a venue takes any amount without
    impact; infinite where venues bid for nothing.
    """
    found = np.zeros(world.tokens.listed)
    for asset in range(1, found.size):
        markets = [quote.market(asset) for quote in world.quotes.values() if hasattr(quote, "market")]
        here = [market for market in markets if market is not None]
        if here and all(getattr(market, "impact", True) for market in here):
            atoms = [market.sell_to(market.price * (1.0 - STEP)) * market.price for market in here]
            usd = sum(atoms) / float(world.prices.scales[asset])
            found[asset] = STEP / usd if usd > 0.0 else np.inf
    return found
