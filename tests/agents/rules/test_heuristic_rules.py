"""Identities of the rules that follow wealth or trends instead of optimising."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.rules.cost_aware import CostAware
from agents.rules.cppi import Cppi
from agents.rules.drawdown_control import DrawdownControl
from agents.rules.equal_weight import EqualWeight
from agents.rules.fixed import Fixed
from agents.rules.leverage_loop import LeverageLoop
from agents.rules.look_through import LookThrough
from agents.rules.momentum import Momentum
from agents.rules.moving_average import MovingAverage
from agents.rules.shielded import Shielded
from sim.interfaces import AllocatorView

HOUR = 3_600.0


def account(wealth, start=100.0, peak=None, assets=("ETH",)):
    """One account that knows its past wealth."""
    k = len(assets)
    peak = start if peak is None else peak
    return AllocatorView(
        np.zeros(1, dtype=np.int64), np.zeros((1, k)), np.array([wealth]), np.ones(k), list(assets),
        list(range(1, k + 1)), None, start=np.array([start]), peak=np.array([peak]),
    )  # fmt: skip


@given(st.floats(1.0, 500.0), st.floats(0.5, 8.0), st.floats(0.0, 0.95), st.floats(1.0, 3.0))
def test_cppi_exposure_is_the_lesser_of_cushion_and_leverage(wealth, multiplier, floor, most):
    rule = Cppi(multiplier=multiplier, floor=floor, max_leverage=most)
    exposure = float(rule.weights(account(wealth))[0, 0]) * wealth
    assert exposure == pytest.approx(max(min(multiplier * (wealth - floor * 100.0), most * wealth), 0.0), abs=1e-9)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(1.0, 6.0), st.floats(0.5, 0.95), st.booleans())
def test_cppi_floor_is_never_breached_without_jumps(seed, multiplier, floor, ratchet):
    rule = Cppi(multiplier=multiplier, floor=floor, ratchet=ratchet)
    moves = np.random.default_rng(seed).uniform(-0.99 / multiplier, 0.3, 300)
    wealth = peak = 100.0
    for move in moves:
        wealth *= 1.0 + float(rule.weights(account(wealth, 100.0, peak))[0, 0]) * move
        peak = max(peak, wealth)
        assert wealth >= floor * (peak if ratchet else 100.0) * (1.0 - 1e-12)


def test_a_jump_beyond_one_over_the_multiplier_breaks_the_floor():
    exposure = float(Cppi(multiplier=4.0, floor=0.9).weights(account(100.0))[0, 0])
    assert 100.0 * (1.0 - 0.26 * exposure) < 90.0


def test_a_ratchet_never_lowers_its_floor_and_a_plain_floor_never_moves():
    plain, ratchet = Cppi(floor=0.8), Cppi(floor=0.8, ratchet=True)
    high = account(150.0, 100.0, 200.0)
    assert plain.weights(high)[0, 0] == 1.0
    assert ratchet.weights(high)[0, 0] == 0.0


def test_cppi_splits_its_exposure_by_the_mix():
    rule = Cppi(multiplier=2.0, floor=0.8, mix={"ETH": 0.25, "BTC": 0.75})
    assert rule.weights(account(100.0, assets=("BTC", "ETH"))) == pytest.approx(np.array([[0.3, 0.1]]))
    assert Cppi(mix={"ETH": 0.5}).check() == [("mix", "found a sum of 0.5; must be 1")]
    [(place, text)] = Cppi(mix={"SOL": 1.0}).faults(["ETH"])
    assert (place, 'does not hold "SOL"' in text) == ("mix", True)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5))
def test_drawdown_stays_within_the_mandate_without_jumps(seed, mandate):
    rule = DrawdownControl(base=EqualWeight(), mandate=mandate)
    moves = np.random.default_rng(seed).uniform(-0.9 * mandate, 0.9 * mandate, 400)
    wealth = peak = 100.0
    for move in moves:
        wealth *= 1.0 + float(rule.weights(account(wealth, 100.0, peak))[0, 0]) * move
        peak = max(peak, wealth)
        assert 1.0 - wealth / peak <= mandate * (1.0 + 1e-12)


@pytest.mark.parametrize(("wealth", "scale"), [(100, 1.0), (95, 1.0), (90, 1.0), (85, 0.5), (80, 0.0), (70, 0.0)])
def test_drawdown_control_scales_its_base_between_easing_and_mandate(wealth, scale):
    rule = DrawdownControl(base=Fixed(targets={"ETH": 0.6, "BTC": 0.2}), mandate=0.2, easing=0.1)
    weights = rule.weights(account(wealth, 50.0, 100.0, ("ETH", "BTC")))
    assert weights == pytest.approx(scale * np.array([[0.6, 0.2]]), abs=1e-12)


def test_drawdown_control_passes_on_what_its_base_finds():
    rule = DrawdownControl(base=Fixed(targets={"SOL": 0.5}), mandate=0.1, easing=0.1)
    assert rule.check() == [("easing", "found 0.1; must be below mandate, 0.1")]
    assert rule.faults(["ETH"])[0][0] == "base.targets"
    assert rule.base.fallbacks is rule.fallbacks


def test_substitutes_of_a_rule_inside_a_rule_inside_a_rule_are_counted_outside(look):
    nested = LookThrough(base=DrawdownControl(base=DrawdownControl(base=Momentum(window=24 * HOUR))), caps={})
    view = look(RISES[:10])
    view.view.reliance = dict
    nested.weights(view)
    assert nested.fallbacks == {"short_history": 1}


@pytest.mark.parametrize("outer", [LookThrough, Shielded, CostAware, DrawdownControl])
def test_rules_around_a_levered_rule_say_how_levered_it_is(outer):
    settings = {"caps": {"pool": 1.0}} if outer is LookThrough else {}
    assert outer(base=Cppi(max_leverage=2.5), **settings).max_leverage == 2.5
    assert outer(base=EqualWeight(), **settings).max_leverage == 1.0


RISES = np.full((48, 4), 0.001) * np.array([-1.0, 1.0, 3.0, 2.0])


def test_time_series_momentum_holds_an_equal_part_of_each_riser(look):
    rule = Momentum(window=24 * HOUR)
    assert rule.weights(look(RISES))[0].tolist() == [0.0, 0.25, 0.25, 0.25]
    assert Momentum(window=24 * HOUR, threshold=0.03).weights(look(RISES))[0].tolist() == [0.0, 0.0, 0.25, 0.25]
    assert rule.fallbacks == {}


@pytest.mark.parametrize(("top", "row"), [(1, [0, 0, 1, 0]), (2, [0, 0, 0.5, 0.5]), (4, [0.25] * 4)])
def test_momentum_across_assets_holds_the_top(look, top, row):
    weights = Momentum(mode="cross_section", top=top, window=24 * HOUR).weights(look(RISES))
    assert weights == pytest.approx(np.tile(row, (3, 1)))


def test_momentum_without_history_holds_cash_and_says_so(look):
    rule = Momentum(window=24 * HOUR)
    assert not rule.weights(look(RISES[:0])).any()
    assert rule.fallbacks == {"short_history": 1}
    assert Momentum(mode="cross_section", top=3).faults(["ETH"]) == [("top", "found 3; the allocator has 1 assets")]


def test_moving_averages_hold_what_is_above_its_own_past(look):
    rule = MovingAverage(fast=4 * HOUR, slow=24 * HOUR)
    assert rule.weights(look(RISES))[0].tolist() == [0.0, 0.25, 0.25, 0.25]
    turned = np.vstack([RISES, -3.0 * RISES[:12]])
    assert rule.weights(look(turned))[0].tolist() == [0.25, 0.0, 0.0, 0.0]


def test_a_band_keeps_moving_averages_from_small_crosses(look):
    gap = np.exp(0.001 * np.arange(-23, 1))
    cross = gap[-4:].mean() / gap.mean() - 1.0
    for band, held in ((0.99 * cross, 0.25), (1.01 * cross, 0.0)):
        weights = MovingAverage(fast=4 * HOUR, slow=24 * HOUR, band=band).weights(look(RISES))
        assert weights[0, 1] == held
    assert MovingAverage(fast=HOUR, slow=HOUR).check() == [("fast", "found 3600 s; must be shorter than slow, 3600 s")]


class Pool:
    """A lending pool of one rate."""

    def __init__(self, rate):
        self.borrow_rate = np.array([rate])

    def reserve(self, asset):
        return 0


class Place:
    def __init__(self, rate, health):
        self.quotes, self._health = {"aave": Pool(rate)}, np.array(health)

    def health(self, protocol):
        return self._health


def loop(rate, health=(2.0,), **more):
    rule = LeverageLoop(asset="ETH", protocol="aave", **({"income": 0.03, "ltv": 0.9, "loops": 10} | more))
    n = len(health)
    view = AllocatorView(np.arange(n), np.zeros((n, 1)), np.ones(n), np.ones(1), ["ETH"], [1], Place(rate, health))
    return rule, rule.weights(view)[:, 0]


@pytest.mark.parametrize("loops", [0, 1, 3, 30])
def test_loops_add_up_to_the_geometric_series(loops):
    rule, weights = loop(0.0, loops=loops)
    assert weights[0] == rule.max_leverage == pytest.approx(sum(0.9**i for i in range(loops + 1)), rel=1e-12)


def test_loops_are_undone_where_they_do_not_pay_or_are_not_safe():
    rule, _ = loop(0.0)
    even = 0.03 * rule.max_leverage / (rule.max_leverage - 1.0)
    assert loop(0.999 * even)[1][0] == rule.max_leverage
    assert loop(1.001 * even)[1][0] == 1.0
    assert loop(0.0, health=(1.04, 1.05, np.inf))[1].tolist() == [1.0, rule.max_leverage, rule.max_leverage]
