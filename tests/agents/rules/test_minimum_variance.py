import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.minimum_variance import MinimumVariance

HOUR = 3_600.0


@pytest.mark.parametrize("estimator", ["ewma", "sample", "ledoit_wolf", "constant_correlation"])
@given(largest=st.floats(0.34, 1.0), invested=st.floats(0.1, 1.0))
def test_every_held_asset_adds_the_same_risk_and_others_more(look, returns, estimator, largest, invested):
    rule = MinimumVariance(window=500 * HOUR, estimator=estimator, largest=largest, invested=invested)
    view = look(returns)
    weights = rule.weights(view)[0]
    slope = rule.covariance(view) @ weights
    assert weights.sum() == pytest.approx(invested)
    assert slope[weights > 0.0].max() <= slope[weights < largest].min(initial=np.inf) + 1e-12


def test_the_calmest_assets_weigh_most(look, returns):
    weights = MinimumVariance(window=2_000 * HOUR).weights(look(returns))[0]
    assert weights[0] > 0.85
    assert weights[0] > weights[1] >= weights[2]


def test_caps_of_single_assets_bind(look, returns):
    weights = MinimumVariance(window=500 * HOUR, caps={"ETH": 0.3}).weights(look(returns))[0]
    assert weights[0] == 0.3
    assert weights.sum() == pytest.approx(1.0)


def test_before_any_history_assets_are_alike_and_the_fallback_is_counted(look, returns):
    rule = MinimumVariance()
    assert rule.weights(look(returns[:0]))[0] == pytest.approx(np.full(3, 1 / 3))
    assert rule.fallbacks == {"short_history": 1}
