"""What limits and human frictions do to allocators, on markets that execute at once."""

import numpy as np
import pytest

from agents.allocator import Allocator
from agents.rules.fixed import Fixed
from agents.shared.frictions import FOREVER, Frictions, average_price
from agents.shared.limits import Limits
from agents.shared.sizes import Sizes
from agents.triggers.calendar import Calendar
from agents.triggers.drift import Drift
from sim.interfaces import Trigger

HOUR = 3_600.0


class Always(Trigger):
    """Everybody, every tick."""


@pytest.fixture
def opened(floor):
    def make(count=50, **settings):
        defaults = {
            "name": "allocators",
            "assets": ["ETH", "BTC"],
            "rule": Fixed(targets={"ETH": 0.5, "BTC": 0.3}),
            "trigger": Always(),
            "venues": ["market"],
            "min_trade_usd": 0.1,
            "wealth_usd": Sizes(median=1e6, spread=0.5),
        }
        place = floor(ETH=2000.0, BTC=40_000.0).open("market")
        return place.seat(Allocator(count=count, **(defaults | settings)))

    return make


def shares(place):
    usd = np.stack([place.usd(token) for token in (0, 1, 2)], axis=1)
    return usd[:, 1:] / usd.sum(axis=1)[:, None]


@pytest.mark.parametrize("delay", [0, 1, 2, 5])
def test_delay_postpones_the_first_order_by_exactly_so_many_ticks(opened, delay):
    place = opened(frictions=Frictions(delay=delay))
    place.step(3000.0, 30_000.0)
    sent = [bool(place.act())]
    for _ in range(delay + 1):
        place.step(3000.0, 30_000.0)
        sent.append(bool(place.act()))
    assert sent.index(True) == delay


def test_the_delayed_trade_is_the_one_that_was_decided(opened):
    prompt, slow = opened(), opened(frictions=Frictions(delay=3))
    for place in (prompt, slow):
        place.step(3000.0, 30_000.0)
        place.act()
    for _ in range(2):
        slow.step(2500.0, 35_000.0).act()
    late = slow.step(2500.0, 35_000.0).act()
    first = prompt.sent[0]
    assert (late[0].token, late[0].amount.tolist()) == (first.token, first.amount.tolist())


def test_who_waits_for_a_plan_decides_nothing_new(opened):
    place = opened(frictions=Frictions(delay=4))
    place.step(3000.0, 30_000.0).act()
    plan = place.population.plan.copy()
    for _ in range(3):
        place.step(1000.0, 90_000.0).act()
        assert np.array_equal(place.population.plan, plan)


def test_losers_are_sold_more_slowly_and_winners_as_planned(opened):
    cut = Fixed(targets={"ETH": 0.1, "BTC": 0.1})

    def sold(aversion):
        place = opened(frictions=Frictions(loss_aversion=aversion), trigger=Calendar(every=HOUR, together=True))
        place.population.rule, place.tick = cut, 59
        before = place.balances.copy()
        place.step(2200.0, 30_000.0).act()
        return (before - place.balances)[1:3].sum(axis=1)

    plain, averse = sold(1.0), sold(1.5)
    assert averse[0] == plain[0]
    assert averse[1] == pytest.approx(plain[1] / 1.5, rel=1e-4)
    assert sold(2.25)[1] == pytest.approx(plain[1] / 2.25, rel=1e-4)


def test_purchases_make_room_for_what_is_not_sold():
    frictions = Frictions(loss_aversion=2.0)
    current, target, paid = np.array([[0.6, 0.4]]), np.array([[0.2, 0.8]]), np.array([[100.0, 100.0]])
    assert frictions.reluctant(current, target, np.array([90.0, 100.0]), paid) == pytest.approx(np.array([[0.4, 0.6]]))
    assert frictions.reluctant(current, target, np.array([110.0, 90.0]), paid) == pytest.approx(target)


def test_average_price_is_the_cost_of_all_that_is_held():
    paid = average_price(np.array([100.0, 50.0, 7.0]), np.array([1.0, 0.0, 0.0]), np.array([3.0, 2.0, 0.0]), 200.0)
    assert paid == pytest.approx([175.0, 200.0, 7.0])


def out(place):
    return place.population.calm_at == FOREVER


def crash(opened, panic, path=(1400.0, 28_000.0), **more):
    place = opened(count=400, frictions=Frictions(panic=panic, **more))
    for _ in range(60):
        place.step(*path).act()
    return place


def test_the_more_they_panic_the_more_have_sold_everything_the_same_ones_first(opened):
    before = np.zeros(400, dtype=bool)
    for panic in (0.0, 5.0, 20.0, 100.0):
        now = out(crash(opened, panic))
        assert (now | ~before).all()
        assert now.sum() > before.sum() or panic == 0.0
        before = now


def test_panic_comes_at_the_rate_that_is_set(opened):
    chance = 1.0 - np.exp(-20.0 * 0.24 / 24.0)
    assert out(crash(opened, 20.0)).mean() == pytest.approx(chance, abs=3.0 * np.sqrt(chance * (1.0 - chance) / 400))


def test_a_deeper_fall_makes_more_panic_and_a_rise_nobody(opened):
    counts = [
        out(crash(opened, 20.0, path)).sum() for path in ((2400.0, 48_000.0), (1800.0, 36_000.0), (900.0, 18_000.0))
    ]
    assert counts[0] == 0
    assert counts == sorted(counts)
    assert counts[2] > counts[1] > 0


def test_who_panics_holds_cash_alone_and_stays_out(opened):
    place = crash(opened, 100.0)
    gone = out(place)
    place.step(4000.0, 80_000.0).act()
    assert shares(place)[gone] == pytest.approx(0.0, abs=1e-6)
    assert shares(place)[~gone].sum(axis=1).min() > 0.7


def test_after_the_calm_the_rule_is_followed_again(opened):
    place = crash(opened, 100.0, calm=600.0)
    gone = place.population.calm_at > place.tick
    assert gone.any()
    place.population.frictions = Frictions()
    for _ in range(15):
        place.step(1400.0, 28_000.0).act()
    assert shares(place)[gone] == pytest.approx(np.tile([0.5, 0.3], (int(gone.sum()), 1)), abs=1e-3)


@pytest.mark.parametrize("turnover", [0.01, 0.05])
def test_a_rebalancing_trades_no_more_than_its_turnover(opened, turnover):
    place = opened(limits=Limits(turnover=turnover), trigger=Calendar(every=HOUR, together=True))
    place.tick = 59
    place.step(3000.0, 30_000.0)
    wealth = sum(place.usd(token) for token in (0, 1, 2))
    traded = np.zeros(50)
    for _ in range(3):
        for intent in place.act():
            traded[intent.account - 10] += intent.amount / 1e6 * place.prices[intent.token]
        place.step(3000.0, 30_000.0)
    assert traded / wealth == pytest.approx(np.full(50, turnover), rel=1e-3)


def test_turnover_slows_and_does_not_turn(opened):
    place = opened(limits=Limits(turnover=0.02))
    place.step(3000.0, 30_000.0)
    for _ in range(30):
        place.act()
        place.step(3000.0, 30_000.0)
    assert shares(place) == pytest.approx(np.tile([0.5, 0.3], (50, 1)), abs=1e-4)


def test_a_venue_takes_no_more_than_its_limit_of_a_rebalancing(opened):
    place = opened(limits=Limits(venues={"market": 500.0}), trigger=Calendar(every=HOUR, together=True))
    place.tick = 59
    place.step(3000.0, 30_000.0)
    for intent in place.act():
        assert (intent.amount / 1e6 * place.prices[intent.token] <= 500.0).all()


def test_limits_keep_the_direction_of_every_trade():
    gap = np.array([[300.0, -100.0, 40.0], [10.0, 5.0, -900.0]])
    routed = Limits(venues={"a": 200.0, "pool": 30.0}).routed(
        gap, ["X", "Y", "pool"], ["a", "b"], np.array([[0, 0], [1, 1]])
    )
    assert routed == pytest.approx(np.array([[150.0, -50.0, 30.0], [10.0, 5.0, -30.0]]))


def test_a_venue_limit_is_that_of_where_each_asset_trades_and_no_deposits():
    gap = np.array([[300.0, -100.0, 900.0]])
    limits = Limits(venues={"b": 50.0})
    routed = limits.routed(gap, ["X", "Y", "pool"], ["a", "b"], np.array([[0, 1]]))
    assert routed == pytest.approx(np.array([[300.0, -50.0, 900.0]]))


def test_an_asset_that_the_usual_venue_lacks_counts_where_it_trades(floor):
    place = floor(ETH=2000.0, BTC=40_000.0).open("a", assets=["ETH"]).open("b")
    place.seat(
        Allocator(
            count=20, name="allocators", assets=["ETH", "BTC"], rule=Fixed(targets={"ETH": 0.5, "BTC": 0.3}),
            trigger=Always(), venues=["a", "b"], venue_shares=[1.0, 0.0], limits=Limits(venues={"b": 100.0}),
            wealth_usd=Sizes(median=1e6, spread=0.5), min_trade_usd=0.1,
        )
    )  # fmt: skip
    sent = [(intent.token2 or intent.token, intent) for intent in place.step(3000.0, 30_000.0).act()]
    usd = {token: (intent.amount / 1e6 * place.prices[intent.token]).max() for token, intent in sent}
    assert usd[2] <= 100.0 + 1e-6
    assert usd[1] > 1_000.0


def test_what_is_not_permitted_or_not_used_is_named():
    limits = Limits(allowed=["b"], venues={"c": 1.0}, protocols={"d": 0.5})
    found = dict(limits.faults([("venues", "a"), ("deposits", "b")]))
    assert found["venues"] == '"a" is not among limits.allowed (b); leave it out, or permit it'
    assert found["limits.venues"] == '"c" bounds no trades of this population; it can bound a, b'
    assert found["limits.protocols"] == '"d" bounds no deposits of this population; it can bound b'


def test_limits_that_would_bound_nothing_are_named():
    used = [("venues", "a"), ("borrow.protocol", "pool")]
    for limits, place in ((Limits(venues={"a": 1.0}), "venues"), (Limits(protocols={"pool": 0.5}), "protocols")):
        [(where, text)] = limits.faults(used)
        assert where == f"limits.{place}"
        assert text.endswith("it can bound none")
    assert Limits(protocols={"a": 0.5}).faults([("venues", "a")])
    assert Limits(venues={"a": 1.0}).faults([("venues", "a")]) == []


def test_a_turnover_limit_does_not_hide_a_drift_from_its_trigger(opened):
    place = opened(limits=Limits(turnover=0.02), trigger=Drift(band=0.05, every=60.0))
    for _ in range(40):
        place.step(3000.0, 30_000.0).act()
    assert np.abs(shares(place) - [0.5, 0.3]).max() <= 0.05 + 1e-4
