"""Sweeps: many runs over the points of a plan, into one folder that can be resumed."""

from experiments.sweeping.job import Done, SweepJob
from experiments.sweeping.schedule import Schedule

__all__ = ["Done", "Schedule", "SweepJob"]
