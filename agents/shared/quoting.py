"""Where and how much a market maker quotes: optimal distances under inventory risk, and the orders they come to.

Distances and volatility are relative to the mid price, inventories are counted in quotes of the usual size, so one set
of parameters serves assets of any price. Avellaneda and Stoikov (Quantitative Finance 8, 2008) quote around a
reservation price until a horizon; Guéant, Lehalle and Fernandez-Tapia (Mathematics and Financial Economics 7, 2013;
here in the notation of Guéant, 2017) have no horizon. In both a bid stands `base + skew * inventory` below the mid and
an ask `base - skew * inventory` above it. Both assume that orders at a distance d are filled at the rate A exp(-k d).
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.jit import kernel

Floats = NDArray[np.float64]
BUY, SELL = range(2)
_SLACK = 1.0 - 1e-9
"""Part of the cash that quotes may lock: prices in atoms are not exact."""
_SNAP = 1e-7
"""Part of a tick within which a price counts as on the grid."""


class Coefficients(NamedTuple):
    """How far quotes stand from the mid without inventory, and how much further for each quote held."""

    base: Floats
    skew: Floats


def avellaneda_stoikov(risk_aversion: ArrayLike, sigma: float, decay: float, left: float) -> Coefficients:
    """Quotes around the reservation price s - q gamma sigma^2 (T - t).

    The whole spread is gamma sigma^2 (T - t) + (2 / gamma) ln(1 + gamma / k).

    Parameters
    ----------
    risk_aversion: gamma, (n,) or scalar, per return on one quote. sigma: volatility per root second.
    decay: k per unit of relative distance. left: T - t in seconds.
    """
    gamma = np.asarray(risk_aversion, dtype=np.float64)
    skew = gamma * (sigma * sigma * left)
    return Coefficients(0.5 * skew + np.log1p(gamma / decay) / gamma, skew)


def glft_constants(
    risk_aversion: ArrayLike, fill_rate: float, decay: float, size: float = 1.0, xi: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """c1 = ln(1 + xi D / k) / (xi D) and c2 = sqrt(gamma / (2 A D k) (1 + xi D / k)^(k / (xi D) + 1)).

    Parameters
    ----------
    risk_aversion: gamma, (n,) or scalar. fill_rate: A, fills per second at the mid. decay: k. size: D, in quotes.
    xi: aversion to the risk of not being filled; gamma if None, Guéant's Model A. Above 0.
    """
    gamma = np.asarray(risk_aversion, dtype=np.float64)
    cost = (gamma if xi is None else np.asarray(xi, dtype=np.float64)) * size
    c1 = np.log1p(cost / decay) / cost
    c2 = np.sqrt(gamma / (2.0 * fill_rate * size * decay) * (1.0 + cost / decay) ** (decay / cost + 1.0))
    return c1, c2


def glft(c1: Floats, c2: Floats, sigma: float, size: float = 1.0) -> Coefficients:
    """Stationary quotes: delta = c1 + (D / 2) sigma c2, further or nearer by q sigma c2."""
    skew = sigma * c2
    return Coefficients(c1 + 0.5 * size * skew, skew)


def expected_excess(deviation: float, bound: float) -> float:
    """Mean of max(|X| - bound, 0) for a normal X of mean zero: what a move takes from a quote `bound` away."""
    if deviation <= 0.0:
        return 0.0
    z = bound / deviation
    density, beyond = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi), 0.5 * math.erfc(z / math.sqrt(2.0))
    return 2.0 * (deviation * density - bound * beyond)


class Screen(NamedTuple):
    """What a market maker sees of the book it quotes in."""

    mid: float
    bid: float
    """Best bid of anybody, 0 without one."""
    ask: float
    """Best ask, infinite without one."""
    tick: float
    """USD between two prices."""
    lot: int
    """Asset atoms in which orders count."""
    money: float
    """Numeraire atoms that one asset atom costs at a price of 1 USD."""


def _distances_numpy(base, skew, inventory, nearest, farthest, out):
    tilt = skew * inventory
    out[BUY] = np.minimum(np.maximum(base + tilt, nearest), farthest)
    out[SELL] = np.minimum(np.maximum(base - tilt, nearest), farthest)


@kernel(twin=_distances_numpy)
def quote_distances(base, skew, inventory, nearest, farthest, out):
    """Distances of bids and asks from the mid, as shares of it.

    Parameters
    ----------
    base, skew: (n,) see `Coefficients`. inventory: (n,) in quotes. nearest, farthest: (n,) bounds.
    out: (2, n), overwritten: of bids, of asks.
    """
    for i in range(inventory.size):
        tilt = skew[i] * inventory[i]
        out[BUY, i] = min(max(base[i] + tilt, nearest[i]), farthest[i])
        out[SELL, i] = min(max(base[i] - tilt, nearest[i]), farthest[i])


def _orders_numpy(screen, away, step, inventory, most, size, cash, held, prices, amounts):
    money, stock = cash.astype(np.float64), held.copy()
    rooms = [np.floor(np.maximum(most + sign * inventory, 0.0) * size).astype(np.int64) for sign in (-1.0, 1.0)]
    for level in range(prices.shape[1]):
        below = screen.mid * (1.0 - away[BUY] - level * step)
        price = np.floor(np.minimum(below, screen.ask - screen.tick) / screen.tick + _SNAP) * screen.tick
        payable = np.where(price > 0.0, money * _SLACK / (np.maximum(price, screen.tick) * screen.money), 0.0)
        wanted = np.minimum(np.minimum(size, rooms[BUY]), np.minimum(payable, 2.0**60).astype(np.int64))
        amounts[BUY, level] = wanted // screen.lot * screen.lot
        prices[BUY, level] = price
        money = money - amounts[BUY, level] * (price * screen.money)
        rooms[BUY] = rooms[BUY] - amounts[BUY, level]
        above = screen.mid * (1.0 + away[SELL] + level * step)
        price = np.ceil(np.maximum(above, screen.bid + screen.tick) / screen.tick - _SNAP) * screen.tick
        wanted = np.minimum(np.minimum(size, rooms[SELL]), stock)
        amounts[SELL, level] = wanted // screen.lot * screen.lot
        prices[SELL, level] = price
        stock = stock - amounts[SELL, level]
        rooms[SELL] = rooms[SELL] - amounts[SELL, level]


@kernel(twin=_orders_numpy)
def quote_orders(screen, away, step, inventory, most, size, cash, held, prices, amounts):
    """Orders of each account at each level, none of which would trade at once or carry its inventory beyond a limit.

    Bids are rounded down to the grid and asks up. What is too little for a lot comes out as zero.

    Parameters
    ----------
    screen: Screen. away: (2, n) distances of the first level. step: distance between two levels, share of the mid.
    inventory: (n,) in quotes. most: (n,) quotes that it may reach either way. size: int64 (n,) atoms of a quote.
    cash, held: int64 (n,) atoms that all levels together may lock.
    prices, amounts: (2, levels, n) float64 USD and int64 atoms, overwritten: bids, asks.
    """
    for i in range(inventory.size):
        money, stock = float(cash[i]), held[i]
        for side in range(2):
            sign = -1.0 if side == BUY else 1.0
            room = np.int64(math.floor(max(most[i] + sign * inventory[i], 0.0) * size[i]))
            for level in range(prices.shape[1]):
                if side == BUY:
                    below = screen.mid * (1.0 - away[BUY, i] - level * step)
                    price = math.floor(min(below, screen.ask - screen.tick) / screen.tick + _SNAP) * screen.tick
                    payable = money * _SLACK / (max(price, screen.tick) * screen.money) if price > 0.0 else 0.0
                    wanted = min(min(size[i], room), np.int64(min(payable, 2.0**60)))
                else:
                    above = screen.mid * (1.0 + away[SELL, i] + level * step)
                    price = math.ceil(max(above, screen.bid + screen.tick) / screen.tick - _SNAP) * screen.tick
                    wanted = min(min(size[i], room), stock)
                amount = wanted // screen.lot * screen.lot
                amounts[side, level, i], prices[side, level, i] = amount, price
                room -= amount
                if side == BUY:
                    money -= amount * (price * screen.money)
                else:
                    stock -= amount


class Volatility:
    """Realised volatility now, as an exponentially weighted mean of squared returns, beside its habit.

    Parameters
    ----------
    dt: seconds per tick. memory: seconds by which a return's weight falls to 1/e. habit: seconds over which the median
    is taken. prior: volatility per root second that stands for the time before the first return.
    """

    STRIDE = 20
    """Values of the habit's window between which the median is not taken again, as a share of the window."""

    def __init__(self, dt: float, memory: float, habit: float, prior: float) -> None:
        self._dt, self._weight = dt, -math.expm1(-dt / memory)
        self._variance, self._price, self._seen = prior * prior, 0.0, 0
        self._past: deque[float] = deque(maxlen=max(round(habit / dt), 1))
        self.habit = prior
        """Median of the volatility, per root second."""

    @property
    def now(self) -> float:
        """Volatility per root second."""
        return math.sqrt(self._variance)

    @property
    def stress(self) -> float:
        """Volatility over its habit."""
        return self.now / self.habit if self.habit > 0.0 else 1.0

    def see(self, price: float) -> None:
        """Take in the price of one more tick."""
        if self._price:
            self._seen += 1
            weight = max(self._weight, 1.0 / (self._seen + 1.0))
            self._variance += weight * (math.log(price / self._price) ** 2 / self._dt - self._variance)
            self._past.append(self.now)
            if self._seen <= self.STRIDE or self._seen % max((self._past.maxlen or 0) // self.STRIDE, 1) == 0:
                self.habit = float(np.median(self._past))
        self._price = price
