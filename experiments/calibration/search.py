"""The search over the whole range, before the last steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.calibration.problem import Simulator
from experiments.config.calibrate_section import FreeParameter
from sim.errors import ConfigError

Floats = NDArray[np.float64]
BATCH = 8
"""Trials that are asked for at a time."""
STUDY = "study.db"
WORST = 1e12
"""Distance that a trial with useless runs counts as."""


def places(values: Sequence[float], parameters: Sequence[FreeParameter]) -> Floats:
    """Values on the scales of their parameters."""
    return np.array([math.log(v) if p.scale == "log" else v for v, p in zip(values, parameters, strict=True)])


def values_at(spots: Floats, parameters: Sequence[FreeParameter]) -> tuple[float, ...]:
    """Values from places, within their bounds."""
    raw = [math.exp(x) if p.scale == "log" else float(x) for x, p in zip(spots, parameters, strict=True)]
    return tuple(min(max(value, p.low), p.high) for value, p in zip(raw, parameters, strict=True))


def start(simulator: Simulator, folder: Path) -> tuple[float, ...]:
    """Where the last steps begin: the best trial of the search, or the start that is written down."""
    table, parameters = simulator.task.table, simulator.task.parameters
    if table.method == "gauss_newton":
        low, high = bounds(parameters)
        middle = values_at(0.5 * (low + high), parameters)
        return tuple(m if p.start is None else p.start for m, p in zip(middle, parameters, strict=True))
    return _sobol(simulator) if table.method == "sobol" else _optuna(simulator, folder)


def bounds(parameters: Sequence[FreeParameter]) -> tuple[Floats, Floats]:
    """Lowest and highest places."""
    low, high = (places([getattr(p, end) for p in parameters], parameters) for end in ("low", "high"))
    return low, high


def distance(simulator: Simulator, rows: Floats) -> float:
    """Sum of squares of simulated less recorded moments, each over its standard error, or over its size without one.

    rows: (runs, targets).
    """
    fitted = [number for number, target in enumerate(simulator.task.wanted) if not target.held_out]
    good = rows[np.isfinite(rows[:, fitted]).all(axis=1)]
    if 2 * len(good) < len(rows) or not len(good):
        return WORST
    gaps = 0.0
    for number in fitted:
        target = simulator.task.wanted[number]
        natural = 1.0 if target.log else max(abs(target.value), 1e-12)
        unit = natural if math.isnan(target.error) else max(target.error, 1e-3 * natural)
        gaps += float(((good[:, number].mean() - target.value) / unit) ** 2)
    return min(gaps, WORST)


def _sobol(simulator: Simulator) -> tuple[float, ...]:
    from scipy.stats import qmc

    table, parameters = simulator.task.table, simulator.task.parameters
    low, high = bounds(parameters)
    power = max(1, math.ceil(math.log2(table.trials)))
    unit = qmc.Sobol(len(parameters), seed=table.seed).random_base2(power)[: table.trials]
    points = [values_at(low + row * (high - low), parameters) for row in unit]
    found = simulator.moments(points, range(table.search_seeds))
    return points[int(np.argmin([distance(simulator, rows) for rows in found]))]


def _optuna(simulator: Simulator, folder: Path) -> tuple[float, ...]:
    """The best of a study kept in the folder. Batches do not depend on where an earlier invocation was stopped."""
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            'calibrate.method: "optuna" needs the extra optuna: pip install "spillover[optuna]"; or use "sobol"'
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table, parameters = simulator.task.table, simulator.task.parameters
    name = simulator.task.key((tuple(p.low for p in parameters), 0))[:16] + f"-{table.seed}-{table.search_seeds}"
    storage = f"sqlite:///{(folder / STUDY).absolute()}"
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    _forget_open(study)
    while (done := _told(study)) < table.trials:
        study.sampler = optuna.samplers.TPESampler(seed=table.seed + done, n_startup_trials=2 * BATCH)
        trials = [study.ask() for _ in range(min(BATCH, table.trials - done))]
        points = [tuple(_suggest(trial, parameter) for parameter in parameters) for trial in trials]
        found = simulator.moments(points, range(table.search_seeds))
        for trial, rows in zip(trials, found, strict=True):
            study.tell(trial, distance(simulator, rows))
    return tuple(float(study.best_params[parameter.path]) for parameter in parameters)


def _suggest(trial: Any, parameter: FreeParameter) -> float:
    return float(trial.suggest_float(parameter.path, parameter.low, parameter.high, log=parameter.scale == "log"))


def _told(study: Any) -> int:
    return sum(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False))


def _forget_open(study: Any) -> None:
    """Trials that an earlier invocation asked for and never told."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False):
        if trial.state == TrialState.RUNNING:
            study.tell(trial.number, state=TrialState.FAIL)
