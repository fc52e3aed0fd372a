"""Variance learned from examples: any regressor with `fit` and `predict`, trained once and asked many times.

Features and target are logarithms of mean squares over those of the longest window, so what is learned at one level of
volatility, or at one length of a tick, holds at any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_LEAST = 1e-6
"""Least mean square over that of the longest window."""


class Regressor(Protocol):
    """What scikit-learn calls a regressor."""

    def fit(self, features: Floats, target: Floats) -> Any:
        """Learn from (n, k) features and (n,) targets."""

    def predict(self, features: Floats) -> Floats:
        """(n,) targets of (n, k) features."""


@dataclass(frozen=True)
class Learned:
    """A trained regressor. smearing: mean of exp(error) in training, to undo the logarithm (Duan, JASA 78, 1983)."""

    regressor: Regressor
    windows: tuple[int, ...]
    horizon: int
    smearing: float

    def forecast(self, returns: Floats) -> float:
        """Mean variance of the next returns; their plain mean square while they are fewer than the longest window."""
        longest = self.windows[-1]
        if returns.size < longest:
            return float((returns * returns).mean()) if returns.size else float("nan")
        level = float((returns[-longest:] ** 2).mean())
        features = feature_table(returns[-longest:], self.windows)
        return level * self.smearing * float(np.exp(self.regressor.predict(features)[0]))


def feature_table(returns: Floats, windows: Sequence[int]) -> Floats:
    """(n - longest + 1, k - 1) log mean square over each shorter window, relative to the longest; rising windows."""
    means = _means(returns, windows)
    return np.log(np.maximum(means[:, :-1] / np.maximum(means[:, -1:], 1e-300), _LEAST))


def train(regressor: Regressor, returns: Floats, windows: Sequence[int], horizon: int) -> Learned:
    """Fit a regressor to what followed each place of a sample.

    windows: returns in each feature's window, rising, at least two. horizon: returns ahead. Raises ValueError if the
    sample has fewer than ten examples.
    """
    longest, examples = max(windows), returns.size - max(windows) - horizon + 1
    if examples < 10 or list(windows) != sorted(set(windows)) or len(windows) < 2:
        raise ValueError(
            f"{returns.size} returns, windows {list(windows)} and a horizon of {horizon} give {max(examples, 0)} "
            "examples; give two or more rising windows and a sample with at least ten examples"
        )
    features = feature_table(returns, windows)[:examples]
    ahead = _means(returns[longest:], [horizon])[:examples, 0]
    level = np.maximum(_means(returns, [longest])[:examples, 0], 1e-300)
    target = np.log(np.maximum(ahead / level, _LEAST))
    regressor.fit(features, target)
    errors = target - np.asarray(regressor.predict(features))
    return Learned(regressor, tuple(windows), horizon, float(np.exp(errors).mean()))


def _means(returns: Floats, windows: Sequence[int]) -> Floats:
    total = np.concatenate(([0.0], np.cumsum(returns * returns)))
    ends = np.arange(max(windows), returns.size + 1)
    return np.stack([np.maximum(total[ends] - total[ends - window], 0.0) / window for window in windows], axis=1)
