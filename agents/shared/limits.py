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
    """Largest value in USD that a rebalancing of one account trades at a venue, in and out together."""
    turnover: Positive | None = None
    """Largest value that a rebalancing trades, in and out together, over wealth."""
    allowed: list[ProtocolName] | None = None
    """Protocols that the population has permission to use; all if none is given."""

    def faults(self, used: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """What is not permitted or not used, as (field, message). used: (setting, protocol) of the population."""
        found = []
        if self.allowed is not None:
            here = f"is not among limits.allowed ({', '.join(self.allowed) or 'nothing'})"
            found += [
                (place, f'"{name}" {here}; leave it out, or permit it')
                for place, name in used
                if name not in self.allowed
            ]
        names = {name for _, name in used}
        for place in ("protocols", "venues"):
            found += [
                (f"limits.{place}", f'"{name}" is not used by this population; it uses {", ".join(sorted(names))}')
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

    def routed(self, gap: Floats, names: Sequence[str], venues: Sequence[str], habit: NDArray[np.int64]) -> Floats:
        """(m, k) USD to trade, each venue's part scaled to its limit.

        habit: (m,) position among `venues` of the venue where the account trades assets; deposits trade at their own
        protocol, whose name they bear.
        """
        if not self.venues:
            return gap
        spot = np.array([name not in self.venues for name in names])
        most = np.array([self.venues.get(ProtocolName(name), np.inf) for name in venues])[habit]
        total = np.abs(gap[:, spot]).sum(axis=1)
        scale = np.minimum(1.0, most / np.maximum(total, 1e-300))[:, None]
        own = np.array([self.venues.get(ProtocolName(name), np.inf) for name in names])
        return np.where(spot, gap * scale, np.clip(gap, -own, own))
