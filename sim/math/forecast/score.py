"""How good a forecast of variance is: out of sample, against the plainest one there is."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Forecast = Callable[[Floats, int], float]
"""(returns so far, horizon) -> mean variance of the next returns, both per return."""
DECAY = 0.94


class Score(NamedTuple):
    """A forecast beside EWMA on the same targets; `beats` says whether the difference is more than noise.

    qlike, ewma_qlike: mean loss, zero if perfect. r_squared: 1 less the squared error over EWMA's, above 0 if better.
    t: mean gain in QLIKE over its standard error (Diebold and Mariano, J. Business & Economic Statistics 13, 1995).
    """

    qlike: float
    ewma_qlike: float
    r_squared: float
    t: float
    targets: int

    @property
    def beats(self) -> bool:
        """Whether it is better than EWMA at the 5% level, one-sided."""
        return self.t > 1.645


def qlike(realised: Floats, forecast: Floats) -> Floats:
    """(n,) x - log x - 1 with x = realised / forecast: the loss that noise in the realised variance does not bias.

    Patton, J. Econometrics 160, 2011. Needs realised values above 0.
    """
    ratio = realised / forecast
    return np.asarray(ratio - np.log(ratio) - 1.0)


def ewma(returns: Floats, horizon: int = 1) -> float:
    """RiskMetrics' forecast, the same for any horizon: weights fall by 0.94 per return and sum to one."""
    weights = DECAY ** np.arange(returns.size - 1, -1, -1.0)
    return float((weights * returns * returns).sum() / weights.sum())


def out_of_sample(forecast: Forecast, returns: Floats, first: int, horizon: int) -> Score:
    """Score forecasts made at `first`, `first + horizon`, ... from earlier returns alone.

    Targets do not overlap, so losses of a good forecast are hardly correlated; targets of zero are left out.
    """
    places = range(first, returns.size - horizon + 1, horizon)
    realised = np.array([float((returns[t : t + horizon] ** 2).mean()) for t in places])
    made = np.array([[forecast(returns[:t], horizon), ewma(returns[:t])] for t in places]).reshape(-1, 2)
    sound = (realised > 0.0) & (made > 0.0).all(axis=1)
    realised, made = realised[sound], made[sound]
    if realised.size < 2:
        raise ValueError(f"{realised.size} targets from {returns.size} returns; a score needs at least two")
    own, plain = qlike(realised, made[:, 0]), qlike(realised, made[:, 1])
    errors = ((made - realised[:, None]) ** 2).sum(axis=0)
    gain = plain - own
    spread = float(gain.std(ddof=1)) / math.sqrt(gain.size)
    return Score(
        qlike=float(own.mean()),
        ewma_qlike=float(plain.mean()),
        r_squared=1.0 - float(errors[0] / errors[1]) if errors[1] > 0.0 else 0.0,
        t=float(gain.mean()) / spread if spread > 0.0 else 0.0,
        targets=gain.size,
    )
