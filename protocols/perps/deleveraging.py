"""Who bears it when a bankrupt position finds no buyer: allocation rules of auto-deleveraging.

One allocation serves two uses: how much of each counterparty's position is closed (atoms of the contract), and how a
deficit is taken out of positive profits (atoms of cash, Chitra 2025). Everything is whole atoms and exact: what is
taken sums to min(need, what the rule may take), nobody gives more than it has, and accounts are told apart by their
key alone, never by their row.

    queue              highest score first, each entirely (BitMEX, Binance, Hyperliquid; the score makes the difference)
    random_start       in the order of keys from a random one on, round the circle, each entirely (dYdX v4)
    pro_rata           the same share of everybody; an account split in two next to each other gives the same in total
    levered_pro_rata   shares proportional to the score, here a leverage, up to all an account has
    capped_pro_rata    the same share of everybody up to each one's cap; what caps leave open is spread over the others
    integer_pro_rata   pro rata, the atoms left by rounding going to the largest remainders

Plain and capped pro rata round the running total in the order of keys, the other two by the largest remainders.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError, SpilloverError, suggestion
from sim.jit import inline, kernel
from sim.units import MAX_ATOMS

Atoms = NDArray[np.int64]

DeleveragingRule = Literal[
    "queue", "random_start", "pro_rata", "levered_pro_rata", "capped_pro_rata", "integer_pro_rata"
]
RULES: tuple[str, ...] = get_args(DeleveragingRule)


class Request(NamedTuple):
    """Checked arguments of `allocate`; score and cap as (n,) arrays."""

    need: int
    capacity: Atoms
    score: NDArray[np.float64]
    key: Atoms
    cap: NDArray[np.float64]
    start: int


def allocate(
    rule: DeleveragingRule,
    need: int,
    capacity: Atoms,
    score: ArrayLike,
    key: Atoms,
    cap: ArrayLike = 1.0,
    start: int = 0,
) -> Atoms:
    """Spread `need` over n accounts.

    Parameters
    ----------
    need: atoms wanted, not negative. capacity: (n,) atoms each account has, not negative, below 2**62 in total.
    score: (n,) or scalar; what `queue` sorts by and `levered_pro_rata` weighs by, not NaN; the others ignore it.
    key: (n,) labels, each once; they break ties and order the rounding.
    cap: (n,) or scalar; share of its capacity that `capped_pro_rata` may take from an account, in [0, 1].
    start: the key from which `random_start` begins; draw one of the keys.

    Returns (n,) atoms taken. They sum to min(need, total capacity), under caps to min(need, total of the caps).

    Raises ConfigError for an unknown rule, SpilloverError for arguments outside these bounds.
    """
    if rule not in _TAKE:
        raise ConfigError(f'deleveraging rule: found "{rule}"{suggestion(rule, list(RULES))}')
    n = len(capacity)
    request = Request(
        int(need),
        np.ascontiguousarray(capacity, dtype=np.int64),
        np.broadcast_to(np.asarray(score, dtype=np.float64), n),
        np.ascontiguousarray(key, dtype=np.int64),
        np.broadcast_to(np.asarray(cap, dtype=np.float64), n),
        int(start),
    )
    _check(request)
    return _TAKE[rule](request)


def _check(request: Request) -> None:
    n = request.capacity.size
    if request.key.size != n or np.unique(request.key).size != n:
        raise SpilloverError(f"deleveraging: {n} accounts need as many different keys; found {request.key.tolist()}")
    if request.need < 0 or (n and request.capacity.min() < 0):
        raise SpilloverError("deleveraging: need and capacities must not be negative")
    if request.capacity.sum(dtype=np.float64) >= MAX_ATOMS:
        raise SpilloverError("deleveraging: capacities add up to 2**62 atoms or more; use fewer decimals")
    if np.isnan(request.score).any() or not ((request.cap >= 0.0) & (request.cap <= 1.0)).all():
        raise SpilloverError("deleveraging: scores must be numbers and caps must lie in [0, 1]")


def _in_order(request: Request, order: Atoms) -> Atoms:
    taken = np.empty_like(request.capacity)
    fill_in_order(request.need, request.capacity, order, taken)
    return taken


def _queue(request: Request) -> Atoms:
    return _in_order(request, np.lexsort((request.key, -request.score)))


def _random_start(request: Request) -> Atoms:
    return _in_order(request, np.lexsort((request.key, request.key < request.start)))


def _spread(request: Request, weight: Atoms, limit: Atoms, by_remainder: bool = False) -> Atoms:
    taken = np.empty_like(limit)
    water_fill(min(request.need, int(limit.sum())), weight, limit, np.argsort(request.key), by_remainder, taken)
    return taken


def _pro_rata(request: Request) -> Atoms:
    return _spread(request, request.capacity, request.capacity)


def _integer_pro_rata(request: Request) -> Atoms:
    return _spread(request, request.capacity, request.capacity, by_remainder=True)


def _capped_pro_rata(request: Request) -> Atoms:
    limit = np.minimum(np.floor(request.cap * request.capacity).astype(np.int64), request.capacity)
    return _spread(request, np.where(limit > 0, request.capacity, 0), limit)


def _levered_pro_rata(request: Request) -> Atoms:
    # Whole weights add up the same in every order; the largest power of two keeps the most digits.
    finite = request.score[np.isfinite(request.score)]
    largest = max(float(finite.max(initial=0.0)), np.finfo(np.float64).tiny)
    part = np.clip(np.where(np.isinf(request.score), 1.0, request.score / largest), 0.0, 1.0)
    scale = 2.0 ** (60 - int(request.capacity.sum()).bit_length())
    weight = np.floor(request.capacity * part * scale).astype(np.int64)
    weight = np.where(request.capacity > 0, np.maximum(weight, 1), 0)
    return _spread(request, weight, request.capacity, by_remainder=True)


_TAKE: dict[str, Callable[[Request], Atoms]] = {
    "queue": _queue,
    "random_start": _random_start,
    "pro_rata": _pro_rata,
    "levered_pro_rata": _levered_pro_rata,
    "capped_pro_rata": _capped_pro_rata,
    "integer_pro_rata": _integer_pro_rata,
}

# ------------------------------------------------------------------------------------------------------------- kernels


def _fill_in_order_numpy(need, capacity, order, taken):
    ordered = capacity[order]
    taken[order] = np.clip(need - (np.cumsum(ordered) - ordered), 0, ordered)


@kernel(twin=_fill_in_order_numpy)
def fill_in_order(need, capacity, order, taken):
    """Take all of each account in turn until the need is met.

    Parameters
    ----------
    need: atoms. capacity: int64 (n,). order: int64 (n,), the rows in the order of their turns.
    taken: int64 (n,), overwritten.
    """
    for k in range(order.size):
        row = order[k]
        taken[row] = min(need, capacity[row])
        need -= taken[row]


@inline
def _share(amount, part, whole):
    """Quotient and remainder of amount * part / whole for 0 <= part <= whole < 2**62, one bit of amount at a time.

    The product itself would not fit an int64; what is carried stays below 3 * whole.
    """
    zero, one = np.uint64(0), np.uint64(1)
    bits, step, base = np.uint64(amount), np.uint64(part), np.uint64(whole)
    quotient, rest, mask = zero, zero, np.uint64(1 << 62)
    while mask > bits:
        mask = mask >> one
    while mask > zero:
        quotient, rest = quotient << one, rest << one
        if (bits & mask) > zero:
            rest = rest + step
        while rest >= base:
            rest, quotient = rest - base, quotient + one
        mask = mask >> one
    return np.int64(quotient), np.int64(rest)


@inline
def _close_full(need, weight, limit, full, taken):
    """Give their limit to accounts whose quota reaches it, until none is left; (need, weight) of the others."""
    mass, again = weight.sum(), True
    while again and mass > 0:
        again, pool, total = False, need, mass
        for i in range(limit.size):
            if not full[i] and _share(pool, weight[i], total)[0] >= limit[i]:
                full[i], taken[i], again = True, limit[i], True
                need -= limit[i]
                mass -= weight[i]
    return need, mass


def _water_fill_numpy(need, weight, limit, order, by_remainder, taken):
    exact, most = weight.astype(object), limit.astype(object)
    taken[:] = limit
    rest, mass, unfilled = int(need), int(weight.sum()), np.ones(limit.size, np.bool_)
    while mass > 0:
        full = unfilled & (rest * exact // mass >= most).astype(np.bool_)
        if not full.any():
            break
        unfilled &= ~full
        rest, mass = rest - int(limit[full].sum()), mass - int(weight[full].sum())
    rows = order[unfilled[order]]
    if mass > 0 and by_remainder:
        product = rest * exact[rows]
        taken[rows] = product // mass
        largest = np.argsort(-(product % mass).astype(np.int64), kind="stable")
        taken[rows[largest[: rest - int(taken[rows].sum())]]] += 1
    elif mass > 0:
        upto = rest * np.cumsum(weight[rows]).astype(object) // mass
        taken[rows] = np.diff(upto.astype(np.int64), prepend=0)


@kernel(twin=_water_fill_numpy)
def water_fill(need, weight, limit, order, by_remainder, taken):
    """Take in proportion to weights, nobody above its limit: min(limit, level * weight), exact to the atom.

    Each account gives its share rounded up or down. By remainder, shares are rounded down and the largest remainders
    give one atom more (the earlier in `order` of equals); otherwise the running total in `order` is rounded down.

    Parameters
    ----------
    need: atoms, at most the sum of limits. weight, limit: int64 (n,), zero together, each below 2**62 in total.
    order: int64 (n,), the rows in an order that does not depend on where they stand. taken: int64 (n,), overwritten.
    """
    full, remainder = np.zeros(limit.size, np.bool_), np.ones(limit.size, np.int64)
    taken[:] = 0
    rest, mass = _close_full(need, weight, limit, full, taken)
    left, running, given = rest, 0, 0
    for k in range(order.size):
        row = order[k]
        if not full[row] and mass > 0:
            running += weight[row]
            upto = _share(rest, running, mass)[0]
            quotient, over = _share(rest, weight[row], mass)
            taken[row] = quotient if by_remainder else upto - given
            remainder[k] = -over
            left, given = left - quotient, upto
    if by_remainder and mass > 0:
        largest = np.argsort(remainder, kind="mergesort")
        for k in range(left):
            taken[order[largest[k]]] += 1


# ------------------------------------------------------------------------------------------------- what a deficit meets


class Shortfall(NamedTuple):
    """A venue's losses and what could bear them, atoms of cash: solvent if deficit <= wealth, and deleveraging alone
    can cover a part theta of the deficit if theta * deficit <= capacity."""

    deficit: int
    capacity: int
    wealth: int


def shortfall(equity: Atoms, pnl: Atoms) -> Shortfall:
    """Deficit (negative equity), capacity (positive profits; principal is protected) and wealth (positive equity).

    equity: (n,) atoms of cash per account. pnl: (m,) profits, of the same accounts or of their positions.
    """
    return Shortfall(int(np.maximum(-equity, 0).sum()), int(np.maximum(pnl, 0).sum()), int(np.maximum(equity, 0).sum()))


def top_survival(endowment: Atoms, taken: Atoms, deficit: int) -> float:
    """What the largest winner keeps, per atom of deficit: what constant severity drives to zero as venues grow
    (PTSR in Chitra 2025, taken at the winner of before)."""
    top = int(np.argmax(endowment))
    return float(endowment[top] - taken[top]) / deficit
