"""Merton's jump diffusion as a Poisson sum of Black-Scholes prices (Merton, J. Financial Economics 3, 1976)."""

# mypy: allow-untyped-defs, allow-incomplete-defs
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.jit import kernel
from sim.pricing.black_scholes import bsm
from sim.pricing.characteristic import MertonModel


@kernel()
def merton_series(volatility, intensity, jump_mean, jump_std, forward, years, discount, strike, is_call, out):
    """Prices of a strip of strikes: given n jumps the log price is Gaussian, and n is Poisson.

    Parameters
    ----------
    volatility .. jump_std: see sim.pricing.characteristic.MertonModel. forward, years, discount: of the expiry; years
    above zero. strike: (n,) float64. is_call: (n,) bool. out: (n,) float64, written.
    """
    expected = intensity * years
    drift = -expected * math.expm1(jump_mean + 0.5 * jump_std * jump_std)
    count = int(expected + 12.0 * math.sqrt(expected) + 40.0)
    out[:] = 0.0
    log_weight = -expected
    for n in range(count):
        if n > 0:
            log_weight += math.log(expected / n) if expected > 0.0 else -math.inf
        spread = math.sqrt(volatility * volatility + n * jump_std * jump_std / years)
        centre = forward * math.exp(drift + n * (jump_mean + 0.5 * jump_std * jump_std))
        weight = discount * math.exp(log_weight)
        for j in range(out.size):
            out[j] += weight * bsm(centre, strike[j], years, spread, 0.0, 0.0, is_call[j])[0]


def merton_prices(
    model: MertonModel,
    forward: float,
    strike: ArrayLike,
    years: float,
    discount: float = 1.0,
    is_call: ArrayLike = True,
) -> NDArray[np.float64]:
    """Prices of European options of one expiry under Merton's model, in the shape of the strikes."""
    strikes, calls = np.broadcast_arrays(np.asarray(strike, dtype=np.float64), np.asarray(is_call, dtype=np.bool_))
    out = np.empty(strikes.size)
    flat = np.ascontiguousarray(strikes).ravel(), np.ascontiguousarray(calls).ravel()
    settings = model.volatility, model.intensity, model.jump_mean, model.jump_std
    merton_series(*settings, float(forward), float(years), float(discount), *flat, out)
    return out.reshape(strikes.shape)
