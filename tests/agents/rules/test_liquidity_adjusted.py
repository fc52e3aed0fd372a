from types import SimpleNamespace

import numpy as np
import pytest

from agents.rules.inverse_volatility import InverseVolatility
from agents.rules.liquidity_adjusted import LiquidityAdjusted
from sim.errors import ConfigError
from sim.math.risk import var_factor

WINDOW = 500 * 3_600.0


class Market:
    """Sales lose a share that grows with their size over the depth in USD."""

    price = 1.0

    def __init__(self, fee, depth):
        self.fee, self.depth = fee, depth

    def sell(self, amount):
        return amount * (1.0 - self.fee - amount / 1e6 / self.depth)


def trading(view, *venues):
    """The view, its assets at 1 USD, with venues that trade them; None where one does not."""
    count = len(view.assets)
    view.view.prices, view.view.atom_prices = np.ones(count + 1), np.full(count + 1, 1e-6)
    tables = {f"venue{i}": dict(enumerate(markets, start=1)) for i, markets in enumerate(venues)}
    view.view.quotes = {name: SimpleNamespace(market=table.get) for name, table in tables.items()}
    return view


def rule(**settings):
    return LiquidityAdjusted(**({"venues": ["venue0"], "window": WINDOW} | settings))


def test_without_spreads_it_is_inverse_volatility(look, returns):
    view = trading(look(returns), [Market(0.0, 1e12)] * 3)
    assert rule().weights(view) == pytest.approx(InverseVolatility(window=WINDOW).weights(view), rel=1e-6)


def test_weights_are_inverse_to_value_at_risk_plus_half_the_spread(look, returns):
    fees = np.array([0.001, 0.02, 0.005])
    view = trading(look(returns), [Market(fee, 1e12) for fee in fees])
    daily = np.sqrt(np.diag(view.covariance(500)) / 365.0)
    risk = var_factor(0.95) * daily + fees
    assert rule().weights(view)[0] == pytest.approx(1 / risk / (1 / risk).sum(), rel=1e-6)


def test_a_wider_spread_or_a_thinner_market_means_a_lower_weight(look, returns):
    plain = rule().weights(trading(look(returns), [Market(0.001, 1e7)] * 3))[0]
    wide = rule().weights(trading(look(returns), [Market(0.001, 1e7), Market(0.02, 1e7), Market(0.001, 1e7)]))[0]
    thin = rule().weights(trading(look(returns), [Market(0.001, 1e7), Market(0.001, 2e5), Market(0.001, 1e7)]))[0]
    assert wide[1] < plain[1]
    assert thin[1] < plain[1]
    assert [wide.sum(), thin.sum()] == pytest.approx([1.0, 1.0])


def test_the_best_venue_counts_and_an_asset_that_none_trades_is_named(look, returns):
    good, bad = [Market(0.001, 1e7)] * 3, [Market(0.1, 1e7)] * 2
    both = trading(look(returns), bad, good)
    only = rule().weights(trading(look(returns), good))
    assert np.array_equal(rule(venues=["venue0", "venue1"]).weights(both), only)
    with pytest.raises(ConfigError, match='no venue trades "SOL"; the rule looks at venue0'):
        rule().weights(trading(look(returns), bad))
