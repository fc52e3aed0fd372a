"""Workers that die take nothing with them but what they die of."""

import pytest

from experiments.catalogue import load_components
from experiments.engines.local import Pool

JOB = """\
import os
from dataclasses import dataclass
from pathlib import Path

@dataclass
class Job:
    plugins: tuple
    victims: tuple
    once: str

    def perform(self, replication, progress):
        progress()
        if replication in self.victims:
            os._exit(9)
        if replication == 1 and not Path(self.once).exists():
            Path(self.once).touch()
            os._exit(9)
        if replication == 99:
            raise OSError("No space left on device")
        return replication

    def lost(self, replication):
        return -replication
"""


@pytest.fixture
def job(tmp_path, child_environment):
    """A job whose workers die: of some replications always, of replication 1 the first time."""
    plugin = tmp_path / "dying_job.py"
    plugin.write_text(JOB)
    load_components((str(plugin),))
    import sys

    made = sys.modules["spillover_plugin_dying_job"].Job
    return lambda *victims: made((str(plugin),), victims, str(tmp_path / "died"))


def test_a_killed_worker_loses_only_what_kills_it_again(job):
    ticks = []
    results = list(Pool(job(3), 2, ticks.append).run(range(5)))
    assert sorted(results) == [-3, 0, 1, 2, 4]
    assert ticks == sorted(ticks) and ticks[-1] >= 5


def test_what_goes_wrong_outside_the_model_is_raised(job):
    with pytest.raises(OSError, match="No space left"):
        list(Pool(job(), 2, lambda ticks: None).run([0, 99]))
