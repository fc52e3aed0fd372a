"""Arbitrage of one asset between a pool and a reference market, both of which move when traded."""

from collections.abc import Callable
from dataclasses import dataclass

from sim.quotes import MarketQuote

_PROBE = 0.5
"""A market that no sale brings down to this part of its price is one without impact."""
_ROUNDS = 40
_PRECISION = 1e-7
"""Of the size of a trade."""
_BEYOND = 2**61
"""More than anybody has: what a market asks for what it does not have."""


@dataclass(frozen=True)
class Opportunity:
    """Trading `size` asset atoms between a pool and the reference market, seen from outside both.

    buys: whether the asset is bought in the pool and sold on the reference, or the other way round.
    pool, hedge: numeraire atoms that change hands in the pool and on the reference.
    limit: USD per asset that the first atom brings (buys) or costs (sells) on the reference after its fee.
    """

    buys: bool
    size: int
    pool: int
    hedge: int
    limit: float

    @property
    def profit(self) -> int:
        """Numeraire atoms earned, before gas."""
        return self.hedge - self.pool if self.buys else self.pool - self.hedge

    @property
    def outlay(self) -> int:
        """Numeraire atoms that are paid on the side where the asset is bought."""
        return self.pool if self.buys else self.hedge


def find_opportunity(
    pool: MarketQuote, reference: MarketQuote, belief: float, least: float = 0.0
) -> Opportunity | None:
    """The trade that brings the pool to the edge of its no-arbitrage band; None inside the band.

    The band is where one more atom costs on one side what it brings on the other, fees included, after both markets
    have moved. belief: mid price in USD that the reference is thought to have; its shape is known. least: numeraire
    atoms; None also where the pool could not earn that even if trading did not move the reference.
    """
    kept, other_kept = 1.0 - pool.fee, 1.0 - reference.fee
    if pool.price / kept < belief * other_kept:
        return _buy(pool, reference, belief, least)
    return _sell(pool, reference, belief, least) if pool.price * kept > belief / other_kept else None


def _buy(pool: MarketQuote, reference: MarketQuote, belief: float, least: float) -> Opportunity | None:
    kept, other_kept, bias = 1.0 - pool.fee, 1.0 - reference.fee, belief / reference.price
    near, bid = pool.price / kept, belief * other_kept
    if pool.buy_to(bid * kept) * (bid / near - 1.0) < least:
        return None
    edge = _edge(
        near,
        bid,
        reference,
        lambda value: pool.buy(pool.buy_to(value * kept)),
        lambda value: reference.sell_to(value / other_kept / bias),
    )
    paid = pool.buy_to(edge * kept)
    size = pool.buy(paid)
    return Opportunity(True, size, paid, int(reference.sell(size) * bias), bid) if size else None


def _sell(pool: MarketQuote, reference: MarketQuote, belief: float, least: float) -> Opportunity | None:
    kept, other_kept, bias = 1.0 - pool.fee, 1.0 - reference.fee, belief / reference.price
    near, ask = pool.price * kept, belief / other_kept
    if pool.sell(pool.sell_to(ask / kept)) * (1.0 - ask / near) < least:
        return None
    edge = _edge(
        near,
        ask,
        reference,
        lambda value: _cost(reference, pool.sell_to(value / kept)),
        lambda value: reference.buy_to(value * other_kept / bias),
    )
    size = pool.sell_to(edge / kept)
    return Opportunity(False, size, pool.sell(size), int(_cost(reference, size) * bias), ask) if size else None


def _cost(market: MarketQuote, size: int) -> int:
    cost = market.cost(size)
    return _BEYOND if cost is None else cost


def _edge(
    near: float, far: float, reference: MarketQuote, in_pool: Callable[[float], int], there: Callable[[float], int]
) -> float:
    """Marginal value between that of the pool (near) and of the reference (far) at which both trade the same size.

    in_pool, there: what bringing the markets to a value takes, in the same atoms of either side. Regula falsi with the
    Illinois rule: their difference is monotone in the value and smooth.
    """
    if reference.sell_to(reference.price * _PROBE) == 0:
        return far
    below, above = float(in_pool(near) - there(near)), float(in_pool(far) - there(far))
    side = 0
    for _ in range(_ROUNDS):
        if below >= 0 or above <= 0:
            break
        value = near - below * (far - near) / (above - below)
        size = there(value)
        gap = in_pool(value) - size
        if abs(gap) <= 1 + _PRECISION * size or value in (near, far):
            return value
        if gap < 0:
            near, below, above, side = value, gap, above * 0.5 if side < 0 else above, -1
        else:
            far, above, below, side = value, gap, below * 0.5 if side > 0 else below, 1
    return near
