"""What a sweep will take, estimated from a few of its runs."""

import os
from dataclasses import dataclass
from time import perf_counter

from experiments.sweeping.job import SweepJob

MORE_UNDER = 10.0
"""A pilot makes a second and a third run if the first took less than so many seconds."""


@dataclass(frozen=True)
class Estimate:
    """points, runs: of the plan, at most. run_seconds: of one run. run_bytes: of one run, stored. pilots: runs made.

    failed: error of a pilot run that failed; None if all went well.
    """

    points: int
    runs: int
    run_seconds: float
    run_bytes: float
    pilots: int
    failed: str | None = None

    def seconds(self, workers: int) -> float:
        """Wall time of the sweep; more workers than cores do not help."""
        return self.runs * self.run_seconds / max(1, min(workers, os.cpu_count() or 1, self.runs))

    @property
    def bytes(self) -> float:
        """Disk space of the sweep."""
        return self.runs * self.run_bytes


def estimate(job: SweepJob) -> Estimate:
    """Make the first run, once to load and compile everything; then time it, a middle and the last point."""
    points = job.plan.points
    warm, _, failed = _timed(job, 0)
    indices = [0, len(points) // 2, len(points) - 1] if warm < MORE_UNDER else [0]
    times, sizes = [], []
    for index in dict.fromkeys(indices):
        seconds, size, error = _timed(job, index)
        times.append(seconds)
        sizes.append(size)
        failed = failed or error
    mean = sum(times) / len(times)
    return Estimate(len(points), job.plan.size, mean, sum(sizes) / len(sizes), len(times) + 1, failed)


def _timed(job: SweepJob, index: int) -> tuple[float, int, str | None]:
    start = perf_counter()
    done = job.perform((index, 0), lambda: None)
    return perf_counter() - start, len(done.blob or b""), done.error
