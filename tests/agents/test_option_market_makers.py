"""Option market makers: who trades with them, how inventory moves their quotes and the surface, and their limits."""

import numpy as np
import pytest

from experiments.build import build
from sim.events import Kind
from sim.flows import Motive
from sim.intents import Act
from sim.model import SpilloverModel
from sim.phases import look
from tests.agents.option_worlds import actor_of, book, option_config
from tests.worlds import do, people

PRESSED = "skew = 0.0, curvature = 1e-9, half_life = 1e12, premium = 0.0, vega_pressure = 0.05, vega_capacity = 1e4"
CUSTOMER = people("customer", 1, USD=1e6, opens='[["deposit", "options", "USD", 8e5]]')
MAKER = 'hedge = { kind = "fixed_band", width = 0.02 }\nstock = 500.0\ncount = 4\n'
MAKER += "capital_usd = { mean = 1e5, spread = 0.0 }"


def make(settings="", ticks=12, more="", customer=CUSTOMER, venue='outside_dealers = "never"', **listed):
    """Four makers on one asset, and a customer."""
    maker = ("makers", "option_market_makers", f'{MAKER}\nevery = "2h"\nwindow = "6h"\n{settings}')
    listed = {"every": "28d", "strikes": (0.9, 1.0, 1.1), **listed}
    config = option_config(
        maker, assets=1, ticks=ticks, volatility=0.0, surface=PRESSED, venue=venue, more=customer + more, **listed
    )
    return build(config)


def tick(world, n=1):
    """Some ticks; then everybody looks."""
    model = SpilloverModel(world)
    for _ in range(n):
        model.step()
    look(world)
    return world.quotes["options"]


def spread(quote):
    """(series,) ask less bid in vol points, by vega."""
    return (quote.ask - quote.bid) / quote.greeks[:, 2] * 100.0


def buy(world, amount, act=Act.BUY):
    """The customer trades the first call at the money."""
    quote = world.quotes["options"]
    token = int(quote.token[quote.series(1, True, 28 / 365, 0.5)])
    return do(world, "customer", act, "options", world.tokens.rows[token].name, round(amount * 1e8))


def test_customers_trade_with_the_makers_and_press_the_surface():
    world = make()
    before = tick(world)
    assert buy(world, 100.0).done
    makers, table = world.population("makers"), world.protocol("options").table
    held = world.ledger.balance[table.token, makers.lo : makers.hi].sum(axis=0)
    assert held.tolist() == [-25 * 10**8] * 4
    assert (world.ledger.balance[table.token, 0] == 0).all()
    look(world)
    assert (world.quotes["options"].volatility > before.volatility).all()


def test_inventory_widens_quotes_and_takes_depth_away():
    world = make("most_vega = 0.05")
    before = tick(world)
    assert spread(before) == pytest.approx(2.0, rel=0.02)
    buy(world, 200.0)
    after = tick(world)
    assert (spread(after) > spread(before) + 0.5).all()
    population = world.population("makers")
    greeks, _ = book(actor_of(world, "makers"))
    used = np.abs(greeks[:, 2]) / (population.most_vega * population.capital)
    assert (population.width >= 1.0 + 5.0 * used - 0.2).all()
    room = world.protocol("options").dealers.capacity.max(axis=1)
    assert room == pytest.approx((1.0 - used) * 0.1 * 1e5 / 100.0 * 1e8, rel=0.01)


def test_delta_is_hedged_within_the_band():
    world = make()
    tick(world)
    buy(world, 100.0)
    tick(world)
    greeks, held = book(actor_of(world, "makers"))
    assert np.abs(greeks[:, 0]).min() > 5.0
    assert np.abs(greeks[:, 0] + held).max() <= 0.02 + 1e-6


def test_vega_never_exceeds_its_limit_by_more_than_one_fill():
    world = make("most_vega = 0.01\ndepth = 0.01")
    for _ in range(8):
        tick(world)
        buy(world, 40.0)
    greeks, _ = book(actor_of(world, "makers"))
    limit = 0.01 * 1e5
    assert np.abs(greeks[:, 2]).max() <= limit + 10.0 * 11.5
    assert world.events.where(Kind.TX_FAILED).size > 0


def test_they_withdraw_when_margin_use_is_high():
    world = make("most_margin = 0.03\nmargin = 0.05\nmost_vega = 100.0")
    tick(world)
    assert buy(world, 60.0).done
    quote = tick(world, 2)
    assert world.protocol("options").dealers.capacity.max() == 0
    assert (quote.bid == 0.0).all()
    assert not buy(world, 1.0).done


def test_realised_above_implied_volatility_widens_quotes():
    jump = '[[shocks]]\nname = "jump"\nkind = "price_jump"\nasset = "A0"\nat = 5\nsize = -0.1\n'
    world = make(more=jump)
    calm = spread(tick(world, 5))
    wild = spread(tick(world, 1))
    assert (wild > calm + 20.0).all()


def test_they_bid_less_for_what_a_vault_is_known_to_sell():
    world = make('auctions = { first = 8 }\nahead = "6h"\nauction_points = 4.0')
    plain = tick(world, 5)
    ahead = tick(world, 1)
    assert spread(ahead) - spread(plain) == pytest.approx(8.0, rel=0.03)
    assert (ahead.bid < plain.bid).all()
    after = tick(world, 4)
    assert spread(after) == pytest.approx(spread(plain), rel=0.05)


def test_their_orders_are_market_making():
    world = make()
    actor = actor_of(world, "makers")
    world.clock.tick = 0
    look(world)
    intents = actor.population.decide(actor.view, actor.draws)
    assert {intent.motive for intent in intents if intent.act == Act.QUOTE} == {Motive.MARKET_MAKING}
    assert all(np.isfinite(intent.limit).all() and (intent.amount > 0).all() for intent in intents)


VAULT = """
[[protocols]]
name = "vault"
kind = "put_selling_vault"
asset = "USD"
options = "options"
underlying = "A0"
epoch = "1d"
auction = "4h"
delta = 0.4
sell_rest = false
premium_discount = 0.9
"""


def auctioned(points):
    """Makers who expect a vault's auctions, a vault with 10,000 USD, and its first auction."""
    settings = f'vaults = ["vault"]\nauctions = {{ first = 1, every = "1d" }}\nahead = "22h"\nauction_points = {points}'
    strikes = (0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1)
    saver = people("saver", 1, USD=20_000.0)
    world = make(settings, ticks=24, more=VAULT + saver, every="1d", listed=2, strikes=strikes)
    assert do(world, "saver", Act.MINT, "vault", "USD", 10_000 * 10**6, token2="vault.share").done
    tick(world, 4)
    [auction] = world.events.where(Kind.AUCTION)[:1]
    return world, float(world.events.value[auction]), int(world.events.column("amount")[auction])


def test_they_buy_in_auctions_of_vaults_and_bid_less_when_they_know_the_date():
    (world, naive, amount), (_, wise, _) = auctioned(0.0), auctioned(8.0)
    makers, token = world.population("makers"), world.protocol("options").table.token
    assert amount > 0
    assert naive > wise > 0.0
    assert world.ledger.balance[token, makers.lo : makers.hi].sum() == amount
    assert not world.ledger.residuals().any()
