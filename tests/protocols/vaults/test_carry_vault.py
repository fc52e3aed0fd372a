"""The carry vault: long a coin, short its perpetual, no delta; it collects funding and lets savers out."""

import numpy as np
import pytest

from sim import exposure
from sim.errors import ConfigError
from sim.intents import ALL
from sim.model import SpilloverModel
from tests.worlds import DEPTH, STILL, Act, do, holding, make_world, people, run

PERP = """
[[protocols]]
name = "perp"
kind = "perpetuals"
insurance = 1e5
[[protocols.contracts]]
name = "ETH"
underlying = "ETH"
book = { daily_volatility = 0.05, daily_volume = 1e6 }
[[protocols]]
name = "vault"
kind = "carry_vault"
asset = "USD"
underlying = "ETH"
market = "market"
perpetuals = "perp"
epoch = "1d"
"""
PATHS = STILL.replace("volatility = 0.0", "volatility = 1.0")


def carry_world(process=STILL, settings="", sets=()):
    return make_world(
        DEPTH, process, PERP + settings, people("t", 2, USD=1e5), sets=("run.ticks=80", "run.dt=1h", *sets)
    )


def legs(world):
    vault = world.protocol("vault")
    contract = vault.contract(world)
    return vault.coins(world), vault.short(world, contract), contract


@pytest.mark.parametrize("seed", range(3))
def test_it_has_no_delta(seed):
    world = carry_world(PATHS, sets=(f"run.seed={seed}",))
    do(world, "t", Act.MINT, "vault", "USD", 50_000 * 10**6, token2="vault.share")
    model, invested = SpilloverModel(world), 0
    while model.running:
        model.step()
        coins, short, _ = legs(world)
        assert abs(coins - short) <= 0.02 * coins + 1e-6
        invested += coins > 0.0
        exposure.revalue(world)
        vault = world.protocol("vault")
        shares = vault.shares(world) / 10.0**vault.decimals
        net = vault.net_usd(world, world.prices.values)
        assert world.prices.values[vault.share] * shares == pytest.approx(net, rel=1e-12)
    assert invested > 70
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    price = world.quotes["vault"].share_price
    assert price == pytest.approx(1.0, abs=0.01)  # hedged, whatever the coin did: what is left is funding less costs


def test_it_starts_at_its_leverage():
    world = carry_world()
    do(world, "t", Act.MINT, "vault", "USD", 60_000 * 10**6, token2="vault.share")
    run(world, 1)
    coins, short, contract = legs(world)
    assert coins * contract.index == pytest.approx(60_000 * 0.98 * 2 / 3, rel=0.01)
    margin = world.protocol("perp").margin_accounts
    margin.evaluate(world)
    equity = margin.equity[world.protocol("vault").account] / 1e6
    assert short * contract.mark / equity == pytest.approx(2.0, rel=0.02)


def test_savers_can_leave():
    world = carry_world()
    do(world, "t", Act.MINT, "vault", "USD", 50_000 * 10**6, token2="vault.share")
    do(world, "t", Act.MINT, "vault", "USD", 50_000 * 10**6, row=1, token2="vault.share")
    run(world, 1)
    assert do(world, "t", Act.REDEEM, "vault", "vault.share", ALL).done
    run(world, 79)
    assert holding(world, "t", "USD") / 1e6 == pytest.approx(100_000.0, rel=0.01)
    assert holding(world, "t", "vault.leaving") < 0.05 * 50_000e6
    coins, short, _ = legs(world)
    assert coins > 0.0
    assert short == pytest.approx(coins, rel=0.02)


def test_it_stays_in_cash_while_funding_is_low():
    world = carry_world(settings="enter = 10.0\n")
    do(world, "t", Act.MINT, "vault", "USD", 50_000 * 10**6, token2="vault.share")
    run(world, 30)
    assert legs(world)[:2] == (0.0, 0.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [("enter = -0.1\n", "it must not be above enter = -0.1"), ('perpetuals = "market"\n', "a venue of perpetuals")],
    ids=["leave", "venue"],
)
def test_wrong_settings_say_what_is_allowed(settings, words):
    key = settings.split(" =")[0]
    text = "\n".join(line for line in PERP.split("\n") if not line.startswith(f"{key} ="))
    with pytest.raises(ConfigError) as found:
        make_world(DEPTH, STILL, text + settings, people("t", 1, USD=1.0))
    assert words in str(found.value)
