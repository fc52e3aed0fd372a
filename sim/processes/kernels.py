"""Loops of the price processes: the Heston variance and the regime chain."""

import math

import numpy as np

from sim.jit import kernel

_SWITCH = 1.5
"""psi above which the exponential form replaces the quadratic one; Andersen allows 1 to 2 and takes 1.5."""
_ROOT_HALF = math.sqrt(0.5)


def _quadratic_exponential_numpy(v0, decay, theta, slope, floor, normals):
    ticks, assets = normals.shape
    path = np.empty((ticks + 1, assets))
    path[0] = v0
    for t in range(ticks):
        mean = theta + (path[t] - theta) * decay
        psi = (path[t] * slope + floor) / (mean * mean)
        calm = psi <= _SWITCH
        twice = 2.0 / np.minimum(psi, _SWITCH)
        square = twice - 1.0 + np.sqrt(twice) * np.sqrt(twice - 1.0)
        root = np.sqrt(square) + normals[t]
        path[t + 1] = mean / (1.0 + square) * (root * root)
        # math, not NumPy: its vector logarithm may differ from the compiled one in the last bit
        for i in np.flatnonzero(~calm):
            tail, alive = 0.5 * math.erfc(normals[t, i] * _ROOT_HALF), 2.0 / (psi[i] + 1.0)
            path[t + 1, i] = math.log(alive / tail) * (mean[i] / alive) if tail < alive else 0.0
    return path


@kernel(twin=_quadratic_exponential_numpy)
def quadratic_exponential(v0, decay, theta, slope, floor, normals):
    """Variance path (ticks + 1, k): conditional mean and variance are exact, the shape is matched.

    Given v, the next variance has mean theta + (v - theta) decay and variance slope v + floor. Where it is wide
    relative to its mean (psi = variance / mean^2 > 1.5) it is zero or exponential, otherwise a squared normal.
    """
    ticks, assets = normals.shape
    path = np.empty((ticks + 1, assets))
    path[0] = v0
    for t in range(ticks):
        for i in range(assets):
            mean = theta + (path[t, i] - theta) * decay
            psi = (path[t, i] * slope + floor) / (mean * mean)
            if psi <= _SWITCH:
                twice = 2.0 / psi
                square = twice - 1.0 + math.sqrt(twice) * math.sqrt(twice - 1.0)
                root = math.sqrt(square) + normals[t, i]
                path[t + 1, i] = mean / (1.0 + square) * (root * root)
            else:
                tail, alive = 0.5 * math.erfc(normals[t, i] * _ROOT_HALF), 2.0 / (psi + 1.0)
                path[t + 1, i] = math.log(alive / tail) * (mean / alive) if tail < alive else 0.0
    return path


def _switching_states_numpy(start, thresholds, uniforms):
    states = np.empty(uniforms.size + 1, dtype=np.int64)
    states[0] = start
    targets = np.stack([np.searchsorted(row, uniforms, side="right") for row in thresholds])
    for t in range(uniforms.size):
        states[t + 1] = targets[states[t], t]
    return states


@kernel(twin=_switching_states_numpy)
def switching_states(start, thresholds, uniforms):
    """Markov chain (ticks,) by inversion; `thresholds` (k, k - 1) are the cumulated rows of its transition matrix."""
    states = np.empty(uniforms.size + 1, dtype=np.int64)
    states[0] = start
    for t in range(uniforms.size):
        following = 0
        for column in range(thresholds.shape[1]):
            following += thresholds[states[t], column] <= uniforms[t]
        states[t + 1] = following
    return states
