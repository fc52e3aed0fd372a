"""Models of the log price by their characteristic functions.

A model gives E[exp(i u X)] of X = log(S_T / F), F the forward, so that its value at -i is one. Frequencies are real
arrays; parameters are per 365-day year.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


class CharacteristicModel(Protocol):
    """What the Fourier pricer needs to know of a model."""

    def characteristic(self, u: Real, years: float) -> Complex:
        """E[exp(i u log(S_T / F))] at every frequency."""
        ...


def _diffusion(u: Real, variance: float) -> Complex:
    """Log characteristic function of a Gaussian martingale's logarithm."""
    return np.asarray(-0.5 * variance * (u * u + 1j * u), dtype=np.complex128)


def _lognormal_jumps(u: Real, mean: float, std: float) -> Complex:
    """E[e^(iuJ)] - 1 of a Gaussian log jump, compensated."""
    expected = np.expm1(mean + 0.5 * std * std)
    return np.exp(1j * u * mean - 0.5 * (std * u) ** 2) - 1.0 - 1j * u * expected


@dataclass(frozen=True, kw_only=True)
class BlackScholesModel:
    """Constant volatility."""

    volatility: float

    def characteristic(self, u: Real, years: float) -> Complex:
        return np.exp(_diffusion(u, self.volatility**2 * years))


@dataclass(frozen=True, kw_only=True)
class HestonModel:
    """Mean-reverting variance (Heston 1993), settings as in sim.processes.heston.

    In the form whose complex logarithm never leaves its principal branch (Albrecher, Mayer, Schoutens and Tistaert,
    "The little Heston trap", Wilmott 2007).
    """

    v0: float = 0.64
    kappa: float = 3.0
    theta: float = 0.6
    xi: float = 1.5
    rho: float = -0.4

    def characteristic(self, u: Real, years: float) -> Complex:
        return np.exp(self._log(u, years))

    def _log(self, u: Real, years: float) -> Complex:
        square = self.xi * self.xi
        beta = self.kappa - self.rho * self.xi * 1j * u
        root = np.sqrt(beta * beta + square * (1j * u + u * u))
        small = beta - root
        ratio = small / (beta + root)
        fall = np.exp(-root * years)
        level = small * years - 2.0 * np.log((1.0 - ratio * fall) / (1.0 - ratio))
        return (self.kappa * self.theta * level + self.v0 * small * (1.0 - fall) / (1.0 - ratio * fall)) / square


@dataclass(frozen=True, kw_only=True)
class BatesModel(HestonModel):
    """Heston's variance with Gaussian log jumps at Poisson times (Bates, Review of Financial Studies 9, 1996)."""

    intensity: float = 6.0
    jump_mean: float = -0.05
    jump_std: float = 0.12

    def characteristic(self, u: Real, years: float) -> Complex:
        jumps = self.intensity * years * _lognormal_jumps(u, self.jump_mean, self.jump_std)
        return np.exp(self._log(u, years) + jumps)


@dataclass(frozen=True, kw_only=True)
class MertonModel:
    """Brownian motion with Gaussian log jumps at Poisson times (Merton, J. Financial Economics 3, 1976)."""

    volatility: float = 0.6
    intensity: float = 6.0
    jump_mean: float = -0.05
    jump_std: float = 0.12

    def characteristic(self, u: Real, years: float) -> Complex:
        jumps = self.intensity * years * _lognormal_jumps(u, self.jump_mean, self.jump_std)
        return np.exp(_diffusion(u, self.volatility**2 * years) + jumps)


@dataclass(frozen=True, kw_only=True)
class KouModel:
    """Brownian motion with double exponential log jumps (Kou, Management Science 48, 2002).

    up_share: probability that a jump is upwards. up_mean, down_mean: mean sizes of log jumps up (below 1) and down.
    """

    volatility: float = 0.6
    intensity: float = 6.0
    up_share: float = 0.4
    up_mean: float = 0.08
    down_mean: float = 0.1

    def characteristic(self, u: Real, years: float) -> Complex:
        up, down = self.up_share, 1.0 - self.up_share
        expected = up / (1.0 - self.up_mean) + down / (1.0 + self.down_mean) - 1.0
        jump = up / (1.0 - 1j * u * self.up_mean) + down / (1.0 + 1j * u * self.down_mean) - 1.0
        jumps = self.intensity * years * (jump - 1j * u * expected)
        return np.exp(_diffusion(u, self.volatility**2 * years) + jumps)
