"""Workers that die take nothing with them but what they die of."""

import os
import signal
from functools import partial

import pytest

from experiments.catalogue import load_components
from experiments.engines.limits import Limits, cause, resident, size
from experiments.engines.local import Pool
from sim.errors import SpilloverError

JOB = """\
import os
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Job:
    plugins: tuple
    victims: tuple
    folder: str

    def perform(self, task, progress):
        progress()
        with open(Path(self.folder) / f"{task}.calls", "a") as calls:
            calls.write("x")
        once = Path(self.folder) / "died"
        if task in self.victims:
            os._exit(9)
        if task == 1 and not once.exists():
            once.touch()
            os._exit(9)
        if task == 7:
            while True:
                pass
        if task == 8:
            kept = [bytearray(os.urandom(1 << 20)) for _ in range(10_000)]
        if task == 99:
            raise OSError("No space left on device")
        if task == 77:
            (Path(self.folder) / "saved").touch()
            os.kill(os.getpid(), 9)
        return task

    def saved(self, task, process):
        return 77 if task == 77 and (Path(self.folder) / "saved").exists() else None

    def lost(self, task, cause):
        return (task, cause)

class Stillborn(Job):
    def __setstate__(self, state):
        os._exit(5)
"""


@pytest.fixture
def made(tmp_path, child_environment):
    """The job's module and a function that makes one: of some tasks workers die always, of task 1 the first time."""
    plugin = tmp_path / "dying_job.py"
    plugin.write_text(JOB)
    load_components((str(plugin),))
    import sys

    module = sys.modules["spillover_plugin_dying_job"]
    return module, lambda *victims, kind="Job": getattr(module, kind)((str(plugin),), victims, str(tmp_path))


@pytest.fixture
def job(made):
    return made[1]


def tasks(*numbers):
    return partial(next, iter(numbers), None)


def test_a_killed_worker_loses_only_what_kills_it_again(job, tmp_path):
    ticks = []
    results = list(Pool(job(3), 2, ticks.append).run(tasks(*range(5))))
    assert sorted(results, key=str) == [(3, "ended with exit code 9"), 0, 1, 2, 4]
    assert ticks == sorted(ticks) and ticks[-1] >= 5
    calls = [len((tmp_path / f"{task}.calls").read_text()) for task in range(5)]
    assert calls == [1, 2, 1, 2, 1]


def test_what_goes_wrong_outside_the_model_is_raised(job):
    with pytest.raises(OSError, match="No space left"):
        list(Pool(job(), 2, lambda ticks: None).run(tasks(0, 99)))


def test_a_hanging_run_is_stopped_at_its_time_limit(job):
    pool = Pool(job(), 2, lambda ticks: None, Limits(seconds=0.3))
    results = list(pool.run(tasks(0, 7, 2)))
    assert sorted(results, key=str) == [(7, "killed at its time limit of 0.3 seconds"), 0, 2]


def test_a_run_that_eats_memory_is_stopped_at_its_memory_limit(job):
    pool = Pool(job(), 2, lambda ticks: None, Limits(memory=resident(os.getpid()) + 200_000_000))
    lost = [result for result in pool.run(tasks(0, 8, 2)) if isinstance(result, tuple)]
    assert [task for task, _ in lost] == [8] and "killed at its memory limit of " in lost[0][1]


def test_a_result_that_was_put_away_before_the_worker_died_is_not_computed_again(job, tmp_path):
    assert sorted(Pool(job(), 1, lambda ticks: None).run(tasks(77, 2))) == [2, 77]
    assert (tmp_path / "77.calls").read_text() == "x"


def test_a_drained_pool_finishes_what_it_computes_and_takes_nothing_more(job, tmp_path):
    pool = Pool(job(), 2, lambda ticks: None)
    results = []
    for result in pool.run(tasks(*range(20, 60))):
        results.append(result)
        pool.drain()
    assert 1 <= len(results) <= 3
    assert sorted(results) == sorted(int(path.stem) for path in tmp_path.glob("*.calls"))


def test_workers_that_cannot_start_say_so(job):
    with pytest.raises(SpilloverError, match=r"end while they start \(ended with exit code 5\).* lacks `if __name__"):
        list(Pool(job(kind="Stillborn"), 1, lambda ticks: None).run(tasks(0)))


def test_no_worker_outlives_its_pool(job):
    pool = Pool(job(), 2, lambda ticks: None)
    running = pool.run(tasks(*range(10, 30)))
    next(running)
    processes = pool.processes
    running.close()
    assert processes and not any(resident(process) for process in processes) and not pool.processes


def test_causes_are_said_in_words():
    assert cause(-signal.SIGKILL) == "killed by signal 9 (SIGKILL)"
    assert cause(3) == "ended with exit code 3" and cause(-250) == "killed by signal 250"
    assert [size(count) for count in (12, 3500, 2e9)] == ["12 B", "3.5 kB", "2 GB"]
    assert Limits().broken(1e9, os.getpid()) is None
