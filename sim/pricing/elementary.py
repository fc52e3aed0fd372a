"""Exponential and logarithm without branches or calls, so that a loop over options runs in vector registers.

They are also the same bits on every machine, which the C library's and NumPy's are not. Errors are within two units in
the last place. Written for kernels; with the compiler off they are plain NumPy scalar code.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import numpy as np

from sim.jit import inline

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""ln 2 in two parts; the first has trailing zeros, so that its product with an exponent is exact."""
_SHIFTER = 6755399441055744.0
"""1.5 * 2^52: adding it rounds to a whole number and leaves that number in the lowest bits."""
_BIAS = 1023
"""Of the exponent of a double."""
_ROOT_HALF_BITS = 4604544271217802189
"""Bits of the square root of one half: the lower end of the mantissas whose logarithm is expanded."""


@inline
def exp(x):
    """e^x; zero below -708 (no subnormal results) and infinite above 709."""
    near = -708.0 if x < -708.0 else 709.0 if x > 709.0 else x
    shifted = near * _LOG2_E + _SHIFTER
    whole = shifted - _SHIFTER
    r = (near - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 1.0 / 3628800.0 + r * (1.0 / 39916800.0 + r * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0)))
    p = 1.0 / 5040.0 + r * (1.0 / 40320.0 + r * (1.0 / 362880.0 + r * p))
    p = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * p))
    p = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * p)))
    scale = np.int64((np.float64(shifted).view(np.int64) + _BIAS) << 52).view(np.float64)
    return 0.0 if x < -708.0 else np.inf if x > 709.0 else p * scale


@inline
def log_ratio(above, below):
    """log(above / below) of two positive numbers, without loss where they are close.

    Takes out the power of two k for which above / (2^k below) is next to one, and sums the series of atanh.
    """
    k = (np.float64(np.float64(above) / below).view(np.int64) - _ROOT_HALF_BITS) >> 52
    below = below * np.int64((k + _BIAS) << 52).view(np.float64)
    s = (above - below) / (above + below)
    z = s * s
    p = 1.0 / 15.0 + z * (1.0 / 17.0 + z * (1.0 / 19.0 + z * (1.0 / 21.0)))
    p = 1.0 / 7.0 + z * (1.0 / 9.0 + z * (1.0 / 11.0 + z * (1.0 / 13.0 + z * p)))
    tail = 2.0 * s * (z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * p)))
    return k * _LN2_HIGH + (2.0 * s + (tail + k * _LN2_LOW))
