"""Water filling: money spread over opportunities whose yield falls with what they get."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_POINTS, _LOOKS, _ROUNDS = 257, 3, 60


def water_fill(curves: Sequence[Callable[[Floats], Floats] | None], money: float, hurdle: float = 0.0) -> Floats:
    """(k,) shares of money such that what is held yields the same on the last unit, and what is not yields less.

    curves: (m,) amounts -> (m,) yields, falling or constant; None is never held. money: what there is, in the unit of
    the curves. hurdle: yield below which money is kept. Curves are read at some points, then closer around the answer,
    and straight in between.
    Opportunities of one constant yield share what is left for them equally. The shares sum to at most 1.
    """
    used = [number for number, curve in enumerate(curves) if curve is not None]
    shares = np.zeros(len(curves))
    if not used or money <= 0.0:
        return shares
    some = [curve for curve in curves if curve is not None]
    found, near = np.zeros(len(some)), money
    for _ in range(_LOOKS):
        grids = np.linspace(np.maximum(found - near, 0.0), np.minimum(found + near, money), _POINTS, axis=1)
        table = np.array([curve(grid) for curve, grid in zip(some, grids, strict=True)])
        # Yields never rise with the amount, so that there is an inverse; rounding may say otherwise.
        found = _level(grids, np.minimum.accumulate(table, axis=1), money, hurdle)
        near *= 4.0 / _POINTS
    shares[used] = found / money
    return shares


def _level(grids: Floats, table: Floats, money: float, hurdle: float) -> Floats:
    """(m,) amounts at the level at which money is used up, or at the hurdle. grids, table: (m, points)."""

    def wanted(level: float) -> Floats:
        return np.array([np.interp(-level, -row, grid) for row, grid in zip(table, grids, strict=True)])

    low, high = hurdle, float(np.nextafter(max(float(table.max()), hurdle), np.inf))
    if wanted(low).sum() > money:
        for _ in range(_ROUNDS):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if wanted(middle).sum() > money else (low, middle)
    # On flat stretches of curves the level alone does not say how much: fill them up evenly.
    found = wanted(high)
    room = np.maximum(wanted(low) - found, 0.0)
    left = money - float(found.sum())
    if left > 0.0 and room.sum() > 0.0:
        found = found + room * min(1.0, left / float(room.sum()))
    return found
