import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.volatility_target import VolatilityTarget
from sim.errors import ConfigError, SpilloverError
from sim.forecasting import Forecaster

HOUR = 3_600.0
WINDOW = 500


def rule(**settings):
    return VolatilityTarget(**({"window": WINDOW * HOUR, "half_life": None} | settings))


def expected_volatility(view, weights, half_life=None):
    return float(np.sqrt(weights @ view.covariance(WINDOW, half_life) @ weights))


@given(target=st.floats(0.01, 0.3), half_life=st.sampled_from([None, 50.0]))
def test_expected_volatility_is_the_target_where_the_cap_does_not_bind(look, returns, target, half_life):
    view = look(returns)
    weights = rule(target=target, half_life=half_life and half_life * HOUR).weights(view)[0]
    assert expected_volatility(view, weights, half_life) == pytest.approx(target, rel=1e-12)


@given(target=st.floats(0.01, 5.0), most=st.floats(0.1, 1.0))
def test_the_portfolio_is_the_base_scaled_by_no_more_than_the_cap(look, returns, target, most):
    base = {"ETH": 0.6, "SOL": 0.4}
    view = look(returns)
    weights = rule(target=target, base=base, max_leverage=most).weights(view)[0]
    scale = weights[0] / 0.6
    assert weights == pytest.approx(scale * np.array([0.6, 0.0, 0.4]))
    assert scale <= most + 1e-12
    assert expected_volatility(view, weights) <= target * (1 + 1e-12)
    assert scale == pytest.approx(most) or expected_volatility(view, weights) == pytest.approx(target)


def test_rising_volatility_cuts_the_position(look, returns):
    wild = np.vstack([returns[:500], 3.0 * returns[500:600]])
    calm = np.vstack([returns[:500], returns[500:600]])
    settings = {"target": 0.3, "half_life": 20 * HOUR}
    assert rule(**settings).weights(look(wild))[0].sum() < 0.5 * rule(**settings).weights(look(calm))[0].sum()


def test_without_history_the_prior_is_the_volatility_of_each_asset(look, returns):
    weights = rule(target=0.2, prior=0.8).weights(look(returns[:0]))[0]
    assert weights == pytest.approx(np.full(3, 0.2 / 0.8 / np.sqrt(3)))


def test_prices_that_never_moved_are_held_up_to_the_cap(look):
    assert rule(max_leverage=0.9).weights(look(np.zeros((WINDOW, 2))))[0] == pytest.approx([0.45, 0.45])


def test_a_base_asset_that_is_not_held_is_named(look, returns):
    with pytest.raises(ConfigError, match='does not hold "ETC"; did you mean "ETH"'):
        rule(base={"ETC": 1.0}).weights(look(returns))


def test_a_forecaster_says_how_volatile_the_unscaled_portfolio_will_be(look, returns):
    class Twice(Forecaster):
        """Twice what was."""

        def expect(self, returns, horizon):
            self.seen = returns, horizon
            return 2.0 * float((returns**2).mean())

    forecaster = Twice()
    settings = {"target": 0.2, "window": 500 * 3_600.0, "half_life": None, "base": {"ETH": 0.25, "SOL": 0.75}}
    plain = VolatilityTarget(**settings).weights(look(returns))
    ahead = VolatilityTarget(forecaster=forecaster, horizon=7_200.0, **settings).weights(look(returns))
    assert ahead == pytest.approx(plain / np.sqrt(2.0), rel=1e-9)
    assert forecaster.seen[0] == pytest.approx(returns[-500:] @ [0.25, 0.0, 0.75], abs=1e-12)
    assert forecaster.seen[1] == 2


@pytest.mark.parametrize("answer", [float("nan"), float("inf"), -1.0])
def test_a_forecast_that_is_no_variance_stops_the_run(look, returns, answer):
    class Broken(Forecaster):
        """No variance."""

        def expect(self, returns, horizon):
            return answer

    with pytest.raises(SpilloverError, match=r"forecaster Broken expects a variance of .* after 500 returns"):
        rule(forecaster=Broken()).weights(look(returns))


def test_a_base_that_is_no_whole_portfolio_is_refused():
    assert rule(base={"ETH": 0.6, "SOL": 0.6}).check() == [("base", "found a sum of 1.2; must be 1")]
    assert rule().check() == []
