"""Risk targeters that scan all that is listed: what they trade for a volatility outlook is the cheapest there is."""

from itertools import combinations

import numpy as np
import pytest

from tests.agents.option_worlds import actor_of
from tests.worlds import DEPTH, STILL, make_world, run

OPTIONS = """
[[protocols]]
name = "options"
kind = "options"
every = "28d"
expiries = 2
fee = {fee}
half_spread = {half_spread}
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.8, 0.9, 1.0, 1.1, 1.2]
surface = {{ vega_pressure = 0.0, skew_pressure = 0.0 }}
"""
OUTLOOK = """
[[agents]]
name = "outlook"
kind = "risk_targeters"
count = 1
options = "options"
underlyings = ["ETH"]
hedge_venue = "market"
stock = 900.0
every = "30d"
capital_usd = { mean = 1e6, spread = 0.0 }
budgets = [BUDGETS]
"""
LONG_VOLATILITY = '{ greek = "delta" }, { greek = "vega", target = 0.0004 }'
SHORT_GAMMA_TOO = LONG_VOLATILITY + ', { greek = "gamma", target = -0.01 }'
VENUES = {"dear options": (0.002, 0.5, 0.0001), "dear spot": (0.0001, 0.1, 0.02), "wide markets": (0.0, 4.0, 0.001)}
"""Fee and half spread in volatility points of options, fee of the spot market."""


def scanned(budgets, fee, half_spread, spot_fee, instruments=""):
    """What one account saw when it acted on its outlook, as Greeks, costs and gaps, and what it traded."""
    agent = OUTLOOK.replace("BUDGETS", budgets) + instruments
    options = OPTIONS.format(fee=fee, half_spread=half_spread)
    sets = (f"protocols.market.fee={spot_fee}", "protocols.market.impact=false", "chain.allowance=0.0")
    world = make_world(STILL, DEPTH, options, agent, sets=sets)
    population, seen = actor_of(world, "outlook").population, []
    decide = population.decide

    def watched(view, draws):
        if not seen:
            quote = population.quote(view)
            each, cost = population._instruments(view, quote, 0, np.arange(quote.token.size))
            gap = np.array([budget.target for budget in population.budgets]) - population.budgeted(view)[0]
            seen.extend((each[:, population._columns] * population._scale(view, 0), cost, gap, quote.token))
        return decide(view, draws)

    population.decide = watched
    run(world, 3)
    each, cost, gap, tokens = seen
    tokens, stock = np.append(world.tokens["ETH"].index, tokens), np.append(900.0, np.zeros(len(tokens)))
    return each, cost, gap, world.ledger.balance[tokens, population.lo] / 1e8 - stock


def cheapest(each, cost, gap):
    """Cost of the cheapest combination that closes every gap exactly: all of as many instruments as Greeks are tried.

    A linear programme in k Greeks has a solution with at most k instruments.
    """
    best, k = np.inf, gap.size
    for chosen in combinations(range(len(cost)), k):
        part = each[list(chosen)].T
        if np.linalg.cond(part / np.abs(part).max()) < 1e10:
            best = min(best, float(np.abs(np.linalg.solve(part, gap)) @ cost[list(chosen)]))
    return best


@pytest.mark.parametrize("terms", VENUES.values(), ids=VENUES)
@pytest.mark.parametrize("budgets", [LONG_VOLATILITY, SHORT_GAMMA_TOO], ids=["vega", "vega-gamma"])
def test_of_all_combinations_of_instruments_the_cheapest_is_traded(budgets, terms):
    each, cost, gap, traded = scanned(budgets, *terms)
    assert len(cost) == 21
    assert traded @ each == pytest.approx(gap, abs=1e-7)
    assert np.abs(traded) @ cost == pytest.approx(cheapest(each, cost, gap), rel=1e-5)
    assert 2 <= np.count_nonzero(np.abs(traded) > 1e-7) <= gap.size


def test_the_same_outlook_is_bought_in_spot_where_spot_is_cheap_and_in_options_where_they_are():
    bullish = LONG_VOLATILITY.replace('"delta"', '"delta", target = 0.8')
    *_, with_spot = scanned(bullish, 0.002, 0.5, 0.0001)
    *_, with_options = scanned(bullish, 0.0001, 0.1, 0.2)
    assert with_spot[0] > 1.0
    assert with_options[0] == 0.0
    assert np.count_nonzero(with_options) == 2


def test_scanning_costs_no_more_than_any_named_choice():
    terms = VENUES["dear options"]
    each, cost, gap, free = scanned(LONG_VOLATILITY, *terms)
    for delta in (0.2, 0.5, 0.8):
        named = f'instruments = [{{ option = "call", amount = 1.0, delta = {delta}, expiry = "28d" }}]\n'
        *_, bound = scanned(LONG_VOLATILITY, *terms, instruments=named)
        assert bound @ each == pytest.approx(gap, abs=1e-7)
        assert np.abs(free) @ cost <= np.abs(bound) @ cost * (1.0 + 1e-6)
