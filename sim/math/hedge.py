"""Which contracts, in which size, bring a book's Greeks to where they should be."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError

NEUTRAL = 1e-10
"""Largest distance from a target that counts as none, relative to the largest term of that Greek, or to one if less."""


class Hedge(NamedTuple):
    """What to trade.

    sizes: (m,) contracts of each instrument, negative to sell. cost: of trading them. greeks: (k,) of the book after.
    """

    sizes: NDArray[np.float64]
    cost: float
    greeks: NDArray[np.float64]


def least_cost_hedge(
    instruments: ArrayLike,
    book: ArrayLike,
    cost: ArrayLike,
    target: ArrayLike = 0.0,
    band: ArrayLike = 0.0,
    limit: ArrayLike = np.inf,
) -> Hedge:
    """Cheapest trades that put every chosen Greek of a book within a band of its target.

    A linear programme over bought and sold contracts, solved by HiGHS; its vertex is then solved again as a linear
    system, so targets are met to `NEUTRAL`, not to the tolerance of the solver. A book within its bands trades nothing.

    Parameters
    ----------
    instruments: (m, k) Greeks of one contract of each instrument; only the columns that matter.
    book: (k,) Greeks of the book now.
    cost: (m,) of trading one contract, bought or sold; at least 0.
    target: (k,) Greeks wanted, or one for all.
    band: (k,) distance from the target that is left alone, or one for all; at least 0.
    limit: (m,) most contracts of each instrument, or one for all; at least 0.

    Raises
    ------
    ConfigError: shapes do not match; a cost, band or limit is negative; no sizes within the limits reach the targets.
    """
    each, now = np.atleast_2d(np.asarray(instruments, dtype=np.float64)), np.asarray(book, dtype=np.float64)
    count, kinds = each.shape
    prices = np.asarray(cost, dtype=np.float64)
    if now.shape != (kinds,) or prices.shape != (count,):
        raise ConfigError(
            f"hedge: instruments have shape {each.shape}, so book must be ({kinds},) and cost ({count},); "
            f"found {now.shape} and {prices.shape}"
        )
    room, most = np.broadcast_to(np.asarray(band, float), kinds), np.broadcast_to(np.asarray(limit, float), count)
    for name, values in (("cost", prices), ("band", room), ("limit", most)):
        if not np.all(values >= 0.0):
            raise ConfigError(f"hedge: {name} is {values.min():g}; it must be at least 0")
    gap = np.asarray(target, dtype=np.float64) - now
    if np.all(np.abs(gap) <= room):
        return Hedge(np.zeros(count), 0.0, now)
    kind_scale = _scale(each, axis=0)
    own_scale = _scale(each / kind_scale, axis=1)
    even = each / kind_scale / own_scale[:, None]
    sizes = _vertex(even, gap / kind_scale, room / kind_scale, prices / own_scale, most * own_scale) / own_scale
    return Hedge(sizes, float((np.abs(sizes) * prices).sum()), now + (each * sizes[:, None]).sum(axis=0))


def exact_hedge(instruments: ArrayLike, gaps: ArrayLike) -> NDArray[np.float64]:
    """Sizes (n, k) of k instruments that change the k Greeks of each of n books by exactly `gaps` (n, k).

    For as many instruments as Greeks there is one answer and no choice of cost; many books share one factorisation.

    Raises ConfigError if the instruments' Greeks (k, k) are linearly dependent.
    """
    each, wanted = np.asarray(instruments, dtype=np.float64), np.asarray(gaps, dtype=np.float64)
    rows, columns = np.abs(each).max(axis=1), np.abs(each).max(axis=0)
    if not rows.all() or not columns.all() or np.linalg.cond(each / rows[:, None] / columns) > 1e12:
        raise ConfigError(
            f"hedge: the Greeks of {len(each)} instruments are linearly dependent, so they cannot be set one by one; "
            "take instruments that differ in strike or expiry, or choose fewer Greeks"
        )
    return np.linalg.solve(each.T, wanted.T).T.astype(np.float64)


def _scale(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    largest = np.abs(values).max(axis=axis)
    return np.where(largest > 0.0, largest, 1.0)


def _vertex(
    each: NDArray[np.float64],
    gap: NDArray[np.float64],
    room: NDArray[np.float64],
    prices: NDArray[np.float64],
    most: NDArray[np.float64],
) -> NDArray[np.float64]:
    from scipy.optimize import linprog

    # Sizes in units that close the largest gap, so that the solver's absolute tolerances mean the same for every book.
    unit = float(np.abs(gap).max())
    want, near = gap / unit, room / unit * (1.0 - 1e-9)
    effect = np.hstack((each.T, -each.T))
    bounds = np.column_stack((np.zeros(2 * most.size), np.tile(most / unit, 2)))
    found = linprog(
        np.tile(prices, 2), A_ub=np.vstack((effect, -effect)), b_ub=np.concatenate((want + near, near - want)),
        bounds=bounds, method="highs-ds",
    )  # fmt: skip
    if found.x is None:
        raise _unreachable(each, gap, room, most)
    sizes = _polished(each, found.x[: most.size] - found.x[most.size :], want, near, most / unit) * unit
    size_of_terms = np.maximum(np.maximum(1.0, np.abs(gap)), np.abs(each * sizes[:, None]).max(axis=0))
    if np.any(np.abs(sizes @ each - gap) > room + NEUTRAL * size_of_terms):
        raise _unreachable(each, gap, room, most)
    return sizes


def _polished(
    each: NDArray[np.float64],
    sizes: NDArray[np.float64],
    want: NDArray[np.float64],
    near: NDArray[np.float64],
    most: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The solver's vertex without its tolerance: sizes at a bound stay there, the others solve the binding Greeks."""
    sizes = np.where(np.abs(sizes) < 1e-9, 0.0, np.clip(sizes, -most, most))
    free = (sizes != 0.0) & (np.abs(sizes) < most * (1.0 - 1e-9))
    off = sizes @ each - want
    binding = np.abs(np.abs(off) - near) < 1e-6
    for _ in range(2):
        off = sizes @ each - want
        excess = off - np.sign(off) * near
        step = np.linalg.lstsq(each[free][:, binding].T, -excess[binding], rcond=1e-12)[0]
        sizes[free] += step
    return sizes


def _unreachable(
    each: NDArray[np.float64], gap: NDArray[np.float64], room: NDArray[np.float64], most: NDArray[np.float64]
) -> ConfigError:
    reach = (np.abs(each) * np.where(most > 0.0, 1.0, 0.0)[:, None]).sum(axis=0)
    short = [str(k) for k in np.flatnonzero((reach == 0.0) & (np.abs(gap) > room))]
    why = (
        f"no instrument that may be traded carries Greek {', '.join(short)}"
        if short
        else "their Greeks do not span the gap within the limits"
    )
    return ConfigError(
        f"hedge: {len(each)} instruments cannot reach the target: {why}; "
        "add an instrument, widen the band or the limits, or choose fewer Greeks"
    )
