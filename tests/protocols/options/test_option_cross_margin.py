"""Options and perpetuals on the same margin accounts: what is needed together is at most what is needed apart."""

import numpy as np
import pytest

from sim import exposure
from sim.events import Kind
from sim.intents import Intent
from tests.worlds import DEPTH, STILL, WILD, Act, do, make_world, people, run

PERP = """
[[protocols]]
name = "perp"
kind = "perpetuals"
insurance = 1e5
{portfolio}
[[protocols.contracts]]
name = "ETH"
underlying = "ETH"
book = {{ daily_volatility = 0.05, daily_volume = 1e6 }}
"""
OPTIONS = """
[[protocols]]
name = "options"
kind = "options"
every = "1d"
expiries = 2
volatility_shock = "grid"
{clearing}
[[protocols.underlyings]]
asset = "ETH"
"""
PORTFOLIO = "portfolio = { price_range = 0.15 }"


def both(clearing, portfolio="", process=STILL, **more):
    """A venue of perpetuals and one of options, margined together if `clearing`."""
    apart = f'margin = "portfolio"\n{portfolio}' if portfolio else ""
    opens = '[["deposit", "perp", "USD", 40000.0], ["deposit", "options", "USD", 40000.0]]'
    return make_world(
        DEPTH,
        process,
        PERP.format(portfolio=portfolio),
        OPTIONS.format(clearing='clearing = "perp"' if clearing else apart),
        people("t", 3, USD=100_000.0, opens=opens),
        sets=("run.ticks=300",),
        **more,
    )


def option(world, is_call, moneyness):
    table = world.protocol("options").table
    members = table.members(int(np.argmax(table.expiry)))
    numbers = [s for s in range(members.start, members.stop) if table.is_call[s] == is_call]
    best = min(numbers, key=lambda s: abs(table.strike[s] / table.spot[s] - moneyness))
    return world.tokens.rows[table.token[best]].name


def needed(world, account):
    """(initial, maintenance) over all margin accounts of an account, in USD."""
    found = {id(p.margin_accounts): p.margin_accounts for p in world.protocols if hasattr(p, "margin_accounts")}
    for margin in found.values():
        margin.evaluate(world)
    return np.array([[m.initial[account], m.maintenance[account]] for m in found.values()]).sum(axis=0) / 1e6


TRADES = {
    "long perp, short calls": [("perp", Act.BUY, None, 10), ("options", Act.SELL, (True, 1.05), 10)],
    "short perp, short puts": [("perp", Act.SELL, None, 10), ("options", Act.SELL, (False, 0.95), 10)],
    "long perp, long puts": [("perp", Act.BUY, None, 10), ("options", Act.BUY, (False, 1.0), 10)],
    "long perp, short puts": [("perp", Act.BUY, None, 5), ("options", Act.SELL, (False, 1.0), 10)],
}


@pytest.mark.parametrize("portfolio", ["", PORTFOLIO], ids=["standard", "portfolio"])
@pytest.mark.parametrize("trades", TRADES)
def test_margined_together_needs_no_more_than_apart(trades, portfolio):
    found = []
    for clearing in (True, False):
        world = both(clearing, portfolio)
        for venue, act, legs, size in TRADES[trades]:
            token = "perp.ETH" if legs is None else option(world, *legs)
            assert do(world, "t", act, venue, token, size * 10**8).done
        found.append(needed(world, world.population("t").lo))
    together, apart = found
    assert (together <= apart * (1.0 + 1e-6) + 1e-3).all()
    if portfolio and trades != "long perp, short puts":
        assert together[0] < 0.95 * apart[0]  # what nets is counted once


def test_money_at_one_venue_margins_trades_at_the_other():
    world = both(True)
    assert do(world, "t", Act.SELL, "options", option(world, True, 1.0), 150 * 10**8).done  # 45,000 of margin
    margin = world.protocol("options").margin_accounts
    assert margin is world.protocol("perp").margin_accounts
    margin.evaluate(world)
    assert margin.equity[world.population("t").lo] == pytest.approx(80_000e6, rel=0.02)


def test_both_engines_together_conserve_every_atom():
    world = both(True, process=WILD.replace("2.0", "5.0"))
    rng = np.random.default_rng(2)
    tokens = [*world.protocol("options").table.token.tolist(), world.tokens["perp.ETH"].index]
    where = {t: world.protocol("perp").index if t == tokens[-1] else world.protocol("options").index for t in tokens}

    def script(view, draws):
        chosen = rng.choice([*tokens, *tokens[-1:] * 5], 2).tolist()
        acts = rng.choice([Act.BUY, Act.SELL], 2)
        return [
            Intent(Act(int(a)), where[t], view.accounts, t, rng.integers(1, 90 * 10**8, view.n), limit=0.0)
            for a, t in zip(acts, chosen, strict=True)
        ]

    world.population("t").script = script
    run(world)
    assert not world.ledger.residuals().any()
    assert np.array_equal(world.ledger.replay(), world.ledger.balance)
    exposure.revalue(world)
    assert len(world.events.where(Kind.EXPIRY)) >= 28
    assert len(world.events.where(Kind.LIQUIDATION)) >= 1
    balance, margin = world.ledger.balance, world.protocol("perp").margin_accounts
    people_ = world.population("t")
    mine = np.arange(people_.lo, people_.hi)
    flat = mine[(balance[np.ix_(tokens, mine)] == 0).all(axis=0)]
    assert (balance[margin.quote, flat] >= 0).all()
