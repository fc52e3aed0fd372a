import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.rules.equal_risk_contribution import EqualRiskContribution
from sim.math.portfolio.budgets import risk_contributions


@given(invested=st.floats(0.05, 1.0), window=st.integers(10, 2_000))
def test_every_asset_contributes_the_same_risk(look, returns, invested, window):
    view = look(returns)
    rule = EqualRiskContribution(window=window * 3_600.0, invested=invested)
    weights = rule.weights(view)[0]
    assert weights.sum() == pytest.approx(invested)
    assert np.abs(risk_contributions(weights, rule.covariance(view)) - 1 / 3).max() < 1e-12
