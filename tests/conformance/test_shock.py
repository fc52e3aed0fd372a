"""What every registered shock must do."""

import numpy as np
import pytest

from experiments.build import build
from sim.events import Kind
from sim.interfaces import Shock
from sim.model import SpilloverModel
from sim.registry import kinds, lookup, summary
from sim.shocks.window import Window
from tests.town import table, town
from tests.worlds import events_of, load_components

load_components()
KINDS = kinds("shock")
AT = 9
SETTINGS = {
    "price_jump": 'asset = "BTC"\nsize = -0.2\n',
    "volatility": 'assets = ["BTC"]\nfactor = 4.0\nduration = "30min"\n',
    "depth_withdrawal": 'venue = "market"\nshare = 0.9\nduration = "30min"\n',
    "oracle_freeze": 'oracle = "btc_usd"\nduration = "30min"\n',
    "oracle_skew": 'oracle = "eth_usd"\nfactor = 0.5\nduration = "30min"\n',
    "gas_spike": 'factor = 30.0\nduration = "30min"\n',
    "forced_withdrawal": 'agents = "depositors"\nprotocol = "lending"\nshare = 0.5\n',
    "protocol_pause": 'protocol = "market"\nduration = "30min"\n',
}


def test_every_kind_has_an_example():
    assert sorted(SETTINGS) == KINDS, "add settings of the shock here"


def shocked(kind):
    world = build(town(table(kind, f"at = {AT}\n" + SETTINGS[kind], "shocks")))
    SpilloverModel(world).run()
    return world


@pytest.fixture(scope="module")
def calm():
    world = build(town())
    SpilloverModel(world).run()
    return world


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_shock_that_says_what_it_does(kind):
    cls = lookup("shock", kind)
    assert issubclass(cls, Shock)
    assert len(summary(cls)) > 20
    assert cls.begin is not Shock.begin
    assert not issubclass(cls, Window) or cls.end is not Shock.end or cls.volatility_scale is not Shock.volatility_scale


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_differs_before_it_and_something_after(kind, calm):
    world = shocked(kind)
    before = world.events.column("tick") < AT
    twin = calm.events.column("tick") < AT
    for name in ("kind", "actor", "subject", "token", "amount", "cause"):
        assert np.array_equal(world.events.column(name)[before], calm.events.column(name)[twin])
    assert np.array_equal(world.prices.history[:AT], calm.prices.history[:AT])
    same = world.events.count == calm.events.count and np.array_equal(world.events.value, calm.events.value)
    assert not same or not np.array_equal(world.prices.history, calm.prices.history)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_on_record_once_and_leaves_nothing_switched(kind):
    world = shocked(kind)
    found = events_of(world, Kind.SHOCK)
    assert (found["tick"], found["subject"]) == ([AT], [0])
    assert world.shocks[0].event == found["id"][0]
    assert world.chain.surge == pytest.approx(1.0)
    assert [protocol.paused for protocol in world.protocols] == [0] * len(world.protocols)
    assert [oracle.frozen for oracle in world.oracles] == [0] * len(world.oracles)
    assert [oracle.skew for oracle in world.oracles] == pytest.approx([1.0] * len(world.oracles))
    assert [book.scale for book in world.protocol("market")._books] == pytest.approx([1.0, 1.0])
