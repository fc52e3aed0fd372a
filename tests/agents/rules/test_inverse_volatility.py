import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.inverse_volatility import InverseVolatility

HOUR = 3_600.0


@given(volatilities=st.lists(st.floats(0.1, 3.0), min_size=2, max_size=4), half_life=st.sampled_from([None, 24 * HOUR]))
def test_every_asset_alone_contributes_the_same_risk(look, volatilities, half_life):
    rng = np.random.default_rng(1)
    view = look(rng.standard_normal((240, len(volatilities))) * volatilities / np.sqrt(8_760))
    rule = InverseVolatility(window=240 * HOUR, half_life=half_life, floor=1e-6)
    weights = rule.weights(view)[0]
    risk = weights * np.sqrt(np.diag(view.covariance(240, None if half_life is None else 24)))
    assert risk == pytest.approx(np.full(len(volatilities), risk[0]), rel=1e-12)
    assert weights.sum() == pytest.approx(1.0)


def test_before_the_run_is_old_enough_the_prior_fills_the_window(look, returns):
    rule = InverseVolatility(window=100 * HOUR, prior=0.7)
    assert rule.weights(look(returns[:0]))[0] == pytest.approx(np.full(3, 1 / 3))
    half = look(returns[:50])
    variance = 0.5 * np.mean(returns[:50] ** 2, axis=0) * 8_760 + 0.5 * 0.7**2
    assert rule.weights(half)[0] == pytest.approx(1 / np.sqrt(variance) / (1 / np.sqrt(variance)).sum())


def test_only_the_window_counts(look, returns):
    rule = InverseVolatility(window=100 * HOUR)
    calm = np.vstack([50.0 * returns[:500], returns[500:600]])
    assert rule.weights(look(calm))[0] == pytest.approx(rule.weights(look(returns[500:600]))[0], rel=1e-9)


def test_recent_returns_count_more_under_a_half_life(look):
    shaken = np.full((200, 2), 0.01)
    shaken[-10:, 0] = 0.1
    plain = InverseVolatility(window=200 * HOUR).weights(look(shaken))[0]
    quick = InverseVolatility(window=200 * HOUR, half_life=5 * HOUR).weights(look(shaken))[0]
    assert quick[0] < plain[0] < 0.5


def test_an_asset_that_does_not_move_is_bounded_by_the_floor(look, returns):
    still = returns[:200, :2].copy()
    still[:, 1] = 0.0
    rule = InverseVolatility(window=200 * HOUR, floor=0.1, invested=0.8)
    view = look(still)
    weights = rule.weights(view)[0]
    assert weights[1] / weights[0] == pytest.approx(view.volatility(200)[0] / 0.1)
    assert weights.sum() == pytest.approx(0.8)
