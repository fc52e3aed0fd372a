"""The gain of the loop from prices to orders and back to prices."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
EDGES = (1, 5, 20, 60)
"""Moves back, the last one included, up to which answers are told apart; between two of them all weigh the same."""
ROWS_PER_MOVE = 3
"""Moves so far back are used if the series is this many times as long."""
LEAST = 20
"""Looks below which there is no gain."""


def loop_gain(moves: Floats, responses: Floats) -> float:
    """Total log-price response of some flows, over all lags, to one unit of log-price move.

    The price move that the flows make at a tick is regressed on the last 60 moves seen before it, or as many as
    `ROWS_PER_MOVE` allows, with coefficients that are constant between `EDGES`; the gain is the sum of coefficients
    over moves, without answers that come later. In a linear loop, in which what is seen is news plus the responses of
    the tick before, a unit of news ends as 1 / (1 - gain); at 1 the loop feeds on itself. Below zero, flows lean
    against moves.

    moves: (m,) log-price change from all sources between one look and the next. responses: (m,) log-price change that
    the flows make after each look. Exactly 0 without responses, NaN if there are too few ticks or moves.
    """
    if not responses.any():
        return 0.0
    edges = _edges(moves.size)
    return _total(_lagged(moves, edges), responses, edges, slice(0, len(edges))) if edges else math.nan


def fall_gain(moves: Floats, responses: Floats) -> float:
    """The same to falls alone, where rises have coefficients of their own: rules that fear volatility sell after both.

    Arguments as in `loop_gain`.
    """
    if not responses.any():
        return 0.0
    edges = _edges(moves.size)
    if not edges:
        return math.nan
    parts = [_lagged(part, edges) for part in (np.minimum(moves, 0.0), np.maximum(moves, 0.0))]
    return _total(np.concatenate(parts, axis=1), responses, edges, slice(0, len(edges)))


def _edges(ticks: int) -> list[int]:
    return [edge for edge in EDGES if ROWS_PER_MOVE * edge <= ticks] if ticks >= LEAST else []


def _lagged(moves: Floats, edges: list[int]) -> Floats:
    """(m - last edge + 1, windows) sums of the moves that are from one edge to the next back."""
    path, last = np.concatenate(([0.0], np.cumsum(moves))), edges[-1]
    ends = np.arange(last, moves.size + 1)
    return np.stack([path[ends - near] - path[ends - far] for near, far in zip([0, *edges], edges, strict=False)], 1)


def _total(regressors: Floats, responses: Floats, edges: list[int], wanted: slice) -> float:
    centred = regressors - regressors.mean(axis=0)
    answer = responses[edges[-1] - 1 :] - responses[edges[-1] - 1 :].mean()
    scale = np.sqrt((centred * centred).sum(axis=0))
    if not (scale[wanted] > 0.0).all():
        return math.nan
    used = np.where(scale > 0.0, scale, 1.0)
    unit = centred / used
    # Normal equations: sums in a fixed order, where a decomposition of the long matrix would be left to BLAS.
    gram, right = np.einsum("ti,tj->ij", unit, unit), np.einsum("ti,t->i", unit, answer)
    coefficients = np.linalg.lstsq(gram, right, rcond=1e-10)[0] / used
    return float((coefficients[wanted] * np.diff([0, *edges])).sum())
