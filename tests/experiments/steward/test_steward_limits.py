"""What a risk steward may set, and what is said about anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.catalogue import load_components
from experiments.config import load
from experiments.steward import LIMITS, propose
from sim.errors import ConfigError

PATH = "protocols.lending.reserves.ETH."
parameters = st.sampled_from(sorted(LIMITS))
sizes = st.floats(0.01, 0.95)


@pytest.fixture(scope="module")
def market():
    load_components()
    return load("phase_diagram")


def refusal(market, change, **settings):
    with pytest.raises(ConfigError) as caught:
        propose(market, change, **settings)
    return str(caught.value)


@given(parameters, sizes, st.floats(0.001, 3.0), st.integers(1, 6))
def test_what_needs_n_changes_is_allowed_in_n_and_more_and_not_in_fewer(parameter, now, factor, changes):
    limit, value = LIMITS[parameter], now * factor
    needed = limit.needed(now, value)
    assert needed is not None
    assert limit.allows(now, value, changes) == (changes >= needed)
    assert needed >= abs(value - now) / (limit.step * (now if limit.relative else 1.0)) / 2**needed - 1e-6


@given(parameters, sizes, st.integers(1, 4), st.integers(2, 9))
def test_values_of_the_frontier_can_all_be_set(parameter, now, changes, many):
    limit = LIMITS[parameter]
    values = limit.values(now, changes, many)
    assert values == sorted(values)
    assert all(limit.allows(now, value, changes) for value in values)
    if many % 2 and (limit.relative or now > limit.step * changes):
        assert any(abs(value - now) < 1e-9 for value in values)


@pytest.mark.parametrize(
    ("parameter", "now", "low", "high"),
    [
        ("liquidation_threshold", 0.83, 0.825, 0.835),
        ("liquidation_bonus", 0.05, 0.045, 0.055),
        ("ltv", 0.805, 0.80, 0.81),
        ("slope1", 0.027, 0.017, 0.037),
        ("base_rate", 0.0, 0.0, 0.01),
        ("slope2", 0.8, 0.6, 1.0),
        ("optimal_utilisation", 0.9, 0.87, 0.93),
        ("supply_cap", 3.0e6, 0.0, 6.0e6),
        ("borrow_cap", 2.7e6, 0.0, 5.4e6),
    ],
)
def test_ranges_are_those_of_the_aave_risk_stewards(parameter, now, low, high):
    assert LIMITS[parameter].range(now) == pytest.approx((low, high))
    assert not LIMITS[parameter].allows(now, 0.0)


def test_a_proposal_beyond_the_limit_names_the_range_and_the_way_there(market):
    said = refusal(market, f"{PATH}liquidation_threshold=0.84")
    assert "0.83 -> 0.84 is a change of +1.00 percentage points" in said
    assert "allowed in 1 change: 0.825 to 0.835" in said
    assert "the limit of 0.5 percentage points applies per change" in said
    assert "3 days later" in said and "reach it in 2 with --changes 2" in said


def test_two_changes_reach_what_one_does_not(market):
    study = propose(market, f"{PATH}liquidation_threshold=0.84", changes=2)
    assert study.values == (0.82, 0.825, 0.83, 0.835, 0.84)
    assert study.proposal.title == "ETH liquidation threshold 83% to 84%"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("liquidation_threshold=0.835", "write it as protocols.PROTOCOL.reserves.ASSET.PARAMETER=VALUE"),
        ("protocols.market.books.ETH.y=1", "write it as protocols.PROTOCOL.reserves.ASSET.PARAMETER=VALUE"),
        ("protocols.lendin.reserves.ETH.ltv=0.8", 'no lending protocol "lendin"; did you mean "lending"?'),
        ("protocols.lending.reserves.ETC.ltv=0.8", 'lending has no reserve "ETC"; did you mean "ETH"?'),
        (f"{PATH}reserve_factor=0.2", 'a steward cannot change "reserve_factor"'),
        (f"{PATH}ltv=high", 'found "high"; must be a number'),
        (f"{PATH}ltv=0.805", "ltv is 0.805 already"),
        (f"{PATH}supply_cap=1e6", "supply_cap is not set now"),
        (f"{PATH}ltv=0", "allowed in 1 change: 0.8 to 0.81"),
    ],
)
def test_what_is_no_proposal_is_refused(market, change, said):
    assert said in refusal(market, change)


@pytest.mark.parametrize("factors", [(), (0.0,), (-1.0, 1.0)])
def test_volatility_is_scaled_by_positive_factors(market, factors):
    assert "--volatility" in refusal(market, f"{PATH}ltv=0.8", factors=factors)


def test_values_that_the_market_refuses_are_not_on_the_frontier(market):
    tight = market.with_sets([f"{PATH}ltv=0.828"])
    study = propose(tight, f"{PATH}liquidation_threshold=0.835")
    assert min(study.values) >= 0.828 and {0.83, 0.835} <= set(study.values)


def test_volatilities_are_scaled_together(market):
    study = propose(market, f"{PATH}ltv=0.8", factors=(0.5, 1.0), runs=2)
    scaled = study.config.sweep.axes["volatility"]
    assert [level["label"] for level in scaled] == ["0.5 x", "1 x"]
    assert scaled[0]["set"] == {"processes.eth.volatility": 0.3, "processes.btc.volatility": 0.25}
