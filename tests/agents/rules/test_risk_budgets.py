import pytest

from agents.rules.equal_risk_contribution import EqualRiskContribution
from agents.rules.risk_budgets import RiskBudgets, SubStrategy
from sim.math.portfolio.budgets import risk_contributions

WINDOW = 500 * 3_600.0


def test_contributions_are_the_budgets(look, returns):
    view = look(returns)
    rule = RiskBudgets(budgets={"ETH": 0.6, "SOL": 0.3, "BTC": 0.1}, window=WINDOW)
    contributions = risk_contributions(rule.weights(view)[0], rule.covariance(view))
    assert contributions == pytest.approx([0.6, 0.1, 0.3], abs=1e-12)


def test_an_asset_without_a_budget_is_not_held(look, returns):
    view = look(returns)
    weights = RiskBudgets(budgets={"ETH": 0.5, "BTC": 0.5}, window=WINDOW, invested=0.7).weights(view)[0]
    assert weights[2] == 0.0
    assert weights.sum() == pytest.approx(0.7)


def test_equal_budgets_are_equal_contributions(look, returns):
    view = look(returns)
    third = dict.fromkeys(("ETH", "BTC", "SOL"), 1 / 3)
    expected = EqualRiskContribution(window=WINDOW).weights(view)
    assert RiskBudgets(budgets=third, window=WINDOW).weights(view) == pytest.approx(expected, rel=1e-13)


def test_sub_strategies_split_the_whole_and_each_splits_its_own(look, returns):
    view = look(returns)
    parts = [SubStrategy(budget=0.3, assets={"ETH": 1.0}), SubStrategy(budget=0.7, assets={"BTC": 0.8, "SOL": 0.2})]
    rule = RiskBudgets(strategies=parts, window=WINDOW)
    weights, covariance = rule.weights(view)[0], rule.covariance(view)
    whole = risk_contributions(weights, covariance)
    assert [whole[0], whole[1:].sum()] == pytest.approx([0.3, 0.7], abs=1e-12)
    assert risk_contributions(weights[1:], covariance[1:, 1:]) == pytest.approx([0.8, 0.2], abs=1e-12)


ALL_ETH = {"ETH": 1.0}
HALF = SubStrategy(budget=0.5, assets=ALL_ETH)


@pytest.mark.parametrize(
    ("settings", "place", "text"),
    [
        ({}, "budgets", "found neither; give budgets by asset, or strategies that have them"),
        ({"budgets": {"ETH": 0.5, "BTC": 0.6}}, "budgets", "found a sum of 1.1; must be 1"),
        (
            {"strategies": [SubStrategy(budget=0.5, assets=ALL_ETH)] * 2},
            "strategies",
            "ETH in more than one; name it once",
        ),
        ({"strategies": [SubStrategy(budget=0.9, assets=ALL_ETH)]}, "strategies", "found a sum of 0.9; must be 1"),
    ],
    ids=["neither", "sum", "twice", "strategies"],
)
def test_budgets_that_do_not_add_up_are_faults(settings, place, text):
    assert RiskBudgets(**settings).check() == [(place, text)]


def test_the_risk_of_a_sub_strategy_adds_up_too():
    assert SubStrategy(budget=1.0, assets={"ETH": 0.7}).check() == [("assets", "found a sum of 0.7; must be 1")]


def test_budgets_of_strangers_are_faults():
    rule = RiskBudgets(strategies=[SubStrategy(budget=1.0, assets={"ETH": 0.5, "XRP": 0.5})])
    assert rule.faults(["ETH", "BTC"]) == [("strategies", 'the allocator does not hold "XRP". Allowed: ETH, BTC')]
