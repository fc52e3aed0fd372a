"""Two regimes of volatility that cannot be seen: the filter of Hamilton (Econometrica 57, 1989) and its fit.

Returns are normal about zero with a calm or a wild variance; which of them is a Markov chain.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.jit import kernel

Floats = NDArray[np.float64]
FEW = 20
"""Returns below which nothing is fitted."""
_LEAST_STAY, _MOST_STAY = 0.5, 1.0 - 1e-6


class Regimes(NamedTuple):
    """variance: (2,) of one return, calm and wild. stay: (2,) probability that the regime is the same at the next."""

    variance: tuple[float, float]
    stay: tuple[float, float]

    @property
    def shares(self) -> Floats:
        """(2,) share of time spent in each."""
        calm, wild = 1.0 - self.stay[1], 1.0 - self.stay[0]
        return np.array([calm, wild]) / (calm + wild)

    @property
    def moves(self) -> Floats:
        """(2, 2) transition matrix."""
        (calm, wild) = self.stay
        return np.array([[calm, 1.0 - calm], [1.0 - wild, wild]])


@kernel()
def filter_regimes(density, stay, start, filtered, scale):
    """Probability of each regime given the past and the present.

    density: (n, 2) of each return in each regime, up to a factor per row. stay, start: (2,). filtered: (n, 2) and
    scale: (n,) density of each return given the past, overwritten.
    """
    calm = start[0]
    wild = start[1]
    for t in range(scale.size):
        a = calm * density[t, 0]
        b = wild * density[t, 1]
        scale[t] = a + b
        a = a / scale[t]
        b = b / scale[t]
        filtered[t, 0] = a
        filtered[t, 1] = b
        calm = a * stay[0] + b * (1.0 - stay[1])
        wild = a * (1.0 - stay[0]) + b * stay[1]


@kernel()
def smooth_regimes(filtered, stay, smoothed):
    """Probability of each regime given the whole sample (Kim, J. Econometrics 60, 1994); smoothed: (n, 2)."""
    last = smoothed.shape[0] - 1
    smoothed[last, 0] = filtered[last, 0]
    smoothed[last, 1] = filtered[last, 1]
    for back in range(last):
        t = last - 1 - back
        a = filtered[t, 0]
        b = filtered[t, 1]
        calm = smoothed[t + 1, 0] / (a * stay[0] + b * (1.0 - stay[1]))
        wild = smoothed[t + 1, 1] / (a * (1.0 - stay[0]) + b * stay[1])
        smoothed[t, 0] = a * (stay[0] * calm + (1.0 - stay[0]) * wild)
        smoothed[t, 1] = b * ((1.0 - stay[1]) * calm + stay[1] * wild)


class Filtered(NamedTuple):
    """probability: (n, 2) of each regime given returns so far. log_likelihood: of the whole sample."""

    probability: Floats
    log_likelihood: float


def hamilton(returns: Floats, model: Regimes, start: Floats | None = None) -> Filtered:
    """Filter a sample. start: (2,) probability of each regime at the first return; its share of time if none."""
    variance = np.array(model.variance)
    log_density = -0.5 * (np.log(2.0 * math.pi * variance) + (returns * returns)[:, None] / variance)
    # Divided by the larger of the two, so that a return far out in both tails does not vanish.
    top = log_density.max(axis=1)
    filtered, scale = np.empty((returns.size, 2)), np.empty(returns.size)
    first = model.shares if start is None else start
    filter_regimes(np.exp(log_density - top[:, None]), np.array(model.stay), first, filtered, scale)
    return Filtered(filtered, float((np.log(scale) + top).sum()))


def smooth(filtered: Floats, model: Regimes) -> Floats:
    """(n, 2) probabilities given the whole sample, from those given returns so far."""
    smoothed = np.empty_like(filtered)
    smooth_regimes(filtered, np.array(model.stay), smoothed)
    return smoothed


def fit_regimes(returns: Floats, rounds: int = 50, tolerance: float = 1e-6) -> Regimes:
    """Maximum likelihood by expectation maximisation; one variance for both regimes where returns are too few or zero.

    rounds: most iterations. tolerance: gain in log likelihood below which it stops.
    """
    squares = returns * returns
    level = float(squares.mean()) if squares.size else 0.0
    if squares.size < FEW or level <= 0.0:
        return Regimes((level, level), (0.5, 0.5))
    floor = 1e-6 * level
    wild = np.argsort(np.argsort(squares, kind="stable")) >= squares.size * 4 // 5
    model = Regimes((max(float(squares[~wild].mean()), floor), max(float(squares[wild].mean()), floor)), (0.95, 0.9))
    before = -math.inf
    for _ in range(rounds):
        found = hamilton(returns, model)
        if found.log_likelihood - before < tolerance:
            break
        before, model = found.log_likelihood, _improved(squares, found.probability, model, floor)
    return model if model.variance[0] <= model.variance[1] else Regimes(model.variance[::-1], model.stay[::-1])


def _improved(squares: Floats, filtered: Floats, model: Regimes, floor: float) -> Regimes:
    smoothed, moves = smooth(filtered, model), model.moves
    predicted = np.einsum("ti,ij->tj", filtered[:-1], moves)
    joint = np.einsum("ti,ij,tj->ij", filtered[:-1], moves, smoothed[1:] / predicted)
    stay = np.clip(np.diag(joint) / joint.sum(axis=1), _LEAST_STAY, _MOST_STAY)
    variance = np.maximum((smoothed * squares[:, None]).sum(axis=0) / smoothed.sum(axis=0), floor)
    return Regimes((float(variance[0]), float(variance[1])), (float(stay[0]), float(stay[1])))


def mean_ahead(model: Regimes, now: Floats, horizon: int) -> float:
    """Mean variance of the next `horizon` returns. now: (2,) probabilities of the present regime."""
    shares = model.shares
    fade = model.stay[0] + model.stay[1] - 1.0
    weight = fade if horizon == 1 else fade * (1.0 - fade**horizon) / (horizon * (1.0 - fade))
    return float(((shares + weight * (now - shares)) * np.array(model.variance)).sum())
