"""What every registered trigger must do; registering a class is opting in."""

from types import SimpleNamespace

import numpy as np
import pytest

import agents.triggers  # noqa: F401  registers the triggers of this project
from agents.forecasters.ewma import Ewma
from agents.triggers.calendar import Calendar
from sim.interfaces import AllocatorView, Trigger
from sim.registry import kinds, lookup, summary
from sim.units import SECONDS_PER_YEAR

N = 40
NEEDED = {
    "forecast": lambda: {"forecaster": Ewma(), "asset": "ETH"},
    "funding": lambda: {"venue": "perps", "asset": "ETH"},
    "gas": lambda: {"base": Calendar(every=600.0)},
    "health": lambda: {"protocol": "lending"},
    "skew_change": lambda: {"venue": "options", "asset": "ETH"},
}
"""Settings of triggers that have no default."""
PATH = np.exp(np.cumsum(np.random.default_rng(1).standard_normal((400, 2)) * [0.001, 0.002], axis=0))


def frozen(array):
    array.flags.writeable = False
    return array


def look(tick):
    """What a population of 40 sees at a tick of a minute; it knows prices from tick 0 on."""
    return SimpleNamespace(
        tick=tick,
        dt_years=60.0 / SECONDS_PER_YEAR,
        gas_price=10.0 + tick % 7,
        history=lambda asset, ticks: frozen(PATH[max(tick - ticks, 0) : tick + 1, asset - 1]),
        health=lambda protocol: frozen(np.linspace(1.05, 3.0, N)),
        token=lambda name: 1,
        quotes={
            "options": SimpleNamespace(series=lambda *_: 0, volatility=np.array([0.5 + 0.1 * np.sin(tick)])),
            "perps": SimpleNamespace(contract=lambda underlying: SimpleNamespace(funding=np.sin(tick))),
        },
    )


def seen(tick, rows):
    rng = np.random.default_rng(tick)
    current, wealth = rng.dirichlet(np.ones(3), N)[rows, :2], rng.lognormal(10.0, 1.0, N)[rows]
    return AllocatorView(
        np.array(rows), frozen(current), frozen(wealth), PATH[tick], ["ETH", "BTC"], [1, 2], look(tick)
    )


@pytest.fixture
def trigger(kind):
    return lookup("trigger", kind)(**NEEDED.get(kind, dict)())


PHASE = frozen(np.arange(N) * 0.618 % 1.0)
TARGET = frozen(np.full((N, 2), 0.5))
pytestmark = pytest.mark.parametrize("kind", kinds("trigger"))


def test_is_a_trigger_that_says_what_it_does(kind, trigger):
    assert isinstance(trigger, Trigger)
    assert summary(type(trigger)).endswith((".", ":"))


def test_says_yes_or_no_for_every_account_at_any_age_of_the_run(trigger):
    for tick in (0, 1, 60, 399):
        due = trigger.due(look(tick), PHASE)
        fires = trigger.fires(seen(tick, list(range(N))), TARGET)
        assert (due.shape, due.dtype) == ((N,), np.dtype(bool))
        assert (fires.shape, fires.dtype) == ((N,), np.dtype(bool))


def test_nobody_gets_no_answer(trigger):
    assert trigger.due(SimpleNamespace(**(vars(look(5)) | {"health": lambda _: np.empty(0)})), np.empty(0)).shape == (
        0,
    )
    assert trigger.fires(seen(5, []), np.empty((0, 2))).shape == (0,)


def test_who_fires_does_not_depend_on_who_looks(trigger):
    together = trigger.fires(seen(300, list(range(N))), TARGET)
    rows = np.random.default_rng(2).permutation(N)[:11]
    assert np.array_equal(trigger.fires(seen(300, rows.tolist()), TARGET[rows]), together[rows])


def test_the_same_run_is_told_the_same(kind):
    def told():
        one = lookup("trigger", kind)(**NEEDED.get(kind, dict)())
        return np.array([one.due(look(tick), PHASE) for tick in range(200)])

    assert np.array_equal(told(), told())
