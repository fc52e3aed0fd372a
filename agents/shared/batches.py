"""What selling a batch of seized collateral brings, and which part of it pays."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.shared.trading import NUMERAIRE
from sim.fields import ProtocolName
from sim.quotes import MarketQuote
from sim.views import View

Floats = NDArray[np.float64]


class Cash:
    """The market of the numeraire against itself."""

    price, fee = 1.0, 0.0

    def sell(self, amount: int) -> int:
        """As much as is given."""
        return amount

    def buy(self, amount: int) -> int:
        """As much as is given."""
        return amount

    def cost(self, amount: int) -> int:
        """As much as is bought."""
        return amount

    def sell_to(self, price: float) -> int:
        """Nothing moves this price."""
        return 0

    def buy_to(self, price: float) -> int:
        """Nothing moves this price."""
        return 0


class Offers(NamedTuple):
    """Positions that pay out the same collateral. Arrays have one entry per position."""

    seize: Floats
    """Collateral atoms that are paid out, above 0."""
    cost: Floats
    """USD that the repayment costs, fees on it included."""
    fixed: Floats
    """USD that a transaction costs, and the least profit it must leave."""


class Batch(NamedTuple):
    """Which part of each position to take, in [0, 1], and the USD per collateral atom that selling them all brings."""

    share: Floats
    price: float

    def surplus(self, offers: Offers) -> Floats:
        """(m,) USD that each position leaves beyond its fixed part; negative where nothing is taken."""
        return self.share * (offers.seize * self.price - offers.cost) - offers.fixed


class Sale:
    """Selling on one market after `ahead` atoms that will be sold before; unit: numeraire atoms per USD."""

    def __init__(self, market: MarketQuote, unit: float, ahead: int = 0) -> None:
        self.market, self.unit, self.ahead = market, unit, ahead
        self._before = market.sell(ahead) if ahead else 0

    def price(self, atoms: float) -> float:
        """USD per atom that selling these atoms brings on average."""
        size = int(atoms)
        return (self.market.sell(self.ahead + size) - self._before) / size / self.unit if size > 0 else 0.0

    def down_to(self, usd_per_atom: float, atoms_per_token: float) -> float:
        """Atoms that can be sold before the last one brings less than this."""
        mid = usd_per_atom * atoms_per_token / (1.0 - self.market.fee)
        return max(float(self.market.sell_to(mid) - self.ahead), 0.0)


def best_batch(sale: Sale, offers: Offers, atoms_per_token: float, rest_usd: float) -> Batch:
    """The largest batch in which no position loses at the average price of the batch.

    Positions are taken in the order of the price they need to break even; as that price rises and the average price
    falls with every further one, the largest such set is a prefix, found by bisection. Of the next position as much is
    taken as can be sold before the last atom brings less than its repayment costs, provided that the fixed part is
    covered too, which keeps the average price above what the others need, and that `rest_usd` of debt is left over.
    """
    need = (offers.cost + offers.fixed) / offers.seize
    order = np.argsort(need, kind="stable")
    total = np.cumsum(offers.seize[order])
    low, high = 0, order.size
    while low < high:
        middle = (low + high + 1) // 2
        if sale.price(total[middle - 1]) >= need[order[middle - 1]]:
            low = middle
        else:
            high = middle - 1
    share = np.zeros(order.size)
    share[order[:low]] = 1.0
    taken = float(total[low - 1]) if low else 0.0
    if low < order.size:
        part, atoms = _part(sale, offers, int(order[low]), taken, atoms_per_token, rest_usd)
        share[order[low]] = part
        taken += atoms
    return Batch(share, sale.price(taken))


def _part(
    sale: Sale, offers: Offers, row: int, taken: float, atoms_per_token: float, rest_usd: float
) -> tuple[float, float]:
    seize, cost, fixed = (float(entries[row]) for entries in offers)
    room = sale.down_to(cost / seize, atoms_per_token) - taken
    part = min(room / seize, 1.0 - rest_usd / cost) if cost > 0.0 else 0.0
    atoms = np.floor(part * seize)
    if part <= 0.0 or atoms < 1.0:
        return 0.0, 0.0
    return (part, atoms) if part * (seize * sale.price(taken + atoms) - cost) >= fixed else (0.0, 0.0)


def markets_of(view: View, venues: list[ProtocolName], asset: int) -> list[tuple[int, MarketQuote]]:
    """(venue index, market) of an asset on each of these venues that trades it; the numeraire is its own market."""
    if asset == NUMERAIRE:
        return [(-1, Cash())]
    quotes = [view.quotes[name] for name in venues]
    markets = [(quote.venue, quote.market(asset)) for quote in quotes]
    return [(venue, market) for venue, market in markets if market is not None]


def cheapest(view: View, venues: list[ProtocolName], asset: int, atoms: int) -> tuple[int, int] | None:
    """(venue index, numeraire atoms) of the cheapest way to buy so many atoms; None where no venue sells them."""
    if asset == NUMERAIRE:
        return -1, atoms
    found = [(venue, market.cost(atoms)) for venue, market in markets_of(view, venues, asset)]
    priced = [(venue, spend) for venue, spend in found if spend is not None]
    return min(priced, key=lambda pair: pair[1]) if priced else None
