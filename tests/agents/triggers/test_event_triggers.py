"""What makes each event-driven trigger fire, and what does not."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents.forecasters.ewma import Ewma
from agents.triggers.calendar import Calendar
from agents.triggers.cost_benefit import CostBenefit
from agents.triggers.forecast import Forecast
from agents.triggers.gas import Gas
from agents.triggers.health import Health
from agents.triggers.realised_volatility import RealisedVolatility
from agents.triggers.skew_change import SkewChange
from sim.interfaces import AllocatorView
from sim.units import SECONDS_PER_YEAR

DT = 3_600.0 / SECONDS_PER_YEAR
PHASE = np.array([0.0, 0.4, 0.8])


def world(returns, **more):
    """A view whose one asset had these log returns per hour."""
    path = np.exp(np.concatenate(([0.0], np.cumsum(returns))))
    return SimpleNamespace(
        dt_years=DT, tick=0, token=lambda name: 1, history=lambda asset, ticks: path[-ticks - 1 :], **more
    )


def seen(view, current):
    current = np.array(current, dtype=float)[:, None]
    n = len(current)
    return AllocatorView(np.arange(n), current, np.full(n, 1e5), np.ones(1), ["ETH"], [1], view)


def wave(volatility, ticks):
    """Returns whose realised volatility over any even number of ticks is exactly this."""
    return volatility * np.sqrt(DT) * np.where(np.arange(ticks) % 2, 1.0, -1.0)


@pytest.mark.parametrize(("volatility", "fires"), [(0.5, False), (0.69, False), (0.71, True), (0.29, True)])
def test_realised_volatility_fires_beyond_its_distance_on_either_side(volatility, fires):
    trigger = RealisedVolatility(distance=0.2, reference=0.5, window=4 * 3_600.0)
    view = world(np.concatenate([wave(3.0, 20), wave(volatility, 4)]))
    assert trigger.fires(seen(view, [0.1, 0.9]), np.zeros((2, 1))).tolist() == [fires, fires]


def test_realised_volatility_without_a_reference_compares_with_the_usual():
    trigger = RealisedVolatility(distance=0.2, window=4 * 3_600.0, usual=40 * 3_600.0)
    calm, wild = world(wave(0.5, 40)), world(np.concatenate([wave(0.5, 36), wave(1.5, 4)]))
    assert not trigger.fires(seen(calm, [0.1]), np.zeros((1, 1)))[0]
    assert trigger.fires(seen(wild, [0.1]), np.zeros((1, 1)))[0]
    [(field, text)] = RealisedVolatility(window=7_200.0, usual=3_600.0).check()
    assert (field, text) == ("window", "found 7200 s; must be shorter than usual, 3600 s")


class Surface:
    """Series 0 is the put, 1 the call."""

    def __init__(self, skew):
        self.volatility = np.array([0.6 + skew, 0.6])

    def series(self, underlying, is_call, years, delta):
        if np.isnan(self.volatility[0]):
            raise ValueError("nothing is listed")
        return int(is_call)


def test_skew_change_fires_when_skew_has_moved_since_it_last_did():
    trigger, told = SkewChange(venue="options", asset="ETH", change=0.03), []
    for skew in (np.nan, 0.05, 0.06, 0.079, 0.081, 0.1, 0.06, 0.045, np.nan, 0.2):
        due = trigger.due(world([0.0], quotes={"options": Surface(skew)}), PHASE)
        assert due.all() == due.any()
        told.append(bool(due[0]))
    assert told == [False] * 4 + [True, False, False, True, False, True]


def test_health_calls_who_is_below_and_nobody_else():
    view = world([0.0], health=lambda protocol: np.array([1.29, 1.3, np.inf]))
    assert Health(protocol="lending", below=1.3).due(view, PHASE).tolist() == [True, False, False]


def test_gas_skips_dear_hours_and_nothing_else():
    base = Calendar(every=3_600.0)
    trigger = Gas(base=base, above=50.0)
    for gas, cheap in ((49.9, True), (50.0, False), (400.0, False)):
        view = world([0.0], gas_price=gas)
        assert np.array_equal(trigger.due(view, PHASE), base.due(view, PHASE) & cheap)


def test_gas_asks_the_other_trigger_whether_to_act():
    trigger = Gas(base=CostBenefit(cost=1e9), above=50.0)
    assert not trigger.fires(seen(world(wave(1.0, 20)), [0.0]), np.ones((1, 1))).any()


def test_forecast_fires_once_at_every_crossing_of_its_level():
    trigger = Forecast(forecaster=Ewma(decay=1.0), asset="ETH", level=0.8, band=0.1, window=4 * 3_600.0)
    told = []
    for volatility in (0.5, 0.7, 0.85, 0.9, 1.2, 0.85, 0.75, 0.7, 0.71, 0.9):
        due = trigger.due(world(wave(volatility, 6)), PHASE)
        assert due.all() == due.any()
        told.append(bool(due[0]))
    assert told == [False, False, False, True, False, False, False, True, False, True]


def test_forecast_with_an_adaptive_level_knows_no_absolute_volatility():
    def told(scale):
        trigger = Forecast(forecaster=Ewma(decay=0.5), asset="ETH", level=1.3, adaptive=True, window=20 * 3_600.0)
        paths = (wave(1.0, 20), np.concatenate([wave(0.5, 16), wave(2.0, 4)]), wave(1.0, 20))
        return [bool(trigger.due(world(scale * path), PHASE)[0]) for path in paths]

    assert told(1.0) == told(10.0) == [False, True, True]


CURRENT, TARGET = [0.0, 0.49, 0.5, 1.0], np.full((4, 1), 0.5)


def test_without_a_cost_every_gap_is_closed_and_at_an_infinite_one_none():
    view = seen(world(wave(0.8, 24)), CURRENT)
    assert CostBenefit(cost=0.0).fires(view, TARGET).tolist() == [True, True, False, True]
    assert not CostBenefit(cost=1e12).fires(view, TARGET).any()


def test_cost_benefit_fires_exactly_where_risk_exceeds_cost():
    view, gap = seen(world(wave(0.8, 24)), CURRENT), np.abs(0.5 - np.array(CURRENT))
    risk = 0.5 * 3.0 * gap**2 * 0.8**2 * 30 / 365
    for cost in (0.0001, 0.001, 0.03, 0.04):
        assert CostBenefit(cost=cost).fires(view, TARGET).tolist() == (risk > cost * gap).tolist()


def test_the_dearer_trades_are_the_fewer_fire():
    view = seen(world(wave(0.8, 24)), np.linspace(0.0, 1.0, 101).tolist())
    target = np.full((101, 1), 0.5)
    counts = [int(CostBenefit(cost=cost).fires(view, target).sum()) for cost in (0, 1e-4, 1e-3, 1e-2, 0.1)]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (100, 0)
