"""Calibration: settings fitted to moments of a record by simulation, with intervals and a held-out check."""

from experiments.calibration.fit import Fit, calibrate
from experiments.calibration.problem import Task

__all__ = ["Fit", "Task", "calibrate"]
