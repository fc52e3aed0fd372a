"""Why a liquidation happened: the price move that sank the account, shared out among the flows that made it.

An account's health changes with the oracle price since it last borrowed. The oracle price is the market
price at the tick it was observed, and the market price is the sum of what every source added to it. A displacement
recovers with time; every source's part of it recovers at the same pace. So the fall is a sum of net parts, one per
source, and its shares say how much of the liquidation each source caused. For a short position read rise for fall. The
price of a contract follows its index: that part is shared out among the sources of the underlying's own market.
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
OWN_ACTS = (Kind.BORROW, Kind.TRADE)
"""Acts by which an account chooses its leverage; topping up or deleveraging in a fall is not one."""
FORCED = (Motive.LIQUIDATION, Motive.UNWIND)
BARRIERS = (Kind.GENESIS, Kind.PRICE_MOVE, Kind.ORACLE_UPDATE, Kind.BREACH)
"""Events at which one account's trouble becomes a matter of prices, so that no single order caused it."""


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

    def between(self, start: int, observed: int, closed: bool = False) -> NDArray[np.float64]:
        """(sources,) net parts added from the end of tick `start` (-1: the opening) to the look of tick `observed`.

        closed: to the end of that tick instead.
        """
        before = self.closed[start] if start >= 0 else 0.0
        return (self.closed if closed else self.seen)[observed] - before


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

    event: id of the LIQUIDATION. account: the liquidated one. side: 1 for collateral and long positions, -1 for shorts,
    whose price changes count with the opposite sign. start: tick at which the account last borrowed, -1
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
    side: int = 1

    def shares(self) -> NDArray[np.float64]:
        """(sources,) parts over the whole fall; zeros if the price did not fall."""
        return self.parts / self.fall if self.fall < 0 else np.zeros_like(self.parts)


class Causes:
    """Causes of all liquidations of a run.

    Parameters
    ----------
    events: columns of the event log and `value`. flows: columns of the attribution table.
    reference: asset or contract -> the market that prices it. ticks: ticks run. underlying: contract -> its asset.
    """

    def __init__(
        self,
        events: Table,
        flows: Table,
        reference: Mapping[int, int],
        ticks: int,
        underlying: Mapping[int, int] | None = None,
    ) -> None:
        self.events, self.flows, self.reference, self.ticks = events, flows, reference, ticks
        self.underlying = underlying or {}
        self.parts: dict[int, NetParts] = {}
        self.liquidations = np.flatnonzero(events["kind"] == Kind.LIQUIDATION)
        own = np.flatnonzero(np.isin(events["kind"], OWN_ACTS))
        order = np.lexsort((own, events["actor"][own]))
        self._own = own[order]
        self._own_actor = events["actor"][self._own]

    def net(self, asset: int) -> NetParts:
        """Net parts of the market that prices an asset or contract."""
        if asset not in self.parts:
            self.parts[asset] = NetParts(self.flows, self.reference[asset], self.ticks)
        return self.parts[asset]

    def of(self, event: int) -> Cause:
        """The price fall behind one liquidation."""
        account, asset = int(self.events["subject"][event]), int(self.events["token"][event])
        side = -1 if self.events["amount"][event] < 0 else 1
        start = self._last_own_act(account, event)
        observed, closed = self._observed(event)
        if asset not in self.reference:
            return Cause(event, account, asset, start, observed, 0.0, np.zeros(0), side)
        parts = side * self._parts(asset, min(start, observed if closed else observed - 1), observed, closed)
        return Cause(event, account, asset, start, observed, float(parts.sum()), parts, side)

    def sources(self, asset: int) -> list[tuple[int, int]]:
        """(population, motive) of each column of a cause's parts; of a contract, those of its underlying come last."""
        own = self.net(asset).sources
        spot = self.underlying.get(asset)
        return own if spot is None or spot not in self.reference else own + self.net(spot).sources

    def _parts(self, asset: int, start: int, observed: int, closed: bool) -> NDArray[np.float64]:
        net, spot = self.net(asset), self.underlying.get(asset)
        own = net.between(start, observed, closed)
        if spot is None or spot not in self.reference:
            return own
        followed = np.array([motive == Motive.INDEX for _, motive in net.sources], dtype=bool)
        index, below = own[followed].sum(), self.net(spot).between(start, observed)
        whole = below.sum()
        if abs(whole) < abs(index) * 1e-3:  # the index lags so much that the underlying's own move says nothing
            return np.concatenate([own, np.zeros_like(below)])
        return np.concatenate([np.where(followed, 0.0, own), below * (index / whole) if whole else below])

    def _last_own_act(self, account: int, event: int) -> int:
        lo, hi = np.searchsorted(self._own_actor, [account, account + 1])
        acts = self._own[lo:hi]
        before = acts[acts < event]
        return int(self.events["tick"][before[-1]]) if before.size else -1

    def _observed(self, event: int) -> tuple[int, bool]:
        """Tick whose price flagged the account, and whether it is the price at that tick's close.

        Up the chain to the oracle update if there is one; a venue that marks to its own market sees the last trade.
        """
        kind, cause = self.events["kind"], self.events["cause"]
        at = event
        while at and kind[at] != Kind.ORACLE_UPDATE:
            at = int(cause[at])
        return (max(int(self.events["amount"][at]), 0), False) if at else (int(self.events["tick"][event]), True)

    def forced_share(self, cause: Cause) -> float:
        """Share of the fall that earlier liquidations' selling made, between 0 and 1."""
        if cause.fall >= 0 or cause.asset not in self.reference:
            return 0.0
        forced = [motive in FORCED for _, motive in self.sources(cause.asset)]
        return float(np.clip(cause.shares()[forced].sum(), 0.0, 1.0))

    def parents(self, cause: Cause) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Liquidations whose selling is part of the fall, with weights that sum to the forced share.

        A sale's weight is its USD size: sales of one book in one tick move the price in proportion to it.
        """
        sale, parent = self.sales_within(cause)
        ids, place = np.unique(parent, return_inverse=True)
        weight = np.bincount(place, self.events["value"][sale], minlength=ids.size).astype(np.float64)
        total = weight.sum()
        return ids, weight / total * self.forced_share(cause) if total else weight

    def sales_within(self, cause: Cause) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(order, liquidation) event ids of the sales that are part of a fall."""
        sale, parent = self.sales
        tick, token = self.events["tick"][sale], self.events["token"][sale]
        inside = (tick > cause.start) & (tick <= cause.observed) & (sale < cause.event)
        inside &= (token == cause.asset) | (token == self.underlying.get(cause.asset, cause.asset))
        return sale[inside], parent[inside]

    @cached_property
    def sales(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(order, liquidation) event ids of every sale that a liquidation made necessary.

        A liquidation on a venue's own market is its own sale. Any other sale leads to a liquidation through the events
        it names, such as a deleveraging; where it names the breach that its seller liquidated, it belongs to the latest
        liquidation of that breach before it.
        """
        kind, cause = self.events["kind"], self.events["cause"]
        trades = np.flatnonzero(np.isin(kind, (Kind.SWAP, Kind.TRADE)))
        root = self._roots[trades]
        direct = kind[root] == Kind.LIQUIDATION
        through = trades[kind[root] == Kind.BREACH]
        breach = root[kind[root] == Kind.BREACH]
        order = np.lexsort((self.liquidations, cause[self.liquidations]))
        by_breach = self.liquidations[order]
        # Sorted by (breach, liquidation): the last entry before (breach, sale) is the liquidation that was sold.
        size = kind.size + 1
        place = np.searchsorted(cause[by_breach] * size + by_breach, breach * size + through) - 1
        found = (place >= 0) & (cause[by_breach[np.maximum(place, 0)]] == breach)
        own = self.liquidations[np.isin(self.events["token"][self.liquidations], list(self.underlying))]
        sale = np.concatenate([trades[direct], through[found], own])
        parent = np.concatenate([root[direct], by_breach[place[found]], own])
        return sale, parent

    @cached_property
    def _roots(self) -> NDArray[np.int64]:
        """The nearest liquidation or barrier up the chain of every event; itself if it is one."""
        kind = self.events["kind"]
        stop = (kind == Kind.LIQUIDATION) | np.isin(kind, BARRIERS)
        root = np.where(stop, np.arange(kind.size), self.events["cause"])
        while not np.array_equal(root, root[root]):
            root = root[root]
        return np.asarray(root)


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
