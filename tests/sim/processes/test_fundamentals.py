"""All processes together: coverage, correlation, common random numbers, volatility shocks."""

from datetime import UTC, datetime

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.processes import PathGrid, fundamental_paths
from sim.processes.base import PriceProcess
from sim.processes.gbm import GeometricBrownianMotion
from sim.processes.heston import Heston
from sim.processes.merton import Merton
from sim.processes.regime import Regime
from sim.processes.replay import Replay
from sim.processes.shock_path import ShockPath
from sim.rng import Streams

ASSETS = ["BTC", "ETH", "SOL"]
CORRELATION = np.array([[1.0, 0.8, 0.5], [0.8, 1.0, 0.6], [0.5, 0.6, 1.0]])


def three(**changes):
    makers = {
        "BTC": GeometricBrownianMotion(name="btc", assets=["BTC"], drift=0.3),
        "ETH": Heston(name="eth", assets=["ETH"]),
        "SOL": Merton(name="sol", assets=["SOL"]),
    }
    return list((makers | changes).values())


def run(make_grid, processes, assets=ASSETS, correlation=CORRELATION, ticks=200, seed=1, replication=0, **settings):
    return fundamental_paths(
        processes, assets, correlation, make_grid(ticks, assets=len(assets)), Streams(seed, replication), **settings
    )


def test_columns_follow_assets_whatever_the_order_of_processes(make_grid):
    assert np.array_equal(run(make_grid, three()), run(make_grid, three()[::-1]))


def test_one_process_for_two_assets_equals_two_processes(make_grid):
    together = [GeometricBrownianMotion(name="both", assets=["SOL", "BTC"]), three()[1]]
    apart = three(
        BTC=GeometricBrownianMotion(name="x", assets=["BTC"]), SOL=GeometricBrownianMotion(name="y", assets=["SOL"])
    )
    assert np.array_equal(run(make_grid, together), run(make_grid, apart))


def test_an_asset_at_the_end_changes_no_bit_of_the_others(make_grid):
    fewer = run(make_grid, three()[:2], ASSETS[:2], CORRELATION[:2, :2])
    assert np.array_equal(run(make_grid, three())[:, :2], fewer)


def test_another_process_changes_no_bit_of_the_others(make_grid):
    base = run(make_grid, three())
    swapped = run(make_grid, three(BTC=Regime(name="storm", assets=["BTC"])))
    assert np.array_equal(base[:, 1:], swapped[:, 1:])
    assert not np.array_equal(base[:, 0], swapped[:, 0])


def test_a_setting_of_one_process_changes_no_bit_of_the_others(make_grid):
    base = run(make_grid, three())
    changed = run(make_grid, three(SOL=Merton(name="sol", assets=["SOL"], intensity=500.0)))
    assert np.array_equal(base[:, :2], changed[:, :2])


def test_replications_and_seeds_differ(make_grid):
    paths = [run(make_grid, three(), seed=seed, replication=k) for seed in (1, 2) for k in (0, 1)]
    assert all(not np.any(a[1:] == b[1:]) for i, a in enumerate(paths) for b in paths[:i])


def test_realised_correlation_across_processes(make_grid):
    processes = three(ETH=Heston(name="eth", assets=["ETH"], rho=-0.7, xi=0.5), SOL=Regime(name="s", assets=["SOL"]))
    returns = np.diff(run(make_grid, processes, ticks=100_000), axis=0)
    measured = np.corrcoef(returns.T)
    assert measured[0, 1] == pytest.approx(0.8, abs=0.03)
    standardised = np.corrcoef(np.sign(returns.T))
    assert np.sin(np.pi / 2 * standardised) == pytest.approx(CORRELATION, abs=0.02)


class TestVolatilityShocks:
    def test_factors_of_one_change_no_bit(self, make_grid):
        assert np.array_equal(run(make_grid, three(), vol_scale=np.ones((200, 3))), run(make_grid, three()))

    def test_nothing_changes_before_and_returns_scale_inside(self, make_grid):
        scale = np.ones((200, 3))
        scale[80:120, 1] = 3.0
        base, shocked = run(make_grid, three()), run(make_grid, three(), vol_scale=scale)
        assert np.array_equal(base[:81], shocked[:81])
        assert np.array_equal(base[:, [0, 2]], shocked[:, [0, 2]])
        expected = np.diff(base[:, 1])
        expected[80:120] *= 3.0
        assert np.allclose(np.diff(shocked[:, 1]), expected, atol=1e-12)

    def test_drift_and_designed_moves_stay(self, make_grid):
        crash = ShockPath(name="crash", assets=["ETH"], knots=[(50 * 3600.0, 0.0), (60 * 3600.0, -0.4)])
        growth = GeometricBrownianMotion(name="btc", assets=["BTC"], drift=0.5, volatility=0.0)
        processes = [growth, crash, three()[2]]
        scale = np.full((200, 3), 5.0)
        shocked = run(make_grid, processes, correlation=None, vol_scale=scale)
        assert np.allclose(shocked[:, :2], run(make_grid, processes, correlation=None)[:, :2], atol=1e-12)

    def test_zero_leaves_the_trend(self, make_grid):
        shocked = run(make_grid, three(), vol_scale=np.zeros((200, 3)))
        trend = 0.3 * make_grid(200).years()
        assert np.allclose(shocked, np.stack([trend, 0 * trend, 0 * trend], axis=1), atol=1e-12)

    @pytest.mark.parametrize(
        ("scale", "message"),
        [
            (np.ones((201, 3)), r"vol_scale has shape \(201, 3\); \(200, 3\) is needed"),
            (np.full((200, 3), -1.0), "vol_scale reaches from -1 to -1; it must be finite, at least 0"),
            (np.full((200, 3), np.inf), "vol_scale reaches from inf to inf"),
        ],
    )
    def test_mistakes(self, make_grid, scale, message):
        with pytest.raises(ConfigError, match=message):
            run(make_grid, three(), vol_scale=scale)


class TestCoverage:
    def test_unknown_asset(self, make_grid):
        processes = three(SOL=Merton(name="sol", assets=["SLO"]))
        with pytest.raises(
            ConfigError,
            match=r'process "sol" \(merton\): "SLO" is not an asset that needs a price; did you mean "SOL"\? '
            r"Allowed: BTC, ETH, SOL \(every asset except the numeraire\)",
        ):
            run(make_grid, processes)

    def test_covered_twice(self, make_grid):
        processes = [*three(), Regime(name="more", assets=["ETH"])]
        with pytest.raises(
            ConfigError,
            match=r'process "more" \(regime\): "ETH" already has process "eth" \(heston\); take it out of one of them',
        ):
            run(make_grid, processes)

    def test_uncovered(self, make_grid):
        with pytest.raises(
            ConfigError,
            match=r'no process makes the price of ETH, SOL; add it to the assets of one of: process "btc" \(gbm\), '
            r'or add a process, such as kind = "gbm", assets = \["ETH"\]',
        ):
            run(make_grid, three()[:1])
        with pytest.raises(ConfigError, match=r"one of: \(no processes\)"):
            run(make_grid, [])

    def test_no_asset_at_all(self, make_grid):
        assert run(make_grid, [], [], None).shape == (201, 0)

    def test_two_processes_of_one_name(self, make_grid):
        processes = three(SOL=Merton(name="btc", assets=["SOL"]))
        with pytest.raises(ConfigError, match='two random streams are named "process:btc"'):
            run(make_grid, processes)

    @pytest.mark.parametrize(
        ("assets", "message"),
        [([], "assets is empty; name at least one"), (["A", "B", "A"], "assets names A more than once")],
    )
    def test_assets_of_one_process(self, assets, message):
        with pytest.raises(ConfigError, match=rf'process "p" \(gbm\): {message}'):
            GeometricBrownianMotion(name="p", assets=assets)


def test_correlation_that_can_have_no_effect_is_refused(make_grid, write_csv):
    file = write_csv("time,price\n2024-01-01,5\n2024-02-01,6\n")
    past = Replay(name="past", assets=["ETH"], file=file, max_gap=1e9)
    with pytest.raises(
        ConfigError,
        match=r'process "past" \(replay\): the correlation 0\.8 of ETH with BTC can have no effect, because replay '
        r"takes its returns from a file; remove it, or put both assets into one file",
    ):
        run(make_grid, three(ETH=past))
    apart = CORRELATION.copy()
    apart[1, [0, 2]] = apart[[0, 2], 1] = 0.0
    replayed = run(make_grid, three(ETH=past), correlation=apart)
    assert np.array_equal(replayed[:, 0], run(make_grid, three(), correlation=apart)[:, 0])


class Broken(PriceProcess):
    """Returns what it is told to."""

    kind = "broken"
    rows, value = 1, 0.0

    def log_path(self, grid, rng, normals):
        return np.full((grid.ticks + self.rows, len(self.assets)), self.value)


@pytest.mark.parametrize(
    ("rows", "value", "message"),
    [
        (0, 0.0, r"log_path returned shape \(200, 1\); \(201, 1\) is needed: a row more than ticks"),
        (1, np.nan, r"the log price of ETH is nan at tick 0; check its drift and volatility settings"),
        (1, np.inf, r"the log price of ETH is inf at tick 0"),
    ],
)
def test_what_a_process_returns_is_checked(make_grid, rows, value, message):
    broken = Broken(name="b", assets=["ETH"])
    broken.rows, broken.value = rows, value
    with pytest.raises(ConfigError, match=rf'process "b" \(broken\): {message}'):
        run(make_grid, three(ETH=broken))


def test_initial_prices_are_one_for_each_asset():
    grid = PathGrid(5, 1 / 365, datetime(2024, 1, 1, tzinfo=UTC), 86_400.0, np.ones(2))
    with pytest.raises(ConfigError, match=r"initial has shape \(2,\); one price for each of 3 assets is needed"):
        fundamental_paths(three(), ASSETS, None, grid, Streams(1))


def test_a_process_sees_the_initial_prices_of_its_own_assets():
    class Seeing(Broken):
        def log_path(self, grid, rng, normals):
            self.seen = grid.initial
            return np.zeros((grid.ticks + 1, len(self.assets)))

    grid = PathGrid(5, 1 / 365, datetime(2024, 1, 1, tzinfo=UTC), 86_400.0, np.array([1.0, 2.0, 3.0]))
    seeing = Seeing(name="s", assets=["SOL", "BTC"])
    fundamental_paths([seeing, three()[1]], ASSETS, None, grid, Streams(1))
    assert seeing.seen.tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("ticks", "years", "seconds", "message"),
    [
        (0, 1 / 8760, 3600.0, "a run of 0 ticks of 3600 s is empty; both must be positive"),
        (5, 0.0, 0.0, "a run of 5 ticks of 0 s is empty"),
        (5, 1 / 8766, 3600.0, "a tick of 3600 s is 0.000114155 years of 365 days, not 0.000114077"),
    ],
)
def test_grids_that_make_no_sense(ticks, years, seconds, message):
    with pytest.raises(ConfigError, match=message):
        PathGrid(ticks, years, datetime(2024, 1, 1), seconds, np.ones(1))
