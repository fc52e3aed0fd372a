"""Sweeps of runs that take no time, made by a function in a plug-in file that worker processes can import too."""

import hashlib
import sys

import pytest

from experiments.catalogue import load_components
from experiments.config import load
from experiments.design import plan
from experiments.run import run
from experiments.store.manifest import Request
from experiments.sweep import Sweep, engine_of

MAKER = '''\
"""Runs that are made up from their seed, and some that come to a bad end."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from experiments.run import RunResult, said
from experiments.store.identity import run_key

FOLDER = Path(__file__).parent
ERRANDS = FOLDER / "errands"


def made(config, replication, progress, digest):
    size = next(shock.size for shock in config.components("shock"))
    key = run_key(config, replication, digest)
    with open(ERRANDS, "a") as errands:
        errands.write(f"{size} {replication}\\n")
    try:
        trouble(size, replication)
    except Exception as error:
        return RunResult(run_key=key, replication=replication, seed=config.run.seed, status="failed", error=said(error))
    values = np.random.default_rng([config.run.seed, replication]).normal(size, 0.1, 20)
    progress(1)
    steps = pa.table({
        "run_key": [key] * 20, "replication": [replication] * 20, "tick": np.arange(20), "price.ETH": values,
    })
    events = pa.table({
        "run_key": [key] * 2, "replication": [replication] * 2, "tick": pa.array([0, replication], pa.int32()),
        "kind": pa.array(["genesis", "swap" if replication % 2 else "quote"]).dictionary_encode(),
    })
    return RunResult(
        run_key=key, replication=replication, seed=config.run.seed, duration_s=1e-3, phase_s={"decide": 1e-4},
        outcomes={"loss": float(values.mean()), "width": float(values.std())},
        tables={"steps": steps, "events": events},
    )


def trouble(size, replication):
    """A hook for tests: a file named after a run says what becomes of it."""
    for number, word in ((size, replication), (size, "all")):
        place = FOLDER / f"{number}.{word}"
        if place.exists():
            exec(place.read_text(), {"os": os, "place": place, "time": time, "replication": replication})
'''

SHOCKED = """

[[shocks]]
name = "slump"
kind = "price_jump"
at = 20
asset = "ETH"
size = -0.1
"""

AXES = """
[sweep]
replications = {replications}
keep = {keep}
{more}

[sweep.axes]
"shocks.slump.size" = {sizes}
"""


@pytest.fixture
def maker(tmp_path, child_environment):
    """The module of the made-up runs."""
    place = tmp_path / "maker.py"
    place.write_text(MAKER)
    load_components((str(place),))
    return sys.modules["spillover_plugin_maker"]


@pytest.fixture
def swept(tmp_path, toy_text):
    """A config with a [sweep] over the size of a shock; `stop` and `more` go into the table."""
    load_components()

    def make(sizes=(-0.1, -0.2, -0.3), replications=4, keep=("steps",), more="", name="swept", stop=""):
        text = AXES.format(replications=replications, keep=list(keep), more=more, sizes=list(sizes))
        (tmp_path / f"{name}.toml").write_text(toy_text + SHOCKED + text + stop)
        return load(tmp_path / f"{name}.toml")

    return make


@pytest.fixture(scope="session")
def toy_text():
    """A market with noise traders, as text."""
    from tests.experiments.conftest import TOY

    return TOY


@pytest.fixture
def do(tmp_path, maker, swept, monkeypatch):
    """Run a sweep of made-up runs into a folder of that name; settings as for `swept`, or a config."""

    monkeypatch.setattr("experiments.sweep.model_digest", lambda plugins: "digest")

    def call(out="out", workers=1, engine=None, config=None, reuse="code", force=False, progress=None, **settings):
        config = config or swept(**settings)
        request = Request(source=str(tmp_path / "swept.toml"), plugins=(str(tmp_path / "maker.py"),))
        job = Sweep(plan(config), tmp_path / out, request, reuse, force, maker.made)
        return job.run(engine or engine_of(workers), progress or (lambda standing: None))

    return call


@pytest.fixture
def errands(tmp_path):
    """How often each run was begun."""

    def count():
        lines = (tmp_path / "errands").read_text().splitlines() if (tmp_path / "errands").exists() else []
        return {line: lines.count(line) for line in lines}

    return count


def fingerprint(folder):
    """Relative path -> sha256 of every part, apart from what the host decides."""
    parts = sorted(path for path in folder.rglob("part-*.parquet") if path.parent.name != "host")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in parts}


@pytest.fixture
def bytes_of():
    """See `fingerprint`."""
    return fingerprint


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of five runs."""
    monkeypatch.setattr("experiments.store.sealing.PART_RUNS", 5)


@pytest.fixture
def repeat_run():
    """Runs one replication of a config, for comparison."""
    return run
