"""What has been bid for in a tick and not been seen to change since."""

import numpy as np
from numpy.typing import NDArray

_UNCHANGED = 1e-3
"""Relative change of what can be repaid that interest alone does not make between a bid and its execution."""


class Bids:
    """Positions bid for in this tick: one that is still the same was not won, and another bid would fare no better."""

    def __init__(self) -> None:
        self.clear()

    def __len__(self) -> int:
        return self._key.size

    def clear(self) -> None:
        """Forget all bids."""
        self._key, self._repay = np.empty(0, np.int64), np.empty(0)

    def made(self, key: NDArray[np.int64], repay: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(m,) whether a position (any stable number) was bid for and has not changed since."""
        if not len(self):
            return np.zeros(key.size, dtype=np.bool_)
        place = np.minimum(np.searchsorted(self._key, key), len(self) - 1)
        before = self._repay[place]
        return (self._key[place] == key) & (np.abs(repay - before) <= _UNCHANGED * before)

    def add(self, key: NDArray[np.int64], repay: NDArray[np.int64]) -> None:
        """Remember bids for positions that could be repaid up to these amounts."""
        key, first = np.unique(key, return_index=True)
        others = ~np.isin(self._key, key)
        keys = np.concatenate((self._key[others], key))
        order = np.argsort(keys)
        self._key = keys[order]
        self._repay = np.concatenate((self._repay[others], repay[first].astype(np.float64)))[order]
