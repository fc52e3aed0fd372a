"""The stationary bootstrap keeps rows together and the marginal distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.processes.block_bootstrap import BlockBootstrap, stationary_rows

HOUR, DAY = 3600.0, 86_400.0
EPOCH = 1_700_000_000 // 3600 * 3600


def series(path, seed=0, rows=400, seconds=HOUR, columns=2):
    logs = np.cumsum(np.random.default_rng(seed).standard_normal((rows, columns)) * 0.01, axis=0)
    header = ",".join(["time", *(f"p{i}" for i in range(columns))])
    lines = [",".join(map(repr, [EPOCH + seconds * i, *np.exp(log).tolist()])) for i, log in enumerate(logs)]
    path.write_text("\n".join([header, *lines]))
    return str(path), np.diff(logs, axis=0)


@pytest.fixture
def bootstrap(make_grid):
    def run(file, ticks, seconds=HOUR, seed=1, **settings):
        process = BlockBootstrap(name="boot", file=file, **({"assets": ["A", "B"], "price": ["p0", "p1"]} | settings))
        normals = np.zeros((ticks, len(process.assets)))
        grid = make_grid(ticks, seconds, len(process.assets))
        return np.diff(process.log_path(grid, np.random.default_rng(seed), normals), axis=0)

    return run


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 50), mean=st.floats(1.0, 40.0), ticks=st.integers(1, 300))
def test_rows_follow_each_other_or_start_a_block(seed, rows, mean, ticks):
    taken = stationary_rows(np.random.default_rng(seed), ticks, rows, mean)
    assert taken.shape == (ticks,)
    assert taken.min() >= 0 and taken.max() < rows
    longer = stationary_rows(np.random.default_rng(seed), ticks + 7, rows, mean)
    assert np.array_equal(longer[:ticks], taken)


@pytest.mark.parametrize("mean", [1.0, 5.0, 48.0])
def test_blocks_are_geometric_and_rows_equally_likely(mean):
    rows = 1000
    taken = stationary_rows(np.random.default_rng(3), 400_000, rows, mean)
    breaks = np.count_nonzero((np.diff(taken) % rows) != 1)
    assert breaks / taken.size == pytest.approx(1.0 / mean, rel=0.05)
    lengths = np.diff(np.flatnonzero((np.diff(taken) % rows) != 1))
    if mean > 1.0:
        assert lengths.std() == pytest.approx(np.sqrt(mean * (mean - 1.0)), rel=0.1)
    tenths = np.bincount(taken // 100, minlength=10) / taken.size
    assert np.abs(tenths - 0.1).max() < 4.0 * np.sqrt(0.09 * mean / taken.size) + 1e-3


def test_every_return_is_a_recorded_row_of_both_assets(bootstrap, tmp_path):
    file, recorded_returns = series(tmp_path / "p.csv")
    drawn = bootstrap(file, 500)
    distance = np.abs(drawn[:, None, :] - recorded_returns[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-12
    nearest = distance.argmin(axis=1)
    assert np.mean(np.diff(nearest) % len(recorded_returns) == 1) == pytest.approx(1 - 1 / 24, abs=0.04)


def test_two_files_are_joined_on_common_times(bootstrap, tmp_path):
    file, recorded_returns = series(tmp_path / "p.csv")
    lines = (tmp_path / "p.csv").read_text().splitlines()
    (tmp_path / "q.csv").write_text("\n".join(lines[:50] + lines[51:]))
    drawn = bootstrap([file, str(tmp_path / "q.csv")], 3000, seed=4)
    kept = np.delete(recorded_returns, [48, 49], axis=0)
    distance = np.abs(drawn[:, None, :] - kept[None]).max(axis=2)
    assert distance.min(axis=1).max() < 1e-12


def test_several_rows_make_one_tick(bootstrap, tmp_path):
    file, recorded_returns = series(tmp_path / "p.csv", rows=401)
    sums = recorded_returns.reshape(100, 4, 2).sum(axis=1)
    drawn = bootstrap(file, 300, seconds=4 * HOUR)
    assert np.abs(drawn[:, None, :] - sums[None]).max(axis=2).min(axis=1).max() < 1e-12


def test_demeaned_returns_have_no_drift(make_grid, tmp_path):
    file, recorded_returns = series(tmp_path / "p.csv")
    settings = {"name": "b", "assets": ["A", "B"], "price": ["p0", "p1"], "file": file}
    plain = BlockBootstrap(**settings).recorded_returns(HOUR)
    centred = BlockBootstrap(**settings, demean=True).recorded_returns(HOUR)
    assert np.allclose(plain, recorded_returns, atol=1e-12)
    assert np.allclose(centred.mean(axis=0), 0.0, atol=1e-15)
    assert np.allclose(plain - centred, plain.mean(axis=0))


def test_marginal_distribution_and_clustering_of_bitcoin_hours(bootstrap, recorded, make_grid):
    file = recorded("prices/btc_usdt_1h_2017-08_2026-01.csv.gz")
    settings = {"assets": ["BTC"], "time": "datetime_utc", "price": "close"}
    truth = BlockBootstrap(name="b", file=file, **settings).recorded_returns(HOUR)[:, 0]
    assert truth.size == 73_841
    drawn = bootstrap(file, 200_000, block=2 * DAY, **settings)[:, 0]
    assert drawn.std() == pytest.approx(truth.std(), rel=0.05)
    for share in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999):
        assert np.mean(drawn <= np.quantile(truth, share)) == pytest.approx(share, rel=0.25, abs=1e-4)
    shuffled = bootstrap(file, 200_000, block=HOUR, **settings)[:, 0]
    clustering = [np.corrcoef(np.abs(returns[6:]), np.abs(returns[:-6]))[0, 1] for returns in (truth, drawn, shuffled)]
    assert clustering[0] > 0.15
    assert clustering[1] == pytest.approx(clustering[0], abs=0.06)
    assert abs(clustering[2]) < 0.02


@pytest.mark.parametrize(
    ("rows", "seconds", "block", "message"),
    [
        (
            400,
            600.0,
            DAY,
            r"0 pairs of rows lie one tick \(600 s\) apart in .*p\.csv, .* median spacing of rows: 3600 s",
        ),
        (
            10,
            HOUR,
            DAY,
            r"9 pairs of rows .* fewer than one block of 86400 s needs; .* a shorter block or a longer file",
        ),
        (400, 2 * DAY, DAY, r"block is 86400 s, shorter than one tick of 172800 s; lengthen it"),
    ],
)
def test_mistakes(bootstrap, tmp_path, rows, seconds, block, message):
    file, _ = series(tmp_path / "p.csv", rows=rows)
    with pytest.raises(ConfigError, match=r'process "boot" \(block_bootstrap\): ' + message):
        bootstrap(file, 50, seconds=seconds, block=block)


def test_series_without_common_times(bootstrap, tmp_path):
    file, _ = series(tmp_path / "p.csv")
    (tmp_path / "q.csv").write_text("time,p0,p1\n5,1,1\n6,1,1\n")
    with pytest.raises(ConfigError, match=r"0 pairs of rows lie one tick"):
        bootstrap([file, str(tmp_path / "q.csv")], 50)
