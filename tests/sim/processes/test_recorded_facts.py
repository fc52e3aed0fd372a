"""The stylised facts of the recorded market, which made-up prices are held against."""

import pytest

from sim.math.stylised import stylised_facts
from sim.processes.block_bootstrap import BlockBootstrap


@pytest.fixture
def hourly(recorded):
    file = recorded("prices/btc_usdt_1h_2017-08_2026-01.csv.gz")
    process = BlockBootstrap(name="btc", assets=["BTC"], file=file, time="datetime_utc", price="close")
    return process.recorded_returns(3600.0)[:, 0]


@pytest.mark.parametrize("hour", range(0, 24, 3))
def test_daily_returns_have_the_facts_whenever_days_end(hourly, hour):
    hours = hourly[hour:]
    found = stylised_facts(hours[: hours.size // 24 * 24].reshape(-1, 24).sum(axis=1))
    failed = {fact for fact, passed in found.passes().items() if not passed}
    assert failed <= {"no_linear_memory"}
    assert abs(found.linear) < found.robust_band
    assert found.tail_index == pytest.approx(3.1, abs=0.4)
    assert found.kurtosis > 5.0 and found.skewness < 0.0


def test_hourly_returns_have_fatter_tails_and_longer_memory(hourly):
    found = stylised_facts(hourly)
    assert found.tail_index == pytest.approx(2.4, abs=0.2)
    assert found.kurtosis > 20.0
    assert found.passes()["clustering"] and found.memory.power_misfit < found.memory.exponential_misfit
