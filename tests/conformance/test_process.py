"""What every registered price process must do; registering a class is opting in."""

from datetime import UTC, datetime

import numpy as np
import pytest

import sim.processes  # noqa: F401  registers the processes of this project
from sim.processes import PathGrid, PriceProcess, fundamental_paths
from sim.registry import kinds, lookup, summary
from sim.rng import Streams

ASSETS = ["BTC", "ETH", "SOL"]
TICKS = 60
START = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    """A recorded file with a column for each asset, hourly, long enough for every run here."""
    logs = np.cumsum(np.random.default_rng(0).standard_normal((200, 3)) * 0.01, axis=0)
    stamps = START.timestamp() + 3600.0 * np.arange(200)
    rows = [
        ",".join(map(repr, [float(time), *price])) for time, price in zip(stamps, np.exp(logs).tolist(), strict=True)
    ]
    file = tmp_path_factory.mktemp("prices") / "prices.csv"
    file.write_text("\n".join([",".join(["time", *ASSETS]), *rows]))
    return str(file)


@pytest.fixture
def build(prices):
    """A process of a kind with nothing but the settings that have no default."""

    def make(kind, assets):
        needed = {
            "replay": {"file": prices, "price": assets},
            "block_bootstrap": {"file": prices, "price": assets},
            "shock_path": {"knots": [(6 * 3600.0, 0.0), (9 * 3600.0, -0.35)]},
        }
        return lookup("process", kind)(name="fundamental", assets=assets, **needed.get(kind, {}))

    return make


def paths(process, seed=1, replication=0, ticks=TICKS):
    grid = PathGrid(ticks, 1 / 8760, START, 3600.0, np.full(len(process.assets), 50.0))
    return fundamental_paths([process], process.assets, None, grid, Streams(seed, replication))


pytestmark = pytest.mark.parametrize("kind", kinds("process"))


def test_starts_at_zero_with_the_right_shape_and_finite_values(build, kind):
    path = paths(build(kind, ASSETS))
    assert path.shape == (TICKS + 1, 3)
    assert path.dtype == np.float64
    assert np.array_equal(path[0], np.zeros(3))
    assert np.isfinite(path).all()
    assert np.any(path[1:] != 0.0, axis=0).all()


def test_same_seed_same_path(build, kind):
    process = build(kind, ASSETS)
    first = paths(process)
    assert np.array_equal(paths(process), first)
    assert np.array_equal(paths(build(kind, ASSETS)), first)


@pytest.mark.parametrize(("seed", "replication"), [(2, 0), (1, 1)])
def test_seeds_and_replications_differ_unless_deterministic(build, kind, seed, replication):
    process = build(kind, ASSETS)
    same = np.all(paths(process) == paths(process, seed, replication), axis=0)
    assert same.tolist() == [process.deterministic] * 3


def test_an_asset_at_the_end_changes_no_bit_of_the_others(build, kind):
    assert np.array_equal(paths(build(kind, ASSETS))[:, :2], paths(build(kind, ASSETS[:2])))


def test_a_longer_run_begins_with_the_same_path(build, kind):
    process = build(kind, ASSETS)
    assert np.array_equal(paths(process, ticks=2 * TICKS)[: TICKS + 1], paths(process))


def test_one_tick_is_enough(build, kind):
    process = build(kind, ["BTC"])
    if kind == "shock_path":
        process.knots = [(1, -0.35)]
    assert paths(process, ticks=1).shape == (2, 1)


def test_trend_is_finite_and_starts_at_zero(build, kind):
    grid = PathGrid(TICKS, 1 / 8760, START, 3600.0, np.ones(1))
    trend = build(kind, ["BTC"]).trend(grid)
    assert trend.shape == (TICKS + 1,)
    assert trend[0] == 0.0
    assert np.isfinite(trend).all()


def test_is_documented_and_has_the_common_base(kind):
    cls = lookup("process", kind)
    assert issubclass(cls, PriceProcess)
    assert len(summary(cls)) > 20
    assert "Settings" in cls.__doc__
