import numpy as np
import pytest

from agents.rules.fixed import Fixed
from sim.errors import ConfigError


def test_weights_are_the_targets_in_the_order_of_the_assets(look, returns):
    rule = Fixed(targets={"SOL": 0.2, "ETH": 0.5})
    assert np.array_equal(rule.weights(look(returns)), np.tile([0.5, 0.0, 0.2], (3, 1)))
    assert np.array_equal(rule.weights(look(returns, assets=["BTC", "SOL", "ETH"])), np.tile([0.0, 0.2, 0.5], (3, 1)))


def test_an_asset_that_is_not_held_is_named_with_the_nearest(look, returns):
    with pytest.raises(ConfigError, match=r'does not hold "SOLL"; did you mean "SOL".*Allowed: ETH, BTC, SOL'):
        Fixed(targets={"SOLL": 0.2}).weights(look(returns))


def test_check_refuses_leverage():
    assert Fixed(targets={"ETH": 0.5, "BTC": 0.5}).check() == []
    assert Fixed(targets={"ETH": 0.8, "BTC": 0.5}).check() == [("targets", "found a sum of 1.3; at most 1")]
