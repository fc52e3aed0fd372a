"""Traders whose spot collateral, perpetuals and options are margined together, and what that saves them."""

import numpy as np
import pytest

from sim import exposure
from sim.intents import Act
from sim.model import SpilloverModel
from sim.phases import look
from tests.agents.option_worlds import actor_of, book
from tests.agents.perp_worlds import CLEARED, perp_world
from tests.worlds import do, people

WRITERS = """
[[agents]]
name = "writers"
kind = "delta_hedgers"
count = 3
options = "options"
underlyings = ["ETH"]
hedge_venue = "perps"
capital_usd = { mean = 20e3, spread = 0.0 }
collateral = 10.0
legs_held = [{ option = "call", amount = -10.0, expiry = "14d", delta = 0.4 }]
hedge = { kind = "fixed_band", width = 0.05 }
"""


def test_they_hold_collateral_perpetuals_and_options_in_one_account_and_hedge_the_sum():
    world = perp_world(CLEARED, WRITERS, move=-0.1, portfolio=True)
    model, actor = SpilloverModel(world), actor_of(world, "writers")
    while model.running:
        model.step()
        greeks, held = book(actor)
        assert np.abs(greeks[:, 0] + held).max() < 0.05 + 1e-6
    perp, claim = (world.tokens[name].index for name in ("perps.ETH", "perps.margin.ETH"))
    rows = slice(actor.population.lo, actor.population.hi)
    assert (world.ledger.balance[claim, rows] == 10 * 10**8).all()
    assert (world.ledger.balance[perp, rows] < -1 * 10**8).all()
    assert not world.ledger.residuals().any()
    exposure.revalue(world)


def requirements(world, accounts):
    """(n,) maintenance of the whole account, and the sum over collateral, perpetuals and options margined apart."""
    margin = world.protocol("perps").margin_accounts
    grid = margin.portfolio.grid()
    together = margin.worst_loss(world, accounts, grid)
    apart = np.zeros(accounts.size)
    members, claims = margin.members, margin.claims
    for member in members:
        gains = member.scenarios(world, accounts, grid)
        apart += sum(np.maximum(-gain.min(axis=1), 0.0) for gain in gains.values())
    for claim, unit in zip(claims[1:], margin.weights(world)[1:], strict=True):
        gain = (world.ledger.balance[claim, accounts] * unit)[:, None] * grid.moves
        apart += np.maximum(-gain.min(axis=1), 0.0)
    return together, apart


def test_netting_never_costs_margin_and_saves_most_of_a_hedged_book():
    """Random portfolios of spot collateral, perpetual and options."""
    n = 60
    rng = np.random.default_rng(5)
    deposits = '[["deposit", "perps", "USD", 1e6], ["deposit", "perps", "ETH", 50.0]]'
    world = perp_world(CLEARED, people("p", n, opens=deposits, USD=2e6, ETH=60.0), WRITERS, portfolio=True)
    SpilloverModel(world).step()
    look(world)
    quote = world.quotes["options"]
    for row in range(n):
        for venue, name in [("perps", "perps.ETH")] + [
            ("options", world.tokens.rows[token].name) for token in rng.choice(quote.token, 3, replace=False)
        ]:
            act, size = rng.choice([Act.BUY, Act.SELL]), int(rng.uniform(1, 40) * 10**8)
            do(world, "p", act, venue, name, size, row=row)
    crowd, writers = world.population("p"), world.population("writers")
    accounts = np.arange(crowd.lo, crowd.hi)
    together, apart = requirements(world, accounts)
    assert (together <= apart * (1.0 + 1e-12) + 1e-6).all()
    assert (apart > 0.0).all()
    assert np.median(together / apart) < 0.8
    world.protocol("perps").margin_accounts.evaluate(world)
    margin = world.protocol("perps").margin_accounts
    assert margin.maintenance[accounts] == pytest.approx(together)
    together, apart = requirements(world, np.arange(writers.lo, writers.hi))
    assert (1.0 - together / apart > 0.5).all()  # the netting benefit of a hedged book


def test_the_venue_reports_what_netting_saves():
    world = perp_world(CLEARED, WRITERS, move=-0.1, portfolio=True)
    SpilloverModel(world).run()
    together, apart = world.protocol("perps").netting(world)
    accounts = np.flatnonzero(world.protocol("perps").margin_accounts.open)
    whole, alone = requirements(world, accounts)
    usd = world.prices.atom_price[0]
    assert (together, apart) == (pytest.approx(whole.sum() * usd), pytest.approx(alone.sum() * usd))
    metric = next(metric for metric in world.metrics if type(metric).kind == "margin")
    assert metric.step(world)["netting_saves.perps"] == pytest.approx(1.0 - together / apart)
    assert 0.0 < together < apart
