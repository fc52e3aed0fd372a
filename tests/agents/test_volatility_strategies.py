"""Strategies that live on the gap between implied and realised volatility, through an options venue."""

import numpy as np
import pytest

from sim.events import Kind
from tests.agents.option_worlds import Story, option_config, story

IMPLIED = 0.7
EVERY_TICK = 'hedge = { kind = "calendar", every = "2h" }'
POPULATIONS = (
    ("scalpers", "gamma_scalpers", f"always = true\nexposure = 0.1\nstock = 2.0\n{EVERY_TICK}"),
    ("choosers", "gamma_scalpers", f'exposure = 0.1\nstock = 2.0\nwindow = "1d"\nevery = "2h"\n{EVERY_TICK}'),
    (
        "arbitrageurs",
        "volatility_arbitrageurs",
        f'stock = 5.0\nevery = "2h"\nmost = 0.05\nwindow = "1d"\nmemory = "3650d"\n{EVERY_TICK}',
    ),
    ("vegas", "vega_weighted", 'target = 0.0005\nevery = "2h"'),
    ("shorts", "vega_weighted", 'target = -0.0005\nevery = "2h"\ntolerance = 0.05'),
)


def lab(realised):
    """A week of 12 assets with options of four weeks that realise this volatility while options stay at `IMPLIED`."""
    return story(*POPULATIONS, assets=12, volatility=realised, strikes=(0.8, 0.9, 1.0, 1.1, 1.2), every="28d")


def earned(told, name):
    """(n,) sum of half gamma S^2 (r^2 - implied^2 dt) over the ticks: what a hedged book should make."""
    world = told.world
    spot = world.prices.history[:, np.array(world.population(name).tokens)]
    returns = np.diff(spot, axis=0) / spot[:-1]
    gamma = told.greeks[name][:-1, :, 1]
    each = 0.5 * gamma * spot[:-1] ** 2 * (returns**2 - IMPLIED**2 * world.clock.dt_years)
    return each.sum(axis=0)


@pytest.mark.parametrize(("realised", "sign"), [(0.35, -1.0), (1.05, 1.0)], ids=["quiet", "wild"])
def test_gamma_scalpers_make_what_realised_less_implied_volatility_says(realised, sign):
    told = lab(realised)
    gain = told.gain("scalpers")
    assert np.mean(np.sign(gain) == sign) >= 0.9
    assert sign * gain.mean() > 0.5
    assert gain == pytest.approx(earned(told, "scalpers"), abs=0.12 * np.abs(gain).mean())


def test_gamma_scalpers_enter_only_when_realised_exceeds_implied_volatility():
    assert np.mean(lab(0.35).greeks["choosers"][:, :, 1] > 0.0) < 0.02
    held = lab(1.05).greeks["choosers"][:, :, 1] > 0.0
    assert held.any(axis=0).mean() > 0.8
    assert not held.all()


@pytest.mark.parametrize(("realised", "sign"), [(0.35, -1.0), (1.05, 1.0)], ids=["quiet", "wild"])
def test_volatility_arbitrageurs_make_half_gamma_times_the_gap_of_variances(realised, sign):
    told = lab(realised)
    gain, expected = told.gain("arbitrageurs"), earned(told, "arbitrageurs")
    assert np.mean(np.sign(told.greeks["arbitrageurs"][-20:-2, :, 2].sum(axis=0)) == sign) >= 0.9
    assert gain.mean() > 0.0
    assert gain.mean() == pytest.approx(expected.mean(), rel=0.1)
    assert gain == pytest.approx(expected, abs=0.2 * np.abs(expected).mean())


@pytest.mark.parametrize(("name", "target", "tolerance"), [("vegas", 0.5e-3, 0.1), ("shorts", -0.5e-3, 0.05)])
def test_net_vega_is_brought_back_to_its_target(name, target, tolerance):
    told = lab(0.7)
    wanted = target * 100.0 * 1000.0
    vega = told.greeks[name][:, :, 2]
    assert vega[0] == pytest.approx(wanted, rel=tolerance)
    off = np.abs(vega - wanted) / abs(wanted)
    assert off.max() <= tolerance + 1e-6
    assert off.max() > 0.5 * tolerance


def test_vega_is_spread_over_expiries_in_proportion_to_the_inverse_root_of_time():
    desk = ("desk", "vega_weighted", 'target = 0.001\nexpiries = ["7d", "28d"]')
    told = Story(option_config(desk, assets=1, ticks=1, listed=4))
    world = told.world
    table, account = world.protocol("options").table, world.population("desk").lo
    held = np.abs(world.ledger.balance[table.token, account]) / table.scale
    vega = np.bincount(table.group, held * table.greeks[:, 2])
    assert vega.sum() == pytest.approx(0.001 * 100 * 1000.0, rel=0.02)
    assert vega[vega > 0.0].size == 2
    assert vega.max() / vega[vega > 0.0].min() == pytest.approx(2.0, rel=0.02)


STRIKES = (0.85, 0.9, 0.95, 1.05, 1.1, 1.15)
HARVEST = 'exposure = 0.5\ndelta = 0.2\nevery = "4h"\nexpiry = "7d"'
HOLD = f"{HARVEST}\ntake_profit = 1.0\nstop_loss = 1e9\nmost_margin = 1.0"
WEEKS = 4


def harvest(settings, realised=0.5, ticks=42 * WEEKS + 1, **more):
    """Strangles on 24 assets that realise less than is implied."""
    people = ("theta", "theta_harvesters", settings)
    return story(people, assets=24, ticks=ticks, dt="4h", volatility=realised, strikes=STRIKES, **more)


def weekly(told):
    """(weeks * n,) USD earned from expiry to expiry."""
    return told.gains("theta")[1:].reshape(WEEKS, 42, -1).sum(axis=1).ravel()


def test_theta_harvesters_gain_on_average_and_lose_much_now_and_then():
    gain = weekly(harvest(HOLD))
    skew = np.mean(((gain - gain.mean()) / gain.std()) ** 3)
    assert gain.mean() > 1.5 * gain.std() / np.sqrt(gain.size)
    assert skew < -0.5
    assert np.median(gain) > gain.mean()
    assert gain.min() < -3.0 * np.median(gain)


JUMP = '[[shocks]]\nname = "jump"\nkind = "price_jump"\nasset = "A0"\nat = 6\nsize = SIZE\n'


def lone(settings, jump=None, ticks=60):
    """One harvester on one asset that stands still but for a jump at tick 6; its gain and vega after each tick."""
    more = JUMP.replace("SIZE", str(jump)) if jump else ""
    people = ("theta", "theta_harvesters", settings)
    told = Story(option_config(people, assets=1, ticks=ticks, volatility=0.0, strikes=STRIKES, more=more))
    premium = told.world.events.value[told.world.events.where(Kind.TRADE)[:2]].sum()
    return told.gains("theta")[:, 0].cumsum(), told.greeks["theta"][:, 0, 2], premium, told


def test_they_buy_back_when_half_of_the_credit_is_earned():
    gain, vega, credit, _ = lone(HARVEST)
    closed = int(np.argmax(vega == 0.0))
    assert 0 < closed < 60
    assert 0.5 * credit < gain[closed] < 0.6 * credit
    assert (gain[:closed] < 0.55 * credit).all()


def test_they_buy_back_when_twice_the_credit_is_lost():
    stopped, vega, credit, _ = lone(HARVEST, 0.12)
    held, vega_held, _, _ = lone(HOLD, 0.12)
    jump = int(np.argmax(stopped < -2.0 * credit))
    assert jump == 6
    assert vega[jump : jump + 3].max() == 0.0
    assert vega_held[jump : jump + 3].max() < 0.0
    assert stopped[jump + 1] == pytest.approx(held[jump], rel=0.05)


def test_a_crash_costs_writers_many_times_their_credit_before_any_stop():
    gain, _, credit, told = lone(HARVEST + "\nmargin = 0.9", -0.4, ticks=12)
    assert credit > 0.0
    assert gain[6] < -10.0 * credit
    assert gain[-1] == pytest.approx(gain[6], rel=0.25)
    assert not told.world.ledger.residuals().any()


def test_what_takes_too_much_margin_is_bought_back():
    limit = 0.04
    settings = f"{HOLD.replace('most_margin = 1.0', f'most_margin = {limit}')}"
    _, vega, _, told = lone(settings, ticks=6)
    _, untrimmed, _, _ = lone(HOLD, ticks=6)
    state = told.world.protocol("options").margins(told.world)
    account = told.world.population("theta").lo
    use = state.initial[account] / state.equity[account]
    assert use == pytest.approx(limit, rel=0.02)
    assert abs(vega[-1]) < 0.3 * abs(untrimmed[-1])
