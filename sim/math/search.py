"""How much of an order fits."""

from collections.abc import Callable

HALVINGS = 40


def largest_fitting(size: float, fits: Callable[[float], bool]) -> float:
    """The largest part of `size`, to 2^-40 of it, for which `fits` holds, if it holds for whatever is smaller."""
    if size <= 0.0 or fits(size):
        return max(size, 0.0)
    low, high = 0.0, size
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
