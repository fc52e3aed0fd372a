"""What rules see of liquidity: the cost of a trade and the depth of the market, per asset, over all their venues."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.interfaces import AllocatorView
from sim.quotes import MarketQuote

Floats = NDArray[np.float64]


def spreads(view: AllocatorView, venues: Sequence[str], size_usd: float) -> Floats:
    """(k,) relative bid-ask spread at a size: twice what a sale loses against the mid price, at the best venue."""
    atoms = view.view.atom_prices

    def lost(market: MarketQuote, index: int) -> float:
        amount = max(1, round(size_usd / atoms[index]))
        mid = amount * atoms[index] * (market.price / view.view.prices[index])
        return float(min(max(1.0 - market.sell(amount) * atoms[0] / mid, 0.0), 1.0))

    return np.array([2.0 * min(lost(market, i) for market in _markets(view, venues, i)) for i in view.indices])


def depths(view: AllocatorView, venues: Sequence[str], move: float) -> Floats:
    """(k,) USD that can be sold before the mid price falls by a share `move`, at all venues together."""
    atoms = view.view.atom_prices
    return np.array(
        [
            sum(market.sell_to(market.price * (1.0 - move)) for market in _markets(view, venues, i)) * atoms[i]
            for i in view.indices
        ]
    )


def _markets(view: AllocatorView, venues: Sequence[str], index: int) -> list[MarketQuote]:
    found = [market for name in venues if (market := view.view.quotes[name].market(index)) is not None]
    if not found:
        asset = view.assets[view.indices.index(index)]
        raise ConfigError(f'no venue trades "{asset}"; the rule looks at {", ".join(venues)}')
    return found
