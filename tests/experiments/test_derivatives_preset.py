"""The preset derivatives holds every kind of agent and venue there is to copy from, and all of them do something."""

import numpy as np
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from sim.model import SpilloverModel

SHORT = ["run.ticks=48", 'processes.eth.knots=[["30min", 0.0], ["2h", -0.25], ["3h55min", -0.2]]']
"""The same fall in four hours instead of two days."""
PEOPLE = {
    "hedgers": {"delta_hedgers", "theta_harvesters"},
    "market makers": {"market_makers", "option_market_makers"},
    "liquidity providers": {"liquidity_providers"},
    "liquidators": {"liquidators"},
    "allocators": {"allocator"},
    "leveraged traders": {"leveraged_traders"},
    "carry funds": {"carry"},
    "arbitrageurs": {"arbitrageurs"},
    "borrowers and depositors": {"borrowers", "depositors"},
    "noise": {"noise", "zero_intelligence"},
}
VENUES = {
    "lending": {"pooled_lending"},
    "perpetuals": {"perpetuals"},
    "options": {"options"},
    "pools": {"concentrated"},
    "order books": {"order_book"},
    "depth": {"depth_market"},
    "vaults": {"covered_call_vault"},
}


@pytest.fixture(scope="module")
def world():
    load_components()
    model = SpilloverModel(build(load("derivatives", SHORT)))
    model.run()
    return model.world


def kinds(components):
    return {type(component).kind for component in components}


@pytest.mark.parametrize("role", PEOPLE, ids=str)
def test_every_role_is_played(world, role):
    assert PEOPLE[role] <= kinds(actor.population for actor in world.actors)


@pytest.mark.parametrize("venue", VENUES, ids=str)
def test_every_kind_of_venue_is_there(world, venue):
    assert VENUES[venue] <= kinds(world.protocols)


def test_futures_stand_beside_perpetuals(world):
    assert {"perps.ETH", "perps.ETH_DATED"} <= set(world.tokens.by_name)


def test_nothing_is_created_or_lost(world):
    assert not world.ledger.balance.sum(axis=1).any()


def test_everybody_sends_something(world):
    """Depositors open their accounts and stay, since nothing frightens them here; all others act during the run."""
    acted, tick = world.events.column("actor"), world.events.column("tick")
    quiet = set()
    for people in (actor.population for actor in world.actors):
        mine = (acted >= people.lo) & (acted < people.hi)
        assert mine.any(), people.name
        if not (mine & (tick >= 0)).any():
            quiet.add(people.name)
    assert quiet == {"depositors"}


def test_every_venue_is_used(world):
    counts = np.bincount(world.events.column("protocol") + 1, minlength=len(world.protocols) + 1)[1:]
    assert {protocol.name for protocol, n in zip(world.protocols, counts, strict=True) if n == 0} == set()
