"""How a benchmark measures: agreement first, then interleaved repetitions, then figures.

Contenders do the same work in different ways. Before anything is timed each does it once and their answers are
compared bit for bit; a contender that disagrees ends the benchmark without a figure. Repetitions then take turns, so
that a noisy machine is noisy for all, and figures quote the best and the median. Time is processor time of the
process, in which no contender uses more than one thread, so that other work on the machine does not count.
"""

import gc
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from sim.errors import SpilloverError

_TIDY_AFTER = 0.05
"""Seconds of work after which there may be enough garbage to be worth collecting at once."""

Answer = Mapping[str, Any]
"""What a job came to, as named numbers and arrays."""


class Disagreement(SpilloverError):
    """Two contenders of a benchmark came to different answers, so their speeds say nothing."""


class Job(NamedTuple):
    """Prepared work: `work` is timed, `answer` is read afterwards and is not."""

    work: Callable[[], object]
    answer: Callable[[], Answer]


@dataclass(frozen=True)
class Contender:
    """One way to do the work of a benchmark.

    prepare: makes a fresh job, untimed. units: pieces of work in one job. repetitions: how often it is timed.
    """

    name: str
    prepare: Callable[[], Job]
    units: float
    repetitions: int = 9


@dataclass(frozen=True)
class Timing:
    """Processor seconds of every repetition of one contender."""

    name: str
    units: float
    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """Units per second of the fastest repetition."""
        return self.units / min(self.seconds)

    @property
    def median(self) -> float:
        """Units per second of the middle repetition."""
        return self.units / float(np.median(self.seconds))


@dataclass(frozen=True)
class Figure:
    """One number of a report.

    target: what it should reach; for `at_most` what it should not pass; None if nothing was promised.
    """

    label: str
    value: float
    unit: str
    target: float | None = None
    at_most: bool = False
    detail: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target


@dataclass(frozen=True)
class Report:
    """What a benchmark found: figures that passed their agreement check, remarks, and a profile where it helps."""

    name: str
    title: str
    figures: list[Figure]
    agreement: str
    """What was compared, in words."""
    notes: list[str] = field(default_factory=list)
    profile: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self) | {"figures": [asdict(figure) | {"met": figure.met} for figure in self.figures]}


def difference(left: Answer, right: Answer) -> str | None:
    """How two answers differ, bit for bit; None if they do not."""
    if left.keys() != right.keys():
        return f"one answers {sorted(left)}, the other {sorted(right)}"
    for name in left:
        one, other = np.asarray(left[name]), np.asarray(right[name])
        if one.shape != other.shape:
            return f"{name} has shapes {one.shape} and {other.shape}"
        unequal = one != other
        if np.any(unequal & ~((one != one) & (other != other))):
            place = int(np.argmax(unequal))
            return f"{name}[{place}] is {one.flat[place]!r} and {other.flat[place]!r}"
    return None


def agree(contenders: Sequence[Contender]) -> None:
    """Let every contender do the work once; Disagreement names the first two whose answers differ, and where."""
    first: Answer | None = None
    for contender in contenders:
        job = contender.prepare()
        job.work()
        answer = job.answer()
        if first is None:
            first = answer
        problem = difference(first, answer)
        if problem:
            raise Disagreement(f"{contenders[0].name} and {contender.name} disagree: {problem}")


def race(contenders: Sequence[Contender]) -> list[Timing]:
    """Compare the answers, then time all contenders in turns; one timing each, in their order."""
    agree(contenders)
    seconds: list[list[float]] = [[] for _ in contenders]
    for turn in range(max(contender.repetitions for contender in contenders)):
        for contender, mine in zip(contenders, seconds, strict=True):
            if turn < contender.repetitions:
                mine.append(_timed(contender.prepare()))
    return [Timing(c.name, c.units, tuple(mine)) for c, mine in zip(contenders, seconds, strict=True)]


def _timed(job: Job) -> float:
    """Processor seconds of a job, without the garbage collector, as `timeit` has it; its turn comes afterwards."""
    gc.disable()
    start = process_time()
    try:
        job.work()
    finally:
        taken = process_time() - start
        gc.enable()
    if taken > _TIDY_AFTER:
        gc.collect()
    return taken


def speed(timing: Timing, scale: float, unit: str, target: float | None = None) -> Figure:
    """Median speed of a contender in `unit`, which is `scale` of its units per second; the best in the detail."""
    return Figure(timing.name, timing.median / scale, unit, target, detail=f"best {timing.best / scale:.4g}")


def ratio(label: str, fast: Timing, slow: Timing, target: float | None = None) -> Figure:
    """How many times as fast one contender is as another, from medians; from bests in the detail."""
    return Figure(label, fast.median / slow.median, "times", target, detail=f"best {fast.best / slow.best:.4g}")


def machine() -> dict[str, Any]:
    """What the figures were measured on: versions, and two scores that let figures travel between machines."""
    import mesa
    import numba

    loop = min(_timed(Job(lambda: sum(i * i for i in range(300_000)), dict)) for _ in range(5))
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "mesa": mesa.__version__,
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python_mops": 0.3 / loop,
        "triad_gb_s": triad(2_000_000),
    }


def triad(size: int, repetitions: int = 9) -> float:
    """Bytes per nanosecond of a + s * b written to c, counting two reads and one write (the STREAM triad)."""
    from benchmarks.roofline import stream_triad

    a, b, c = np.ones(size), np.ones(size), np.empty(size)
    stream_triad(a, b, 3.0, c)
    best = min(_timed(Job(lambda: stream_triad(a, b, 3.0, c), dict)) for _ in range(repetitions))
    return 24.0 * size / best / 1e9
