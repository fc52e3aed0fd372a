"""Dealers' gamma and realised volatility: hedging through the venue damps, amplifies, or does nothing.

Arms of the preset `dealer_gamma` on common random numbers, two days each. The whole experiment: docs/dealer_gamma.md.
"""

import numpy as np
import pytest
from scipy.stats import t

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from experiments.plots.gamma import closed_form, hedge_of_a_move
from sim.events import Kind
from sim.flows import Motive
from sim.model import SpilloverModel

SIZES, PAIRS, HOUR = (500, 1000, 2000), 3, 4
"""Straddles per dealer; pairs of runs; ticks per hour."""
DOSES = (*(-size for size in reversed(SIZES)), 0, *SIZES)


def opened(straddles, replication=0, impact=True):
    load_components()
    settings = ["run.ticks=193", "record.checks=off", f"protocols.market.impact={str(impact).lower()}"]
    legs = [f"agents.dealers.legs_held.{leg}.amount={straddles}" for leg in (0, 1)]
    return build(load("dealer_gamma", [*settings, *legs]), replication)


def finished(*arm):
    world = opened(*arm)
    SpilloverModel(world).run()
    return world


def log_volatility(world):
    asset = world.tokens["ETH"].index
    return 0.5 * np.log(np.mean(np.diff(np.log(world.prices.history[::HOUR, asset])) ** 2))


def interval(change):
    """95 % t interval of a mean."""
    half = t.ppf(0.975, change.size - 1) * change.std(ddof=1) / np.sqrt(change.size)
    return change.mean() - half, change.mean() + half


@pytest.fixture(scope="module")
def changes():
    """(pairs,) change of log realised volatility against the run without options, by dose."""
    found = {n: np.array([log_volatility(finished(n, pair)) for pair in range(PAIRS)]) for n in DOSES}
    return {n: values - found[0] for n, values in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_short_gamma_amplifies_and_long_gamma_damps(changes, size):
    low, high = interval(changes[-size])
    assert 0.0 < low < high
    low, high = interval(changes[size])
    assert low < high < 0.0


@pytest.mark.slow
def test_the_effect_grows_with_gamma_in_every_pair(changes):
    by_dose = np.array([changes[dose] for dose in DOSES])
    assert (np.diff(by_dose, axis=0) < 0).all()


@pytest.mark.slow
def test_the_size_is_that_of_the_closed_form(changes):
    for dose in (size * side for size in SIZES[:2] for side in (-1, 1)):
        hedge = hedge_of_a_move(opened(dose), "dealers", "options", "market")
        expected = closed_form(hedge.feedback, hedge.half_life, 3600.0)
        assert changes[dose].mean() == pytest.approx(expected, rel=0.25), dose


@pytest.mark.slow
def test_without_impact_the_effect_is_exactly_zero_though_dealers_hedge_as_much():
    still, *others = (finished(dose, 0, False) for dose in (0, -2000, 2000))
    for world in others:
        assert np.array_equal(world.prices.history, still.prices.history)
        assert hedges(world) > 1000
    assert hedges(still) == 0


@pytest.mark.slow
@pytest.mark.parametrize("dose", [-1000, 1000])
def test_hedging_pushes_against_the_other_moves_if_long_and_along_with_them_if_short(dose):
    table = finished(dose).flows.table()
    ticks, hedging = table["tick"].max() + 1, table["motive"] == Motive.HEDGING
    pushed, rest = (
        np.bincount(table["tick"][rows], table["dlog"][rows], minlength=ticks) for rows in (hedging, ~hedging)
    )
    assert np.sign(dose) * np.corrcoef(pushed, rest)[0, 1] < -0.9


def hedges(world):
    """How many trades the dealers made in the market during the run."""
    dealers = world.population("dealers")
    actors = world.events.column("actor")[world.events.where(Kind.SWAP)]
    return int(np.count_nonzero((dealers.lo <= actors) & (actors < dealers.hi)))
