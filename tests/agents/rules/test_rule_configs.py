"""Rules inside a world: what a wrong config says, and which substitutes a run counts."""

import pytest

from sim.errors import SpilloverError
from tests.worlds import WILD, make_world, run

BTC = """
[[assets]]
name = "BTC"
price = 40000.0
decimals = 8
[[processes]]
name = "btc"
kind = "gbm"
assets = ["BTC"]
volatility = 0.6
"""
MARKET = """
[[protocols]]
name = "market"
kind = "depth_market"
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.05
daily_volume = 1e5
[[protocols.books]]
asset = "BTC"
daily_volatility = 0.05
daily_volume = 1e4
"""


def world(rule):
    people = f"""
[[agents]]
name = "people"
kind = "allocator"
count = 5
assets = ["ETH", "BTC"]
venues = ["market"]
trigger = {{ kind = "calendar", every = "20min" }}
rule = {{ {rule} }}
"""
    return make_world(WILD, BTC, MARKET, people)


def fallbacks(world):
    found = {name: value for metric in world.metrics for name, value in metric.final(world).items()}
    return {name: value for name, value in found.items() if name.startswith("rule_fallbacks.")}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ('kind = "fixed", targets = { ETH = 0.8, BTC = 0.5 }', r"rule\.targets: found a sum of 1\.3; at most 1"),
        ('kind = "fixed", targets = { ETH = 0.8, BTCC = 0.1 }', r'no asset "BTCC".*did you mean "BTC"'),
        ('kind = "fixed", targets = { ETH = 0.8, USD = 0.1 }', r'rule\.targets: the allocator does not hold "USD"'),
        ('kind = "minimum_variance", largest = 0.4', r"rule\.largest: found room for 0\.8 of wealth in 2 assets"),
        ('kind = "minimum_variance", window = "10min"', "a window of 600 s is 1 tick of this run"),
        ('kind = "risk_budgets", budgets = { ETH = 0.4, BTC = 0.5 }', r"rule\.budgets: found a sum of 0\.9; must be 1"),
        ('kind = "hrp", estimator = "shrunk"', r"rule\.estimator: found \"shrunk\""),
        ('kind = "cost_aware", base = { kind = "hrp", window = 0 }', r"rule\.base\.window: found 0 s"),
        ('kind = "liquidity_adjusted", venues = ["markt"]', r'no protocol "markt".*did you mean "market"'),
    ],
    ids=["sum", "unknown", "not_held", "bounds", "window", "budgets", "estimator", "nested", "venue"],
)
def test_a_wrong_config_says_where_and_what(rule, text):
    with pytest.raises(SpilloverError, match=text):
        world(rule)


@pytest.mark.parametrize(
    ("rule", "reasons"),
    [
        ('kind = "fixed", targets = { ETH = 0.8 }', set()),
        ('kind = "hrp"', {"short_history"}),
        ('kind = "cost_aware", base = { kind = "minimum_variance" }', {"short_history"}),
        ('kind = "liquidity_adjusted", venues = ["market"]', {"short_history"}),
        ('kind = "overlap_penalised", venues = ["market"]', {"short_history", "nothing_held"}),
        ('kind = "maximum_sharpe", expected = { ETH = -0.5 }', {"short_history", "no_positive_excess"}),
    ],
    ids=["fixed", "hrp", "cost_aware", "liquidity_adjusted", "overlap_penalised", "maximum_sharpe"],
)
def test_substitutes_are_counted_in_the_outcome(rule, reasons):
    built = world(rule)
    run(built)
    counted = fallbacks(built)
    assert set(counted) == {"rule_fallbacks.people"} | {f"rule_fallbacks.people.{reason}" for reason in reasons}
    assert counted.pop("rule_fallbacks.people") == sum(counted.values())


def test_a_history_as_long_as_the_window_needs_no_substitute():
    built = world('kind = "equal_risk_contribution", window = "40min"')
    run(built, 4)
    before = fallbacks(built)
    run(built, 6)
    assert fallbacks(built) == before != {"rule_fallbacks.people": 0.0}


def test_what_everybody_holds_is_the_supply():
    built = world('kind = "equal_weight"')
    view = built.actors[0].view
    assert view.supply(1) == built.ledger.balance[1, 1:].sum() > 0
    assert view.supply(1) >= view.balance(1).sum()
