"""Markov-switching volatility and drift."""

from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import Duration, NonNegative, Share
from sim.processes.base import PathGrid, PriceProcess, accumulate, brownian_returns
from sim.processes.kernels import switching_states
from sim.registry import component


@component("process", "regime")
class Regime(PriceProcess):
    """Brownian motion whose volatility and drift follow a hidden Markov chain (Hamilton, Econometrica 57, 1989).

    One chain moves all assets of the process: they are calm and stormy together. It starts in its stationary
    distribution. The defaults are the two states fitted to daily BTC/USDT returns 2017-2026 by maximum likelihood.

    Settings
    --------
    volatilities: annualised, one for each state.
    durations: expected stay in each state; at least one tick.
    drifts: growth rate of the expected price in each state, per year; none means zero everywhere.
    switches: (k, k) where to go on leaving a state: rows sum to one, the diagonal is zero; none means any other state
        with equal chance. A state that no other leads to is never visited.
    """

    volatilities: list[NonNegative] = field(default_factory=lambda: [0.35, 1.08])
    durations: list[Duration] = field(default_factory=lambda: [Duration(13 * 86_400.0), Duration(7 * 86_400.0)])
    drifts: list[float] | None = None
    switches: list[list[Share]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        size = len(self.volatilities)
        if size < 2:
            raise ConfigError(
                f'{self.where}: volatilities has {size} state(s), at least 2 are needed; try kind = "gbm"'
            )
        for setting, values in (("durations", self.durations), ("drifts", self.drifts), ("switches", self.switches)):
            if values is not None and len(values) != size:
                raise ConfigError(f"{self.where}: {setting} has {len(values)} entries for {size} states (volatilities)")
        for state, row in enumerate(self.switches or []):
            if len(row) != size or abs(sum(row) - 1.0) > 1e-9 or row[state] != 0.0 or min(row) < 0.0:
                raise ConfigError(
                    f"{self.where}: switches[{state}] is {row}; it needs {size} shares that sum to 1, with 0 at "
                    f"position {state} (the stay is set by durations)"
                )

    def log_path(self, grid: PathGrid, rng: np.random.Generator, normals: NDArray[np.float64]) -> NDArray[np.float64]:
        states = self.states(grid, rng)
        volatility = np.array(self.volatilities)[states, None]
        drift = np.zeros_like(volatility) if self.drifts is None else np.array(self.drifts)[states, None]
        return accumulate(brownian_returns(drift, volatility, grid.dt_years, normals))

    def states(self, grid: PathGrid, rng: np.random.Generator) -> NDArray[np.int64]:
        """(ticks,) the state in force during each tick.

        Raises ConfigError if a stay is shorter than a tick.
        """
        uniforms = rng.random(grid.ticks)
        start = int(np.searchsorted(np.cumsum(self.shares()[:-1]), uniforms[0], side="right"))
        return switching_states(start, np.cumsum(self._transition(grid.dt_seconds), axis=1)[:, :-1], uniforms[1:])

    def shares(self) -> NDArray[np.float64]:
        """(k,) long-run share of time in each state: visits times stay."""
        jumps = self._jump_chain()
        size = len(jumps)
        balance = np.vstack((jumps.T - np.eye(size), np.ones(size)))
        visits = np.linalg.lstsq(balance, np.append(np.zeros(size), 1.0), rcond=None)[0]
        time = np.maximum(visits, 0.0) * np.array(self.durations)
        return time / time.sum()

    def _jump_chain(self) -> NDArray[np.float64]:
        size = len(self.volatilities)
        if self.switches is None:
            return (1.0 - np.eye(size)) / (size - 1)
        return np.array(self.switches)

    def _transition(self, dt_seconds: float) -> NDArray[np.float64]:
        for state, stay in enumerate(self.durations):
            if stay < dt_seconds:
                raise ConfigError(
                    f"{self.where}: durations[{state}] is {stay:g} s, shorter than one tick of {dt_seconds:g} s; "
                    "lengthen it or shorten the tick"
                )
        leave = dt_seconds / np.array(self.durations)
        return np.diag(1.0 - leave) + leave[:, None] * self._jump_chain()
