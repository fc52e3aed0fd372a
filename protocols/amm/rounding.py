"""Whole-number division of products too wide for int64, by a float64 estimate and its exact residual.

floor(N / D): the estimate of the quotient is off by a few parts in 2^53, and N - q*D, computed modulo 2^64, is the true
residual as long as that fits an int64. N < 2^112 and D < 2^61.3 make it fit: 2^112 * 2^-50.6 + 2^61.3 < 2^63. Plain
Python integers give the same results, so the helpers work with and without the compiler.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math
from fractions import Fraction

from sim.errors import ConfigError
from sim.jit import inline

OUTSIDE = -1
"""What a scalar helper returns for arguments outside the exact range."""
RESERVE_LIMIT = 2**51 - 1
"""Most atoms of one token that a pool may hold: float64 tells whole numbers up to here apart, with bits to spare."""
WIDEST = 2.0**112
"""Bound of a product."""
LARGEST = 2.0**60
"""Bound of a quotient."""


def fee_fraction(fee: float) -> tuple[int, int]:
    """A fee such as 0.003 as the kept part (997, 1000) in lowest terms.

    Raises ConfigError if the fee is not in [0, 1) or has more than six decimals.
    """
    kept = 1 - Fraction(repr(float(fee))) if math.isfinite(fee) else Fraction(0)
    if not 0 < kept <= 1 or kept.denominator > 10**6:
        raise ConfigError(
            f"pool fee is {fee}; allowed: at least 0 and below 1, with at most six decimals; try 0.003 for 30 bp"
        )
    return kept.numerator, kept.denominator


@inline
def exact(estimate, numerator, divisor):
    """floor(N / D) from an estimate off by less than 2; `numerator` is N modulo 2^64 when compiled."""
    quotient = int(estimate)
    rest = numerator - quotient * divisor
    # Loops that hardly ever run are predicted; a select would put the residual on the chain between two swaps.
    while rest < 0:
        quotient -= 1
        rest += divisor
    while rest >= divisor:
        quotient += 1
        rest -= divisor
    return quotient


@inline
def two_products(a, b, c, d, divisor):
    """floor((a*b + c*d) / divisor) of numbers that are not negative, or OUTSIDE where it is beyond the exact range."""
    a, b, c, d, divisor = int(a), int(b), int(c), int(d), int(divisor)
    wide = float(a) * float(b) + float(c) * float(d)
    if divisor <= 0 or wide >= WIDEST or wide / float(divisor) >= LARGEST:
        return OUTSIDE
    quotient = int(wide / float(divisor))
    return quotient + (a * b + c * d - quotient * divisor) // divisor


@inline
def product_over(a, b, divisor):
    """floor(a*b / divisor) of numbers that are not negative, or OUTSIDE where it is beyond the exact range."""
    a, b, divisor = int(a), int(b), int(divisor)
    wide = float(a) * float(b)
    if divisor <= 0 or wide >= WIDEST or wide / float(divisor) >= LARGEST:
        return OUTSIDE
    quotient = int(wide / float(divisor))
    return quotient + (a * b - quotient * divisor) // divisor


@inline
def product_over_up(a, b, divisor):
    """ceil(a*b / divisor), otherwise as `product_over`."""
    a, b, divisor = int(a), int(b), int(divisor)
    quotient = product_over(a, b, divisor)
    return quotient + 1 if quotient >= 0 and a * b - quotient * divisor != 0 else quotient
