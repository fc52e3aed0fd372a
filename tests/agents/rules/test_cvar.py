import numpy as np
import pytest

from agents.rules.cvar import ExpectedShortfall, _solved
from agents.rules.minimum_variance import MinimumVariance
from sim.math.risk import historical_es

HOUR = 3_600.0


def test_no_other_portfolio_loses_less_in_its_tail(look, returns):
    view = look(returns)
    weights = ExpectedShortfall(window=500 * HOUR, level=0.9).weights(view)[0]
    moves = np.expm1(returns[-500:])
    least = historical_es(moves @ weights, 0.9)
    for other in np.random.default_rng(1).dirichlet(np.ones(3), 500):
        assert historical_es(moves @ other, 0.9) >= least - 1e-15


def test_an_asset_that_crashes_is_left_though_it_is_calm(look):
    rng = np.random.default_rng(5)
    moves = 0.01 * rng.standard_normal((400, 2))
    moves[:, 1] *= 0.3
    moves[::40, 1] = -0.06
    view = look(moves)
    careful = ExpectedShortfall(window=400 * HOUR, level=0.95).weights(view)[0]
    assert careful[1] < MinimumVariance(window=400 * HOUR).weights(view)[0][1]


def test_a_tail_of_less_than_two_ticks_is_minimum_variance_and_counted(look, returns):
    view = look(returns[:39])
    rule = ExpectedShortfall(window=500 * HOUR)
    assert np.array_equal(rule.weights(view), MinimumVariance(window=500 * HOUR).weights(view))
    assert rule.fallbacks == {"short_history": 1}
    assert rule.weights(look(returns[:40])) != pytest.approx(rule.weights(view), rel=1e-3)


def test_a_window_too_short_for_the_tail_is_counted(look, returns):
    rule, plain = ExpectedShortfall(window=39 * HOUR), MinimumVariance(window=39 * HOUR)
    assert np.array_equal(rule.weights(look(returns)), plain.weights(look(returns)))
    assert rule.fallbacks == {"short_window": 1}


def test_the_same_question_is_answered_once(look, returns):
    _solved.cache_clear()
    view = look(returns)
    for _ in range(3):
        ExpectedShortfall(window=200 * HOUR, largest=0.5).weights(view)
    assert (_solved.cache_info().misses, _solved.cache_info().hits) == (1, 2)


def test_tolerance_buys_return(look, returns):
    view = look(returns)
    expected = {"SOL": 2.0}
    plain = ExpectedShortfall(window=500 * HOUR, expected=expected).weights(view)[0]
    paid = ExpectedShortfall(window=500 * HOUR, expected=expected, tolerance=100.0).weights(view)[0]
    assert paid[2] > plain[2]
