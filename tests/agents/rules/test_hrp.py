import numpy as np
import pytest

from agents.rules.hrp import HierarchicalRiskParity
from agents.rules.inverse_volatility import InverseVolatility

WINDOW = 500 * 3_600.0


def test_twins_share_one_part_of_the_risk(look):
    rng = np.random.default_rng(6)
    moves = 0.01 * rng.standard_normal((500, 3))
    moves[:, 1] = moves[:, 0] + 1e-4 * rng.standard_normal(500)
    view = look(moves)
    weights = HierarchicalRiskParity(window=WINDOW, invested=0.9).weights(view)[0]
    assert weights == pytest.approx([0.225, 0.225, 0.45], rel=0.1)
    assert weights.sum() == pytest.approx(0.9)
    assert InverseVolatility(window=WINDOW).weights(view)[0] == pytest.approx(np.full(3, 1 / 3), rel=0.1)


def test_an_asset_that_stands_still_is_counted_and_takes_nearly_all(look, returns):
    still = returns[:500].copy()
    still[:, 2] = 0.0
    rule = HierarchicalRiskParity(window=WINDOW)
    assert rule.weights(look(still))[0][2] > 0.999
    assert rule.fallbacks == {"singular_covariance": 1}
