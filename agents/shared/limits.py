"""What bounds the portfolios and trades of allocators."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.fields import Positive, ProtocolName, Share

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Constraints on an allocator's portfolio and trades; none by default."""

    protocols: dict[ProtocolName, Share] = field(default_factory=dict)
    """Largest share of wealth deposited in a protocol; what is beyond stays in the numeraire."""
    venues: dict[ProtocolName, Positive] = field(default_factory=dict)
    """Largest value in USD that a rebalancing of one account trades at a venue, in and out together; not of borrowers,
    who trade in steps."""
    turnover: Positive | None = None
    """Largest value that a rebalancing trades, in and out together, over wealth."""
    allowed: list[ProtocolName] | None = None
    """Protocols that the population has permission to use; all if none is given."""

    def faults(self, used: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """What is not permitted or bounds nothing, as (field, message). used: (setting, protocol) of the population."""
        found = []
        if self.allowed is not None:
            here = f"is not among limits.allowed ({', '.join(self.allowed) or 'nothing'})"
            found += [
                (place, f'"{name}" {here}; leave it out, or permit it')
                for place, name in used
                if name not in self.allowed
            ]
        trades = [] if any(place == "borrow.protocol" for place, _ in used) else [name for _, name in used]
        bounded = {"protocols": [name for place, name in used if place == "deposits"], "venues": trades}
        for place, names in bounded.items():
            what = "deposits of this population" if place == "protocols" else "trades of this population"
            found += [
                (f"limits.{place}", f'"{name}" bounds no {what}; it can bound {", ".join(sorted(names)) or "none"}')
                for name in getattr(self, place)
                if name not in names
            ]
        return found

    def capped(self, target: Floats, names: Sequence[str]) -> Floats:
        """(m, k) weights with deposits cut to the caps of their protocols. names: of the columns."""
        if not self.protocols:
            return target
        most = np.array([self.protocols.get(ProtocolName(name), np.inf) for name in names])
        return np.minimum(target, most)

    def slowed(self, current: Floats, target: Floats) -> Floats:
        """(m, k) the target, or as far towards it as the turnover goes."""
        if self.turnover is None:
            return target
        wanted = np.abs(target - current).sum(axis=1)
        part = np.minimum(1.0, self.turnover / np.maximum(wanted, 1e-300))
        return current + part[:, None] * (target - current)

    def routed(self, gap: Floats, names: Sequence[str], venues: Sequence[str], places: NDArray[np.int64]) -> Floats:
        """(m, k) USD to trade, each venue's part scaled to its limit.

        places: (m, a) position among `venues` where each account trades each asset, the first a of the columns; the
        others are deposits, which trade at their own protocol, whose name they bear.
        """
        assets = places.shape[1]
        most = np.array([self.venues.get(ProtocolName(name), np.inf) for name in names])
        most[:assets] = np.inf
        found = np.clip(gap, -most, most)
        for number, name in enumerate(venues):
            here = places == number
            total = (np.abs(gap[:, :assets]) * here).sum(axis=1)
            scale = np.minimum(1.0, self.venues.get(ProtocolName(name), np.inf) / np.maximum(total, 1e-300))
            found[:, :assets] *= np.where(here, scale[:, None], 1.0)
        return found
