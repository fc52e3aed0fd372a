"""The normal distribution, accurate relative to its size however far out in the tail.

Mills' ratio R(z) = N(-z) / phi(z) is smooth and never small, so a cdf written as phi times R keeps all its digits in
the tail, and one exponential serves every cdf whose density is known. The rational approximation was fitted here: it
interpolates R at 22 Chebyshev points of (z - 4) / (z + 4), computed with 60 digits, for z from 0 to 60; its error is
4e-18 of R before rounding, 9e-16 after. All its coefficients are positive, so evaluating it cancels nothing.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs

from sim.jit import inline
from sim.pricing.elementary import exp

DENSITY_AT_ZERO = 0.3989422804014327
LARGEST = 60.0
"""Beyond it densities are zero in double precision, and with them every product with Mills' ratio."""


@inline
def mills(z):
    """R(z) = N(-z) / phi(z) for z from 0; above 60 the value at 60."""
    z = LARGEST if z > LARGEST else z
    top = 0.00029178468285308317 + z * (1.938239987860545e-05 + z * 6.336052954141703e-07)
    top = 0.09417504735759882 + z * (0.01901756521961464 + z * (0.0028094752444327146 + z * top))
    top = 0.9242760722232864 + z * (0.34500099671937534 + z * top)
    top = 1.2533141373155003 + z * (2.09894222111451 + z * (1.74047782862465 + z * top))
    low = 0.0002924182881476477 + z * (1.9382399878611867e-05 + z * 6.336052954141487e-07)
    low = 0.09694575793517904 + z * (0.01930808268835316 + z * (0.0028288576443781964 + z * low))
    low = 2.0503132437084757 + z * (1.0130260748701954 + z * (0.3634413248754933 + z * low))
    return top / (1.0 + z * (2.4725981530474073 + z * (2.8615482792655014 + z * low)))


@inline
def density(z):
    """phi(z)."""
    return DENSITY_AT_ZERO * exp(-0.5 * z * z)


@inline
def cdf(z):
    """N(z), to a relative 1e-14 down to its smallest normal values."""
    tail = density(z) * mills(abs(z))
    return tail if z < 0.0 else 1.0 - tail
