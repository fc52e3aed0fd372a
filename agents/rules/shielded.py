"""Shielded portfolios."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from agents.shared.reliances import cut_to_caps, known
from sim.fields import AssetName, ProtocolName, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.quotes import LendingQuote
from sim.registry import component


@component("rule", "shielded")
class Shielded(AllocationRule):
    """Another rule's weights, so that the default of any one counterparty costs no more than a set share of wealth.

    Nothing is held that stands on a banned protocol, that mixes more counterparties than it may, or whose cover has
    fallen; then every protocol's part is cut to the limit, claims on claims included.
    """

    base: AllocationRule
    """Whose weights are cut."""
    counterparty: Share = 0.1
    """Largest share of wealth that may stand on any one protocol."""
    mixed: int = 1
    """Most protocols that one holding may stand on (segregation); a vault that lends on has two."""
    cover: Share = 0.999
    """Least value of a lending receipt over its nominal value; below it, it is not held."""
    banned: list[ProtocolName] = field(default_factory=list)
    """Protocols that nothing held may stand on."""

    def __post_init__(self) -> None:
        self.fallbacks = self.base.fallbacks

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Those of the rule whose weights are cut."""
        return [(f"base.{place}", text) for place, text in self.base.faults(assets)]

    @property
    def max_leverage(self) -> float:
        """Of the rule whose weights are cut."""
        return float(getattr(self.base, "max_leverage", 1.0))

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        stands = view.view.reliance()
        known(self.banned, stands)
        count, allowed = np.zeros(len(view.indices)), np.ones(len(view.indices), dtype=np.bool_)
        for name, share in stands.items():
            count += share[view.indices] > 0.0
            if name in self.banned:
                allowed &= share[view.indices] == 0.0
        allowed &= (count <= self.mixed) & (self._covers(view) >= self.cover)
        return cut_to_caps(view, self.base.weights(view) * allowed, {}, self.counterparty)

    def _covers(self, view: AllocatorView) -> NDArray[np.float64]:
        """(k,) value of each holding over its nominal value; 1 of all that are no receipts."""
        found = np.ones(len(view.indices))
        for quote in view.view.quotes.values():
            if isinstance(quote, LendingQuote):
                for column, index in enumerate(view.indices):
                    if index in quote.receipts:
                        found[column] = quote.cover[quote.receipts.index(index)]
        return found
