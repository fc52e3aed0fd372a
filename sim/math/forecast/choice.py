"""Learned choices: which strike to sell or how often to rebalance, given what is seen now, from how each choice did.

The result of every choice is a linear function of the features, fitted by ridge regression; the choice with the highest
forecast is taken. Whether that is worth anything is asked of data that it was not fitted to, and against the hardest
opponent there is: the fixed choice that turned out best there.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError

Floats = NDArray[np.float64]


class Policy(NamedTuple):
    """What was learned. center, scale: (f,) of the features. weights: (1 + f, k), constant first."""

    center: Floats
    scale: Floats
    weights: Floats

    def choose(self, features: Floats) -> NDArray[np.intp]:
        """(n,) number of the choice for each row of (n, f) features; the first of equals."""
        return np.asarray(np.argmax(_design(features, self.center, self.scale) @ self.weights, axis=1))


class Verdict(NamedTuple):
    """A policy beside every fixed choice, out of sample.

    learned: its mean result. fixed: (k,) of each choice. best: number of the best of these. gain: learned less that.
    t: of the gain, by its standard error. episodes: how many.
    """

    learned: float
    fixed: Floats
    best: int
    gain: float
    t: float
    episodes: int

    @property
    def beats(self) -> bool:
        """Whether it is better than every fixed choice at the 5% level, one-sided."""
        return self.t > 1.645


def fit_choice(features: Floats, results: Floats, ridge: float = 1.0) -> Policy:
    """Learn from (n, f) features and the (n, k) results that each choice had.

    ridge: pull of the weights towards none, in episodes; the constant is free. Raises ConfigError if shapes do not
    match or there is nothing to learn from.
    """
    seen, had = np.asarray(features, dtype=np.float64), np.asarray(results, dtype=np.float64)
    if seen.ndim != 2 or had.ndim != 2 or len(seen) != len(had) or len(seen) < 2:
        raise ConfigError(
            f"a choice to learn: features have shape {seen.shape} and results {had.shape}; "
            "give (n, f) and (n, k) with the same n of at least 2"
        )
    center, scale = seen.mean(axis=0), seen.std(axis=0)
    scale = np.where(scale > 0.0, scale, 1.0)
    design = _design(seen, center, scale)
    pull = np.diag([0.0, *[ridge] * seen.shape[1]])
    weights = np.asarray(np.linalg.solve(design.T @ design + pull, design.T @ had), dtype=np.float64)
    return Policy(center, scale, weights)


def judge(policy: Policy, features: Floats, results: Floats) -> Verdict:
    """Score a policy on episodes that it was not fitted to: (n, f) features and (n, k) results."""
    had = np.asarray(results, dtype=np.float64)
    own = had[np.arange(len(had)), policy.choose(features)]
    fixed = had.mean(axis=0)
    best = int(np.argmax(fixed))
    gain = own - had[:, best]
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    mean = float(gain.mean())
    return Verdict(float(own.mean()), fixed, best, mean, mean / error if error > 0.0 else 0.0, len(gain))


def _design(features: Floats, center: Floats, scale: Floats) -> Floats:
    standard = (np.asarray(features, dtype=np.float64) - center) / scale
    return np.column_stack([np.ones(len(standard)), standard])
