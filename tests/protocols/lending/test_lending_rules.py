"""Settings: what is refused and how it is said, and the tables built from them."""

from dataclasses import replace

import numpy as np
import pytest

from protocols.lending import liquidation_kernels as lq
from protocols.lending.rules import AAVE_V2, AAVE_V3_3, RULE_SETS, EModeCategory, ReserveSettings, rule_set
from protocols.lending.tables import market_table, rule_vector, terms_table
from sim.errors import ConfigError

WETH = ReserveSettings(asset="WETH", ltv=0.805, liquidation_threshold=0.83, liquidation_bonus=0.05)
STETH = replace(WETH, asset="wstETH", ltv=0.785, liquidation_threshold=0.81, liquidation_bonus=0.06)
USDC = ReserveSettings(asset="USDC", ltv=0.75, liquidation_threshold=0.78, liquidation_bonus=0.045, protocol_fee=0.2)
GHO = ReserveSettings(
    asset="GHO", ltv=0.0, liquidation_threshold=0.0, liquidation_bonus=0.0, collateral=False,
    base_rate=0.05, slope1=0.0, slope2=0.0,
)  # fmt: skip
ETH_MODE = EModeCategory(
    label="ETH correlated", ltv=0.93, liquidation_threshold=0.95, liquidation_bonus=0.01,
    collateral=("WETH", "wstETH"), borrowable=("WETH",),
)  # fmt: skip


@pytest.mark.parametrize("settings", [WETH, STETH, USDC, GHO, ETH_MODE, AAVE_V2, AAVE_V3_3])
def test_real_settings_have_no_faults(settings):
    assert settings.check() == []


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"ltv": 0.84}, "ltv", "0.84 is above liquidation_threshold = 0.83"),
        ({"ltv": -0.1}, "ltv", "-0.1 is outside [0, 1]"),
        ({"liquidation_bonus": 0.25}, "liquidation_threshold", "is 1.0375, above 1: liquidation would leave bad debt"),
        ({"liquidation_bonus": 0.0}, "liquidation_bonus", "pays no liquidator"),
        ({"ltv": 0.0, "liquidation_threshold": 0.0}, "liquidation_threshold", "set collateral = false"),
        ({"protocol_fee": 1.5}, "protocol_fee", "1.5 is outside [0, 1]"),
        ({"optimal_utilisation": 1.0}, "optimal_utilisation", "1 is outside [0.01, 0.99]"),
        ({"slope2": 0.01}, "slope2", "below slope1 = 0.055"),
        ({"slope2": 12.0}, "slope2", "rate at full utilisation is 12.055 a year; at most 10"),
        ({"base_rate": -0.01}, "base_rate", "must not be negative"),
        ({"supply_cap": -1.0}, "supply_cap", "leave it out for no limit"),
    ],
)
def test_a_reserve_names_its_fault(change, field, says):
    [(found, message)] = replace(WETH, **change).check()
    assert found == field
    assert says in message


def test_the_largest_threshold_named_in_the_message_is_accepted():
    [(_, message)] = replace(WETH, liquidation_bonus=0.25).check()
    allowed = float(message.split("at most ")[1].split(" ")[0])
    assert replace(WETH, ltv=0.5, liquidation_threshold=allowed, liquidation_bonus=0.25).check() == []


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"ltv": 0.96}, "ltv", "above liquidation_threshold = 0.95"),
        ({"ltv": 0.0}, "ltv", "would let nobody borrow"),
        ({"liquidation_bonus": 0.06}, "liquidation_threshold", "above 1"),
        ({"collateral": ()}, "collateral", "name at least one asset"),
    ],
)
def test_a_category_names_its_fault(change, field, says):
    [(found, message)] = replace(ETH_MODE, **change).check()
    assert found == field
    assert says in message


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"close_factor": 0.0, "min_leftover": 0.0}, "close_factor", "0 is outside (0, 1]"),
        ({"close_on": "totl"}, "close_on", 'did you mean "total"?'),
        ({"full_close_health": 1.0}, "full_close_health", "1 is outside [0, 1)"),
        ({"full_close_below": -1.0, "min_leftover": -5.0}, "min_leftover", "must not be negative"),
        ({"min_leftover": 1_500.0}, "min_leftover", "1500 is above 1000, what the smallest partial close leaves"),
    ],
)
def test_a_rule_set_names_its_fault(change, field, says):
    [(found, message)] = replace(AAVE_V3_3, **change).check()
    assert found == field
    assert says in message


def test_versions_are_found_by_name():
    assert rule_set("aave_v2") is AAVE_V2
    with pytest.raises(ConfigError, match=r'unknown lending version "aave_v3"; did you mean "aave_v3.3"\?') as caught:
        rule_set("aave_v3")
    assert all(name in str(caught.value) for name in RULE_SETS)


def test_rule_vector_keeps_every_number_and_never_closes_fully_at_zero():
    new, old = rule_vector(AAVE_V3_3), rule_vector(AAVE_V2)
    np.testing.assert_array_equal(new, [0.5, 1.0, 0.95, 2_000.0, 1_000.0, 1.0, 1.0])
    np.testing.assert_array_equal(old, [0.5, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0])


def test_a_category_lifts_its_own_collateral_only():
    terms = terms_table([WETH, STETH, USDC, GHO], [ETH_MODE])
    np.testing.assert_array_equal(terms[lq.THRESHOLD], [[0.83, 0.81, 0.78, 0.0], [0.95, 0.95, 0.78, 0.0]])
    np.testing.assert_array_equal(terms[lq.LTV], [[0.805, 0.785, 0.75, 0.0], [0.93, 0.93, 0.75, 0.0]])
    np.testing.assert_array_equal(terms[lq.BONUS], [[0.05, 0.06, 0.045, 0.0], [0.01, 0.01, 0.045, 0.0]])
    np.testing.assert_array_equal(terms[lq.FEE_SHARE], [[0.1, 0.1, 0.2, 0.0]] * 2)


def test_a_category_cannot_revive_what_is_no_collateral_outside():
    frozen, unlisted = replace(WETH, ltv=0.0), replace(STETH, collateral=False)
    terms = terms_table([frozen, unlisted], [ETH_MODE])
    np.testing.assert_array_equal(terms[lq.LTV, 1], [0.0, 0.0])
    np.testing.assert_array_equal(terms[lq.THRESHOLD, 1], [0.95, 0.0])


def test_tables_refuse_unknown_and_repeated_assets():
    with pytest.raises(
        ConfigError, match=r'e-mode "ETH correlated" names unlisted asset "wstETH".*Allowed: WETH, USDC'
    ):
        terms_table([WETH, USDC], [ETH_MODE])
    with pytest.raises(ConfigError, match='reserve "WETH" is listed twice'):
        terms_table([WETH, USDC, WETH])


def test_market_table_values_scaled_atoms_in_usd():
    market = market_table([2_000.0, 1.0], [8, 6], [1.25, 1.0], [1.5, 2.0])
    np.testing.assert_allclose(market[lq.COLL_VALUE], [2_500e-8, 1e-6], rtol=1e-15)
    np.testing.assert_allclose(market[lq.DEBT_VALUE], [3_000e-8, 2e-6], rtol=1e-15)
    np.testing.assert_array_equal(market[lq.UNIT], [1e8, 1e6])
