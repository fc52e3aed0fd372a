"""Poisson counts by inversion."""

import numpy as np
from numpy.typing import NDArray


def poisson_inverse(uniforms: NDArray[np.float64], mean: float) -> NDArray[np.int64]:
    """Number of events for each uniform number: the smallest count whose distribution function exceeds it.

    One uniform makes one count whatever the mean, so two arms that differ in the mean alone keep their draws in step
    and the larger mean has at least as many events everywhere.

    Parameters
    ----------
    uniforms: any shape, in [0, 1).
    mean: expected count, not negative.
    """
    if mean == 0.0:
        return np.zeros(uniforms.shape, dtype=np.int64)
    counts = np.arange(1.0, np.ceil(mean + 12.0 * np.sqrt(mean) + 40.0))
    log_weights = np.concatenate(([0.0], np.cumsum(np.log(mean) - np.log(counts)))) - mean
    return np.searchsorted(np.cumsum(np.exp(log_weights)), uniforms, side="right").astype(np.int64)
