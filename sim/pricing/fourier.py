"""Option prices from a characteristic function: the COS method (Fang and Oosterlee, SIAM J. Sci. Computing 31, 2008).

The density of log(S_T / F) is expanded in cosines on an interval that its cumulants set. All strikes of an expiry share
the expansion; each needs one sum. Puts are summed, because their payoff is bounded, and calls follow from parity.
"""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import ConfigError
from sim.jit import kernel
from sim.pricing.characteristic import CharacteristicModel

TERMS = 256
"""Cosines of a strip, unless told otherwise."""
WIDTH = 16.0
"""Half of the interval in scales of the density."""
_PROBE = 0.05
"""Frequency, in inverse scales, at which cumulants are measured."""


@kernel()
def cos_strip(weights, low, span, forward, strike, discount, is_call, out):
    """Prices of a strip of strikes from the cosine weights of one density.

    Parameters
    ----------
    weights: (terms,) float64, real parts of the expansion, the first already halved, times 2 / span.
    low, span: start and length of the interval of log(S_T / F). forward, discount: float.
    strike: (n,) float64 above zero. is_call: (n,) bool. out: (n,) float64, written.

    Cosines of successive frequencies come from one rotation; NumPy would evaluate each, so there is no separate twin.
    """
    for j in range(out.size):
        edge = min(max(math.log(strike[j] / forward), low), low + span)
        grown, base = math.exp(edge), math.exp(low)
        angle = math.pi * (edge - low) / span
        turn_c, turn_s = math.cos(angle), math.sin(angle)
        c, s = 1.0, 0.0
        total = weights[0] * (strike[j] * (edge - low) - forward * (grown - base))
        for k in range(1, weights.size):
            c, s = c * turn_c - s * turn_s, s * turn_c + c * turn_s
            u = k * math.pi / span
            chi = (grown * (c + u * s) - base) / (1.0 + u * u)
            total += weights[k] * (strike[j] * s / u - forward * chi)
        put = discount * total
        out[j] = put + discount * (forward - strike[j]) if is_call[j] else put


def interval(model: CharacteristicModel, years: float, width: float = WIDTH) -> tuple[float, float]:
    """Where the density of log(S_T / F) lies: mean plus and minus `width` times sqrt(c2 + sqrt(c4)).

    The cumulants c1, c2 and c4 are measured from the characteristic function near zero.
    """
    scale = math.sqrt(max(_second(model, years, 1e-3), 1e-12))
    step = _PROBE / scale
    logs = np.log(model.characteristic(np.array([step, 2.0 * step]), years))
    mean = float((8.0 * logs[0].imag - logs[1].imag) / (6.0 * step))
    fourth = float((logs[1].real - 4.0 * logs[0].real) * 2.0 / step**4)
    second = float((logs[1].real - 16.0 * logs[0].real) / (6.0 * step**2))
    half = width * math.sqrt(second + math.sqrt(max(fourth, 0.0)))
    return mean - half, mean + half


def _second(model: CharacteristicModel, years: float, step: float) -> float:
    value = model.characteristic(np.array([step]), years)
    return float(-2.0 * np.log(value).real[0] / step**2)


def cos_prices(
    model: CharacteristicModel,
    forward: float,
    strike: ArrayLike,
    years: float,
    discount: float = 1.0,
    is_call: ArrayLike = True,
    terms: int = TERMS,
    width: float = WIDTH,
) -> NDArray[np.float64]:
    """Prices of European options of one expiry.

    Parameters
    ----------
    model: see sim.pricing.characteristic. forward: of the expiry. strike: any shape. discount: present value of one
    unit at expiry. is_call: broadcasts against strike. terms: cosines; the error falls exponentially in them.
    width: half of the interval in scales of the density; see `interval`.

    Raises ConfigError for an expiry, forward or strike that is not above zero.
    """
    strikes, calls = np.broadcast_arrays(np.asarray(strike, dtype=np.float64), np.asarray(is_call, dtype=np.bool_))
    if not (years > 0.0 and forward > 0.0 and np.all(strikes > 0.0)):
        lowest = np.min(strikes) if strikes.size else 1.0
        raise ConfigError(
            f"years {years:g}, forward {forward:g}, lowest strike {lowest:g}: all must be above zero; "
            "at expiry an option is worth its payoff"
        )
    low, high = interval(model, years, width)
    u = np.arange(terms, dtype=np.float64) * (math.pi / (high - low))
    weights = np.real(model.characteristic(u, years) * np.exp(-1j * u * low)) * (2.0 / (high - low))
    weights[0] *= 0.5
    out = np.empty(strikes.size)
    flat = np.ascontiguousarray(strikes).ravel(), np.ascontiguousarray(calls).ravel()
    cos_strip(weights, low, high - low, float(forward), flat[0], float(discount), flat[1], out)
    return out.reshape(strikes.shape)
