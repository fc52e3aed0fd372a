"""Sealed bids, one price: everybody who bids more than the lowest winner pays what the lowest winner bid."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Award(NamedTuple):
    """Outcome of an auction. price: USD per unit. amount: int64 (bids,) atoms of units."""

    price: float
    amount: Ints


def uniform_price(limit: Floats, amount: Ints, key: Ints, supply: int, reserve: float) -> Award:
    """Sell up to `supply` atoms to the highest bids at or above the reserve, at the lowest winning bid.

    Where the auction is oversubscribed, bids at that price share what is left in proportion to their amounts, whole
    atoms by largest remainder and then by key. With supply left over, everybody pays the lowest accepted bid.

    Parameters
    ----------
    limit: (bids,) USD per unit. amount: int64 (bids,) atoms. key: (bids,) breaks ties whatever the order of bids.
    """
    given = np.zeros(limit.size, np.int64)
    left, price = supply, reserve
    for level in np.unique(limit[limit >= reserve])[::-1].tolist():
        if left <= 0:
            break
        mine = np.flatnonzero(limit == level)
        asked = sum(amount[mine].tolist())
        price = level
        if asked <= left:
            given[mine] = amount[mine]
        else:
            given[mine] = _pro_rata(left, amount[mine].tolist(), key[mine].tolist())
        left -= int(given[mine].sum())
    return Award(float(price), given)


def _pro_rata(total: int, weights: list[int], keys: list[int]) -> list[int]:
    whole = sum(weights)
    parts = [divmod(total * weight, whole) for weight in weights]
    out = [part for part, _ in parts]
    for place in sorted(range(len(parts)), key=lambda i: (-parts[i][1], keys[i]))[: total - sum(out)]:
        out[place] += 1
    return out
