"""Markets, references and price history."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.prices import Markets, Prices


def test_the_first_market_is_the_reference_unless_another_is_named():
    markets = Markets()
    first, second = markets.declare("cex", 1), markets.declare("amm", 1)
    assert (first.index, second.index, str(second)) == (0, 1, "amm:1")
    assert markets.reference == {1: 0}
    markets.refer(1, "amm")
    assert markets.reference == {1: 1}
    with pytest.raises(ConfigError, match=r'the asset does not trade on "amn"; did you mean "amm"\? Allowed: amm, cex'):
        markets.refer(1, "amn")


def test_the_numeraire_has_no_market():
    with pytest.raises(ConfigError, match='"amm" cannot trade the numeraire against itself'):
        Markets().declare("amm", 0)


def test_an_asset_without_a_market_costs_its_fundamental_with_jumps():
    markets = Markets()
    markets.declare("cex", 1)
    path = np.log([[1.0, 10.0, 5.0], [1.0, 11.0, 6.0]])
    prices = Prices(path, markets, np.array([1e6, 1e8, 1e4, 1e6]))
    prices.log_market[0] = np.log(12.0)
    prices.shift[2] = np.log(0.5)
    assert prices.spot(1) == pytest.approx([1.0, 12.0, 3.0])
    prices.record(1)
    assert prices.history[1] == pytest.approx([1.0, 12.0, 3.0])
    assert prices.fundamental_history[1] == pytest.approx([1.0, 11.0, 3.0])
    assert prices.atom_price == pytest.approx([1e-6, 12e-8, 3e-4, 0.0])
    assert np.array_equal(prices.history[0], [1.0, 1.0, 1.0])  # not recorded yet
