"""Front-runners of a vault whose auctions everybody knows."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents.shared.epochs import Auctions
from experiments.build import build
from sim import exposure
from sim.errors import ConfigError
from sim.intents import Act, Intent
from sim.model import SpilloverModel
from tests.agents.option_worlds import option_config
from tests.worlds import do, people

PRESSED = "skew = 0.0, curvature = 1e-9, half_life = 1e12, premium = 0.0, vega_pressure = 0.05, vega_capacity = 1e4"
SALE = 8
VAULT = people("vault", 1, USD=1e6, opens='[["deposit", "options", "USD", 8e5]]')
RUNNERS = """
count = 3
capital_usd = { mean = 1e5, spread = 0.0 }
auctions = { first = 8, every = "7d" }
ahead = "6h"
cover = "2h"
exposure = 0.05
legs_sold = [{ option = "call", amount = 1.0, expiry = "28d" }]
"""


def run(runners=RUNNERS, count=3, ticks=14):
    """Wealth of everybody at the end, and the world, of a week in which the vault sells 200 calls in tick `SALE`."""
    runners = ("runners", "front_runners", runners.replace("count = 3", f"count = {count}"))
    config = option_config(
        runners, assets=1, ticks=ticks, volatility=0.0, every="28d", strikes=(0.9, 1.0), surface=PRESSED, more=VAULT
    )
    world = build(config)

    def sell(view, draws):
        quote = view.quotes["options"]
        token = int(quote.token[quote.series(1, True, 28 / 365, 0.5)])
        return [Intent(Act.SELL, quote.venue, view.accounts, token, 200 * 10**8)] if view.tick == SALE else []

    world.population("vault").script = sell
    SpilloverModel(world).run()
    exposure.revalue(world)
    return exposure.wealth_by_account(world) - world.opening_wealth, world


def test_what_they_gain_is_what_the_others_lose():
    with_them, world = run()
    without, other = run(count=0)
    assert abs(with_them.sum()) < 1e-3
    assert abs(without.sum()) < 1e-3
    runners, vault = world.population("runners"), world.population("vault")
    profit = with_them[runners.lo : runners.hi].sum()
    assert profit > 10.0
    lost = with_them[vault.lo] - without[other.population("vault").lo]
    assert lost < 0.0
    others = with_them.sum() - profit - without.sum()
    assert profit == pytest.approx(-others, abs=1e-3)


def test_they_sell_ahead_of_the_sale_and_have_bought_back_after_it():
    config = ("runners", "front_runners", RUNNERS)
    world = build(option_config(config, assets=1, ticks=14, volatility=0.0, every="28d", surface=PRESSED, more=VAULT))
    model, token, people_ = SpilloverModel(world), world.protocol("options").table.token, world.population("runners")
    held = []
    while model.running:
        model.step()
        held.append(int(world.ledger.balance[token, people_.lo : people_.hi].sum()))
    assert [tick for tick, n in enumerate(held) if n < 0] == list(range(SALE - 3, SALE + 1))
    assert held[SALE + 1] == 0
    assert held[SALE - 1] == -3 * 50 * 10**8


def test_windows_that_overlap_are_refused():
    bad = RUNNERS.replace('ahead = "6h"', 'ahead = "7d"')
    with pytest.raises((ConfigError, ValueError), match="the next auction is nearer"):
        run(bad)


@pytest.mark.parametrize(
    ("tick", "until", "since"), [(0, 16.0, np.inf), (8, 0.0, 0.0), (9, 166.0, 2.0), (92, 0.0, 0.0)]
)
def test_the_calendar_counts_hours(tick, until, since):
    view = SimpleNamespace(dt_years=2 / 8760, tick=tick)
    auctions = Auctions(first=8, every=168 * 3600.0)
    assert auctions.until(view) == pytest.approx(until * 3600.0)
    assert auctions.since(view) == pytest.approx(since * 3600.0)


REAL = """
[[protocols]]
name = "vault"
kind = "put_selling_vault"
asset = "USD"
options = "options"
underlying = "A0"
epoch = "1d"
auction = "2h"
delta = 0.4
premium_discount = 0.9
"""
WEEKDAY = """
capital_usd = { mean = 1e5, spread = 0.0 }
auctions = { first = 12, every = "1d" }
ahead = "6h"
cover = "4h"
exposure = 0.1
legs_sold = [{ option = "put", amount = 1.0, delta = 0.4, expiry = "1d" }]
"""


def raided(count):
    """USD earned by everybody, and the world, after two epochs of a put-selling vault with 20,000 USD."""
    runners = ("runners", "front_runners", f"count = {count}\n{WEEKDAY}")
    strikes = (0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1)
    pressed = PRESSED.replace("vega_capacity = 1e4", "vega_capacity = 1e3")
    saver = people("saver", 1, USD=20_000.0)
    config = option_config(
        runners, assets=1, ticks=30, volatility=0.0, every="1d", listed=2, strikes=strikes, surface=pressed,
        more=REAL + saver,
    )  # fmt: skip
    world = build(config)
    assert do(world, "saver", Act.MINT, "vault", "USD", 20_000 * 10**6, token2="vault.share").done
    SpilloverModel(world).run()
    exposure.revalue(world)
    return exposure.wealth_by_account(world) - world.opening_wealth, world


def test_runners_of_a_vaults_own_auction_gain_what_its_savers_and_dealers_lose():
    (hunted, world), (left, other) = raided(3), raided(0)
    assert max(abs(hunted.sum()), abs(left.sum())) < 1e-3
    runners = world.population("runners")
    profit = hunted[runners.lo : runners.hi].sum()
    saver = hunted[world.population("saver").lo] - left[other.population("saver").lo]
    assert profit > 1.0
    assert saver < -1.0
    assert profit == pytest.approx(-(hunted.sum() - profit - left.sum()), abs=1e-3)
