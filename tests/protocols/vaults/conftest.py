"""Small worlds with an options venue and a vault on it."""

import numpy as np
import pytest

from sim import exposure
from tests.worlds import DEPTH, STILL, Act, do, holding, make_world, people

OPTIONS = """
[[protocols]]
name = "options"
kind = "options"
every = "1d"
expiries = 2
{exchange}
[[protocols.underlyings]]
asset = "ETH"
strikes = [0.8, 0.85, 0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1, 1.15, 1.2]
{underlying}
"""
ETH, USD = 10**8, 10**6
COVERED = "[[protocols.collateral]]\nasset = 'ETH'\nhaircut = 0.0\n"


def vault_world(kind, *more, asset="USD", exchange="", underlying="", settings="", process=STILL, sets=(), count=3):
    """Savers `t` with 100 ETH and 100,000 USD each, an options venue and the vault `vault`; two hours to a tick."""
    coin = 'settlement = "coin"' in underlying
    own = OPTIONS.format(exchange=exchange, underlying=underlying) + ("" if coin else COVERED)
    market = 'market = "market"' if asset == "ETH" and not coin else ""
    vault = (
        f'[[protocols]]\nname = "vault"\nkind = "{kind}"\nasset = "{asset}"\noptions = "options"\n'
        f'underlying = "ETH"\nepoch = "1d"\n{market}\n{settings}\n'
    )
    savers = people("t", count, ETH=100.0, USD=100_000.0)
    return make_world(DEPTH, process, own, vault, savers, *more, sets=("run.ticks=60", "run.dt=2h", *sets))


def deposit(world, amount, row=0):
    """Queue a deposit of atoms of the vault's asset."""
    asset = world.protocol("vault").asset
    return do(world, "t", Act.MINT, "vault", asset, amount, row=row, token2="vault.share")


def check_share_price(world):
    """Share price times supply is net assets, and everybody's wealth adds up to nothing."""
    vault = world.protocol("vault")
    exposure.revalue(world)
    shares = vault.shares(world) / 10.0**vault.decimals
    net = vault.net_usd(world, world.prices.values)
    assert world.prices.values[vault.share] * shares == pytest.approx(max(net, 0.0) if shares else 0.0, rel=1e-12)
    wealth = exposure.wealth_by_account(world)
    assert abs(wealth.sum()) < 1e-9 * np.abs(wealth).sum() + 1e-3
    return net


@pytest.fixture
def tools():
    """The helpers of this file."""

    class Tools:
        world, deposit, check, held = map(staticmethod, (vault_world, deposit, check_share_price, holding))
        eth, usd = ETH, USD

    return Tools
