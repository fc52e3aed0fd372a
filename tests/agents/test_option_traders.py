"""What everybody who trades options does: deposit, open, hedge, close; through an options venue."""

import math

import numpy as np
import pytest

from experiments.build import build
from sim.errors import ConfigError
from sim.events import Kind
from sim.intents import Act
from sim.model import SpilloverModel
from sim.phases import look
from tests.agents.option_worlds import Story, actor_of, book, option_config, story
from tests.worlds import set_price

SHORT = 'legs_held = [{ option = "call", amount = -1.0 }]'
DAYS = 4


def hedgers(rule, name="h", more=SHORT):
    return name, "delta_hedgers", f"{more}\nhedge = {{ {rule} }}"


CALENDARS = tuple(hedgers(f'kind = "calendar", every = "{n}h"', f"h{n}") for n in (1, 2, 4))
"""One account of each for every asset sells an option of one day every day."""
DAILY = {"assets": 20, "ticks": 24 * DAYS + 1, "dt": "1h", "every": "1d"}


def daily_errors(name):
    """(days * accounts,) hedging errors of a renewed option."""
    gains = story(*CALENDARS, **DAILY).gains(name)[1:]
    return gains.reshape(DAYS, 24, -1).sum(axis=1).ravel()


def test_the_variance_of_the_hedging_error_falls_with_the_number_of_hedges():
    """Var = pi / 4 (vega sigma)^2 / n for n hedges of an option at the money (Derman and Kamal 1999)."""
    width = 0.7 * math.sqrt(1 / 365)
    vega = 100.0 * math.sqrt(1 / 365) * math.exp(-((width / 2) ** 2) / 2) / math.sqrt(2 * math.pi)
    scaled = []
    for every in (1, 2, 4):
        error = daily_errors(f"h{every}")
        kurtosis = np.mean(((error - error.mean()) / error.std()) ** 4)
        spread = math.sqrt((kurtosis - 1.0) / error.size)
        scaled.append(error.var() / (math.pi / 4 * (vega * 0.7) ** 2 * every / 24))
        assert abs(math.log(scaled[-1])) < 3.0 * spread, every
        assert abs(error.mean()) < 3.0 * error.std() / math.sqrt(error.size)
    slope = np.polyfit(np.log([1.0, 2.0, 4.0]), np.log(scaled), 1)[0] + 1.0
    assert slope == pytest.approx(1.0, abs=0.35)


@pytest.mark.parametrize("width", [0.0, 0.1])
def test_net_delta_is_within_the_band_after_every_rebalance(width):
    rule = f'kind = "fixed_band", width = {width}'
    world = build(option_config(hedgers(rule), assets=4, ticks=49, dt="1h", every="1d"))
    model, actor, seen = SpilloverModel(world), actor_of(world, "h"), []
    while model.running:
        model.step()
        greeks, held = book(actor)
        seen.append(np.abs(greeks[:, 0] + held))
    seen = np.array(seen)
    settled = np.arange(len(seen)) % 24 != 0  # in the tick of an expiry everything is closed and listed anew
    assert seen[settled].max() <= width + 1e-6
    assert seen[settled].max() > 0.5 * width
    assert not world.ledger.residuals().any()


def test_a_hedge_is_given_back_in_the_tick_of_the_expiry_and_the_position_is_renewed_after_it():
    told = story(*CALENDARS, **DAILY)
    trades = told.world.events.where(Kind.TRADE)
    population = told.world.population("h1")
    mine = told.world.events.column("actor")[trades] == population.lo
    ticks = told.world.events.column("tick")[trades][mine].tolist()
    assert ticks[1:] == [24 * day + 1 for day in range(1, DAYS)]
    held = told.held["h1"]
    assert np.abs(held[[24 * day for day in range(1, DAYS)]]).max() < 1e-6
    assert np.abs(held[[24 * day + 1 for day in range(1, DAYS)]]).min() > 0.1


def test_options_that_are_not_renewed_leave_nothing_behind():
    told = story(hedgers('kind = "calendar"', more=SHORT + "\nrenew = false"), **DAILY)
    assert np.abs(told.greeks["h"][24:]).max() == 0.0
    assert np.abs(told.held["h"][24:]).max() < 1e-6
    assert np.abs(told.gains("h")[26:]).max() < 1e-4


def test_hedges_on_a_spot_venue_are_short_out_of_the_stock_alone():
    put = 'legs_held = [{ option = "put", amount = -1.0 }]\nstock = '
    bare, stocked = ((name, "delta_hedgers", put + stock) for name, stock in (("bare", "0.0"), ("stocked", "1.0")))
    hedge = '\nhedge = { kind = "calendar" }'
    told = Story(option_config(*((n, k, s + hedge) for n, k, s in (bare, stocked)), assets=3, ticks=6, dt="1h"))
    assert (told.held["bare"] == 0.0).all()
    assert (told.held["stocked"] < -0.2).all()


def test_an_order_that_waits_for_a_block_is_not_sent_again(monkeypatch):
    world = build(option_config(hedgers('kind = "calendar", every = "2h"'), assets=2, ticks=5))
    actor = actor_of(world, "h")
    world.clock.tick = 0
    look(world)
    waits = np.array([True, False])
    monkeypatch.setattr(actor.view, "pending", lambda act: waits & (act == Act.SWAP))
    [intent] = actor.population.decide(actor.view, actor.draws)
    assert intent.account.tolist() == [world.population("h").lo + 1]


OTHER = """
[[assets]]
name = "B"
price = 5.0
[[processes]]
name = "other"
kind = "gbm"
assets = ["B"]
volatility = 0.5
[[protocols]]
name = "shop"
kind = "constant_product"
asset = "B"
"""


@pytest.mark.parametrize(
    ("options", "hedge_venue", "underlying", "text"),
    [
        ("options", "market", "B", '"options" lists no options on B; add them to its underlyings'),
        ("market", "market", "A0", '"market" is no venue of options'),
        ("options", "shop", "A0", '"shop" trades no token'),
    ],
    ids=["not listed", "no options", "no spot"],
)
def test_venues_that_do_not_fit_are_config_errors(options, hedge_venue, underlying, text):
    odd = '[[agents]]\nname = "odd"\nkind = "vega_weighted"\ncount = 2\n'
    odd += f'options = "{options}"\nhedge_venue = "{hedge_venue}"\nunderlyings = ["{underlying}"]\n'
    with pytest.raises(ConfigError, match=text):
        build(option_config(assets=1, ticks=3, more=OTHER + odd))


def test_margin_in_coins_is_refused():
    coins = """
[[protocols]]
name = "coins"
kind = "options"
[[protocols.underlyings]]
asset = "A0"
settlement = "coin"
[[agents]]
name = "odd"
kind = "vega_weighted"
count = 2
options = "coins"
hedge_venue = "market"
underlyings = ["A0"]
"""
    with pytest.raises(ConfigError, match='"coins" takes margin in an asset other than the numeraire'):
        build(option_config(assets=1, ticks=3, more=coins))


def test_nobody_orders_what_is_being_settled():
    world = build(option_config(hedgers('kind = "calendar"'), assets=2, ticks=30, dt="1h", every="1d"))
    model, actor = SpilloverModel(world), actor_of(world, "h")
    while model.running:
        model.step()
        if world.clock.tick == 23:
            world.clock.tick = 24
            look(world)
            acts = [intent.act for intent in actor.population.decide(actor.view, actor.draws)]
            assert set(acts) <= {Act.SWAP}
            world.clock.tick = 23
            set_price(world, "A0", float(world.prices.history[23, 1]))
    failed = world.events.where(Kind.TX_FAILED)
    options = world.protocol("options").index
    assert not (world.events.column("protocol")[failed] == options).any()
