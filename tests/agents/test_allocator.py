import numpy as np
import pytest

from agents.allocator import Allocator
from agents.rules.equal_weight import EqualWeight
from agents.rules.fixed import Fixed
from agents.shared.cadence import GROUPS
from agents.shared.sizes import Sizes
from agents.triggers.calendar import Calendar
from agents.triggers.drift import Drift
from sim.errors import SpilloverError
from sim.flows import Motive
from sim.interfaces import AllocationRule, Trigger

TARGET = {"ETH": 0.5, "BTC": 0.3}


class Always(Trigger):
    """Everybody, every tick."""


def allocator(count=50, **settings):
    defaults = {
        "name": "allocators",
        "assets": ["ETH", "BTC"],
        "rule": Fixed(targets=TARGET),
        "trigger": Always(),
        "venues": ["market"],
        "min_trade_usd": 0.01,
    }
    return Allocator(count=count, **(defaults | settings))


@pytest.fixture
def opened(floor):
    def make(fee=0.0, **settings):
        return floor(ETH=2000.0, BTC=40_000.0).open("market", fee=fee).seat(allocator(**settings))

    return make


def shares(place):
    usd = np.stack([place.usd(token) for token in (0, 1, 2)], axis=1)
    return usd[:, 1:] / usd.sum(axis=1)[:, None]


def atom_share(place):
    """What one atom of the dearest asset is of the poorest account's wealth."""
    wealth = sum(place.usd(token) for token in (0, 1, 2))
    return 1e-6 * place.prices.max() / wealth.min()


def test_accounts_start_at_the_weights_of_the_rule(opened):
    place = opened(wealth_usd=Sizes(total=5e6))
    assert shares(place) == pytest.approx(np.tile([0.5, 0.3], (50, 1)), abs=2 * atom_share(place))
    assert sum(place.usd(token).sum() for token in (0, 1, 2)) == pytest.approx(5e6, rel=1e-5)


def test_at_the_target_nothing_is_traded(opened):
    place = opened(min_trade_usd=0.1)
    assert place.step(2000.0, 40_000.0).act() == []


def test_a_rebalancing_without_costs_ends_at_the_target_to_the_atom(opened):
    place = opened()
    place.step(3000.0, 30_000.0)
    for _ in range(2):
        place.act()
        place.step(3000.0, 30_000.0)
    assert shares(place) == pytest.approx(np.tile([0.5, 0.3], (50, 1)), abs=3 * atom_share(place))
    assert place.refused == 0


def test_costs_are_the_only_thing_that_is_lost(opened):
    place = opened(fee=0.003)
    place.step(3000.0, 30_000.0)
    before = sum(place.usd(token) for token in (0, 1, 2))
    sold = sum(intent.amount * place.prices[intent.token] / 1e6 for intent in place.act())
    after = sum(place.usd(token) for token in (0, 1, 2))  # an atom of BTC is worth 3 cents
    assert after == pytest.approx(before - 0.003 * sold, abs=0.1)


def test_sales_come_first_and_name_motive_and_cause(opened):
    place = opened()
    intents = place.step(3000.0, 30_000.0).act()
    assert [(intent.token, intent.token2) for intent in intents] == [(1, 0), (0, 2)]
    assert [intent.cause for intent in intents] == [101, 102]
    assert {intent.motive for intent in intents} == {Motive.REBALANCING}


def test_purchases_that_need_the_proceeds_of_sales_wait_one_tick(opened):
    place = opened(rule=Fixed(targets={"ETH": 0.5, "BTC": 0.5}), trigger=Calendar(every=86_400.0, together=True))
    place.tick = 1_439
    first = place.step(3000.0, 30_000.0).act()
    assert {intent.token for intent in first} == {1}
    second = place.step(3000.0, 30_000.0).act()
    assert {intent.token for intent in second} == {0}
    assert shares(place) == pytest.approx(np.full((50, 2), 0.5), abs=3 * atom_share(place))
    assert place.step(3000.0, 30_000.0).act() == []
    assert not place.population.left.any()


def test_purchases_whose_cash_never_comes_are_given_up(opened):
    place = opened(rule=Fixed(targets={"ETH": 0.5, "BTC": 0.5}), trigger=Calendar(every=86_400.0, together=True))
    place.tick = 1_439
    assert place.step(3000.0, 30_000.0).act(execute=False)
    assert place.step(3000.0, 30_000.0).act(execute=False) == []
    assert not place.population.left.any()
    assert not place.population.plan.any()


def test_slices_are_equal_and_end_where_one_trade_would(opened):
    settings = {"trigger": Calendar(every=86_400.0, together=True), "rule": Fixed(targets={"ETH": 0.5})}
    whole, sliced = opened(**settings), opened(slices=4, **settings)
    sales = []
    for place in (whole, sliced):
        place.tick = 1_439
        for _ in range(6):
            intents = place.step(3000.0, 40_000.0).act()
            sales.append([int(intent.amount.sum()) for intent in intents])
    assert [len(sent) for sent in sales] == [1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]
    assert np.ptp([sent[0] for sent in sales[6:10]]) <= 4 * 50
    assert sum(sent[0] for sent in sales[6:10]) == sales[0][0]
    assert sliced.balances[1] == pytest.approx(whole.balances[1], abs=0)


def test_small_differences_and_the_money_for_gas_are_left_alone(opened):
    place = opened(min_trade_usd=1e9)
    assert place.step(3000.0, 30_000.0).act() == []
    rich = opened(count=5, min_trade_usd=0.1)
    rich.kept_back = 10**9
    rich.balances[1] += rich.kept_back
    assert rich.step(2000.0, 40_000.0).act() == []


def test_accounts_trade_where_they_are_used_to(floor):
    place = floor(ETH=2000.0, BTC=40_000.0).open("a").open("b")
    place.seat(allocator(count=400, venues=["a", "b"], venue_shares=[3.0, 1.0]))
    for intent in place.step(3000.0, 30_000.0).act():
        assert (place.population.habit[intent.account - 10] == intent.venue).all()
    assert (place.population.habit == 0).mean() == pytest.approx(0.75, abs=0.08)


def test_only_those_who_are_due_are_shown_to_the_rule(opened):
    class Watched(EqualWeight):
        seen = ()

        def weights(self, view):
            self.seen += (view.rows,)
            return super().weights(view)

    rule = Watched()
    place = opened(count=1_000, rule=rule, trigger=Calendar(every=3_600.0))
    for _ in range(60):
        place.step(3000.0, 30_000.0).act()
    assert [rows.size for rows in rule.seen[1:]] == pytest.approx([1_000 / GROUPS] * GROUPS, abs=2)
    assert np.array_equal(np.sort(np.concatenate(rule.seen[1:])), np.arange(1_000))


def test_drift_trades_the_accounts_outside_the_band_and_no_others(opened):
    place = opened(count=2, rule=Fixed(targets={"ETH": 0.5}), trigger=Drift(band=0.05, every=0.0))
    place.balances[0][0] = place.balances[1][0] * 2000 * 0.55 / 0.45
    place.balances[0][1] = place.balances[1][1] * 2000 * 0.56 / 0.44
    place.balances[2][:] = 0
    [purchase] = place.step().act()
    assert (purchase.account - 10).tolist() == [1]


class Wrong(AllocationRule):
    """Whatever it is told."""

    def __init__(self, rows):
        self.rows = np.array(rows)

    def weights(self, view):
        return self.rows if self.rows.ndim == 1 or len(self.rows) > 1 else np.tile(self.rows, (len(view.wealth), 1))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [[0.7, 0.5]],
            r"rule Wrong of allocators gave ETH 0.7, BTC 0.5 \(sum 1.2\) for allocators\[0\]; weights must be",
        ),
        ([[-0.2, 0.5]], r"gave ETH -0.2, BTC 0.5 \(sum 0.3\)"),
        ([[np.nan, 0.5]], r"gave ETH nan, BTC 0.5 \(sum nan\)"),
        ([0.5, 0.5], r"gave weights of shape \(2,\); must be \(3, 2\), one row per account and one column per asset"),
    ],
)
def test_a_rule_that_gives_no_portfolio_is_named(opened, rows, text):
    with pytest.raises(SpilloverError, match=text):
        opened(count=3, rule=Wrong(rows))


def test_check_names_an_asset_that_stands_twice():
    [(field, text)] = allocator(assets=["ETH", "BTC", "ETH"]).check()
    assert field == "assets"
    assert "each asset once" in text


def test_an_empty_population_is_silent(opened):
    assert opened(count=0).step(3000.0, 30_000.0).act() == []
