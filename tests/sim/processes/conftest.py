"""Grids, many independent paths at once, tail statistics, and the recorded files of the shared data folder."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from sim.processes import PathGrid
from sim.units import SECONDS_PER_YEAR

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture
def make_grid():
    def make(ticks, seconds=3600.0, assets=1, start=datetime(2024, 1, 1, tzinfo=UTC)):
        return PathGrid(ticks, seconds / SECONDS_PER_YEAR, start, seconds, np.full(assets, 100.0))

    return make


@pytest.fixture
def make_paths(make_grid):
    """Independent paths of one process, as the columns of as many assets."""

    def make(kind, ticks, seconds=3600.0, paths=1, seed=1, **settings):
        process = kind(name="p", assets=[f"A{i}" for i in range(paths)], **settings)
        normals = np.random.default_rng(seed).standard_normal((ticks, paths))
        return process.log_path(make_grid(ticks, seconds, paths), np.random.default_rng(seed + 1000), normals)

    return make


@pytest.fixture
def excess_kurtosis():
    def measure(returns):
        centred = returns - returns.mean()
        return float((centred**4).mean() / (centred**2).mean() ** 2 - 3.0)

    return measure


@pytest.fixture
def hill():
    """Hill tail exponent of absolute returns (Hill 1975) over the largest `share`."""

    def measure(returns, share):
        ordered = np.sort(np.abs(returns))[::-1]
        count = int(share * ordered.size)
        return float(1.0 / np.log(ordered[:count] / ordered[count]).mean())

    return measure


@pytest.fixture
def within():
    """Whether a sample mean lies within so many standard errors of the truth."""

    def check(sample, truth, errors=4.0):
        sample = np.asarray(sample)
        return abs(sample.mean() - truth) <= errors * sample.std(ddof=1) / np.sqrt(sample.size)

    return check


@pytest.fixture
def recorded():
    def path(name):
        file = DATA / name
        if not file.exists():
            pytest.skip(f"recorded data not present: {name} is looked for in {DATA.name} beside the project")
        return str(file)

    return path


@pytest.fixture
def write_csv(tmp_path):
    def write(text, name="eth.csv"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8", newline="")
        return str(file)

    return write
