"""Why a liquidation happened: the price fall that sank the account, shared out among the flows that made it.

An account's health changes with the oracle price since it last borrowed. The oracle price is the market
price at the tick it was observed, and the market price is the sum of what every source added to it. A displacement
recovers with time; every source's part of it recovers at the same pace. So the fall is a sum of net parts, one per
source, and its shares say how much of the liquidation each source caused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sim.events import Kind
from sim.flows import Motive

Table = Mapping[str, NDArray]
DECAYS = (Motive.RECOVERY, Motive.LIQUIDITY)
LASTS = (Motive.FUNDAMENTAL, Motive.SHOCK, Motive.INDEX)
OWN_ACTS = (Kind.BORROW,)
"""Acts by which an account chooses its leverage; topping up or deleveraging in a fall is not one."""


class NetParts:
    """Net log-price parts of every source of one market, tick by tick.

    Attributes
    ----------
    sources: (population, motive) of each column.
    seen: (ticks, sources) parts standing when oracles look, that is after fundamentals and recovery of the tick.
    closed: (ticks, sources) parts standing at the end of the tick.
    """

    def __init__(self, flows: Table, market: int, ticks: int) -> None:
        mine = flows["market"] == market
        tick, motive = flows["tick"][mine], flows["motive"][mine]
        population, dlog = flows["population"][mine], flows["dlog"][mine]
        lasting = ~np.isin(motive, DECAYS)
        pairs = sorted(set(zip(population[lasting].tolist(), motive[lasting].tolist(), strict=True)))
        self.sources = pairs
        column = {pair: i for i, pair in enumerate(pairs)}
        gross = np.zeros((ticks, len(pairs)))
        columns = [column[pair] for pair in zip(population[lasting].tolist(), motive[lasting].tolist(), strict=True)]
        np.add.at(gross, (tick[lasting], columns), dlog[lasting])
        decay = np.bincount(tick[~lasting], dlog[~lasting], minlength=ticks)
        permanent = np.array([pair[1] in LASTS for pair in pairs], dtype=bool)
        self.seen, self.closed = _stand(gross, decay, permanent)

    def between(self, start: int, observed: int) -> NDArray[np.float64]:
        """(sources,) net parts added from the end of tick `start` (-1: the opening) to the look of tick `observed`."""
        before = self.closed[start] if start >= 0 else 0.0
        return self.seen[observed] - before


def _stand(gross: NDArray, decay: NDArray, permanent: NDArray) -> tuple[NDArray, NDArray]:
    seen, closed = np.zeros_like(gross), np.zeros_like(gross)
    standing = np.zeros(gross.shape[1])
    for t in range(gross.shape[0]):
        displaced = float(standing[~permanent].sum())
        keep = 1.0 + decay[t] / displaced if decay[t] and displaced else 1.0
        standing = np.where(permanent, standing + gross[t], standing * keep)
        seen[t] = standing
        standing = np.where(permanent, standing, standing + gross[t])
        closed[t] = standing
    return seen, closed


@dataclass(frozen=True)
class Cause:
    """One liquidation and the price fall behind it.

    event: id of the LIQUIDATION. account: the liquidated one. start: tick at which the account last borrowed, -1
    if that was at the opening. observed: tick whose price the oracle reported. fall: log price change in between.
    parts: (sources,) net log-price parts, summing to fall.
    """

    event: int
    account: int
    asset: int
    start: int
    observed: int
    fall: float
    parts: NDArray[np.float64]

    def shares(self) -> NDArray[np.float64]:
        """(sources,) parts over the whole fall; zeros if the price did not fall."""
        return self.parts / self.fall if self.fall < 0 else np.zeros_like(self.parts)


class Causes:
    """Causes of all liquidations of a run.

    Parameters
    ----------
    events: columns of the event log and `value`. flows: columns of the attribution table.
    reference: asset or contract -> the market that prices it. ticks: ticks run.
    """

    def __init__(self, events: Table, flows: Table, reference: Mapping[int, int], ticks: int) -> None:
        self.events, self.flows, self.reference, self.ticks = events, flows, reference, ticks
        self.parts: dict[int, NetParts] = {}
        self.liquidations = np.flatnonzero(events["kind"] == Kind.LIQUIDATION)
        own = np.flatnonzero(np.isin(events["kind"], OWN_ACTS))
        order = np.lexsort((own, events["actor"][own]))
        self._own = own[order]
        self._own_actor = events["actor"][self._own]

    def net(self, asset: int) -> NetParts:
        """Net parts of an asset's reference market."""
        if asset not in self.parts:
            self.parts[asset] = NetParts(self.flows, self.reference[asset], self.ticks)
        return self.parts[asset]

    def of(self, event: int) -> Cause:
        """The price fall behind one liquidation."""
        account, asset = int(self.events["subject"][event]), int(self.events["token"][event])
        start = self._last_own_act(account, event)
        observed = max(self._observed(event), 0)
        if asset not in self.reference:
            return Cause(event, account, asset, start, observed, 0.0, np.zeros(0))
        parts = self.net(asset).between(min(start, observed - 1), observed)
        return Cause(event, account, asset, start, observed, float(parts.sum()), parts)

    def _last_own_act(self, account: int, event: int) -> int:
        lo, hi = np.searchsorted(self._own_actor, [account, account + 1])
        acts = self._own[lo:hi]
        before = acts[acts < event]
        return int(self.events["tick"][before[-1]]) if before.size else -1

    def _observed(self, event: int) -> int:
        """Tick whose price the oracle reported when the account was flagged: up the chain to the oracle update."""
        kind, cause = self.events["kind"], self.events["cause"]
        at = event
        while at and kind[at] != Kind.ORACLE_UPDATE:
            at = int(cause[at])
        return int(self.events["amount"][at]) if at else int(self.events["tick"][event])

    def forced_share(self, cause: Cause) -> float:
        """Share of the fall that earlier liquidations' selling made, between 0 and 1."""
        if cause.fall >= 0 or cause.asset not in self.reference:
            return 0.0
        forced = [motive == Motive.LIQUIDATION for _, motive in self.net(cause.asset).sources]
        return float(np.clip(cause.shares()[forced].sum(), 0.0, 1.0))

    def parents(self, cause: Cause) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Liquidations whose selling is part of the fall, with weights that sum to the forced share.

        A sale's weight is its USD size: sales of one book in one tick move the price in proportion to it.
        """
        sale, parent = self.sales
        tick = self.events["tick"][sale]
        inside = (tick > cause.start) & (tick < cause.observed) & (sale < cause.event)
        ids, place = np.unique(parent[inside], return_inverse=True)
        weight = np.bincount(place, self.events["value"][sale[inside]], minlength=ids.size).astype(np.float64)
        total = weight.sum()
        return ids, weight / total * self.forced_share(cause) if total else weight

    @cached_property
    def sales(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(swap, liquidation) event ids of every sale of seized collateral.

        A sale names a liquidation, or the breach that its seller liquidated: then it belongs to the latest liquidation
        of that breach before it.
        """
        kind, cause = self.events["kind"], self.events["cause"]
        swaps = np.flatnonzero(kind == Kind.SWAP)
        direct = kind[cause[swaps]] == Kind.LIQUIDATION
        through = swaps[kind[cause[swaps]] == Kind.BREACH]
        order = np.lexsort((self.liquidations, cause[self.liquidations]))
        by_breach = self.liquidations[order]
        # Sorted by (breach, liquidation): the last entry before (breach, sale) is the liquidation that was sold.
        size = kind.size + 1
        place = np.searchsorted(cause[by_breach] * size + by_breach, cause[through] * size + through) - 1
        found = (place >= 0) & (cause[by_breach[np.maximum(place, 0)]] == cause[through])
        sale = np.concatenate([swaps[direct], through[found]])
        parent = np.concatenate([cause[swaps[direct]], by_breach[place[found]]])
        return sale, parent


def cascades(causes: Causes) -> tuple[float, float]:
    """(branching ratio, USD of the largest cascade).

    The branching ratio is the mean share of a liquidation that earlier liquidations caused. Liquidations of which
    more than half is so caused belong to the cascade of the parent with the largest part in it.
    """
    if not causes.liquidations.size:
        return 0.0, 0.0
    usd = causes.events["value"]
    root: dict[int, int] = {}
    total: dict[int, float] = {}
    shares = []
    memo: dict[tuple[int, int, int], tuple[float, int]] = {}
    for event in causes.liquidations.tolist():
        cause = causes.of(event)
        key = (cause.asset, cause.start, cause.observed)
        if key not in memo:
            share = causes.forced_share(cause)
            ids, weights = causes.parents(cause) if share > 0.5 else (np.empty(0, np.int64), np.empty(0))
            memo[key] = share, int(ids[np.argmax(weights)]) if ids.size else -1
        share, parent = memo[key]
        shares.append(share)
        root[event] = root.get(parent, event)
        total[root[event]] = total.get(root[event], 0.0) + float(usd[event])
    return float(np.mean(shares)), max(total.values())
