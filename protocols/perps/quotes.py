"""What accounts can see of a derivative venue: frozen contracts, and accounts that can be liquidated."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.perps.contracts import Contract, fill_price
from protocols.perps.pool_kernels import PoolTerms, price_impact
from protocols.shared.depth.kernels import Depth
from sim.units import SECONDS_PER_YEAR


@dataclass(frozen=True)
class ContractState:
    """One contract at one moment; see sim.quotes.ContractQuote for the first fields.

    x, anchor, depth: state and shape of the book. funding_rate: of the last interval. impact: whether orders move it.
    """

    contract: int
    underlying: int
    price: float
    mark: float
    index: float
    funding: float
    expiry: int
    inverse: bool
    fee: float
    open_interest: float
    initial: float
    maintenance: float
    funding_rate: float
    x: float
    anchor: float
    depth: Depth
    impact: bool

    def average_price(self, size: float) -> float:
        """Average price of buying (below zero: selling) so many whole contracts at once; infinite beyond the book."""
        return fill_price(self.x, size, self.anchor, self.depth, self.inverse) if self.impact else self.price

    @property
    def basis(self) -> float:
        """Price over index, less one."""
        return self.price / self.index - 1.0


def freeze(contract: Contract, open_interest: float) -> ContractState:
    """A contract's state now."""
    settings, tiers, book = contract.settings, contract.tiers, contract.book
    yearly = contract.rate * SECONDS_PER_YEAR / settings.funding.interval
    return ContractState(
        contract.token, contract.asset, contract.mid, contract.mark, contract.index, 0.0 if contract.dated else yearly,
        contract.expiry, contract.inverse, settings.fee, open_interest, float(1.0 / tiers.max_leverage[0]),
        float(tiers.rate[0]), contract.rate, book.x, math.exp(book.anchor), book.depth, settings.impact,
    )  # fmt: skip


class MarginBreaches(NamedTuple):
    """Accounts below their maintenance margin after a mark. Arrays have one entry per account and contract it holds.

    health: equity over maintenance margin. contract: token. size: int64 atoms, longs positive. event: BREACH of each.
    """

    venue: int
    account: NDArray[np.int64]
    health: NDArray[np.float64]
    contract: NDArray[np.int64]
    size: NDArray[np.int64]
    event: NDArray[np.int64]


@dataclass(frozen=True)
class PoolContract:
    """The contract of a pool at one moment; see sim.quotes.ContractQuote. longs, shorts: open interest in USD."""

    contract: int
    underlying: int
    price: float
    mark: float
    index: float
    funding: float
    expiry: int
    inverse: bool
    fee: float
    open_interest: float
    initial: float
    maintenance: float
    longs: float
    shorts: float
    terms: PoolTerms

    def average_price(self, size: float) -> float:
        """Price with the impact of so many whole contracts; positive impact may be paid in part only."""
        if not size:
            return self.price
        return self.price - price_impact(self.longs, self.shorts, size * self.price, self.terms) / size
