"""What has been bid for and not been seen to change since."""

import numpy as np
from numpy.typing import NDArray

_UNCHANGED = 1e-3
"""Relative change of what can be repaid that interest alone does not make between a bid and its execution."""


class Bids:
    """Positions bid for lately: a bid under way is not repeated, one that ran or failed may be followed by another."""

    def __init__(self) -> None:
        self._key = np.empty(0, np.int64)
        self._repay = np.empty(0)
        self._until = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self._key.size

    def under_way(self, key: NDArray[np.int64], repay: NDArray[np.int64], tick: int) -> NDArray[np.bool_]:
        """(m,) whether a position (any stable number) was bid for, has not changed since, and its time is not over."""
        self._keep(self._until > tick)
        if not len(self):
            return np.zeros(key.size, dtype=np.bool_)
        place = np.minimum(np.searchsorted(self._key, key), len(self) - 1)
        before = self._repay[place]
        return (self._key[place] == key) & (np.abs(repay - before) <= _UNCHANGED * before)

    def add(self, key: NDArray[np.int64], repay: NDArray[np.int64], until: int) -> None:
        """Remember bids for positions that could be repaid up to these amounts, until a tick."""
        key, first = np.unique(key, return_index=True)
        self._keep(~np.isin(self._key, key))
        order = np.argsort(keys := np.concatenate((self._key, key)))
        self._key = keys[order]
        self._repay = np.concatenate((self._repay, repay[first].astype(np.float64)))[order]
        self._until = np.concatenate((self._until, np.full(key.size, until)))[order]

    def _keep(self, mask: NDArray[np.bool_]) -> None:
        if not mask.all():
            self._key, self._repay, self._until = self._key[mask], self._repay[mask], self._until[mask]
