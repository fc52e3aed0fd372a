"""From a config to a world that is ready for its first tick."""

import numpy as np
import pytest

from experiments.build import build
from sim.errors import ConfigError, SpilloverError
from sim.events import Kind
from sim.intents import Act, Intent
from sim.interfaces import Endowment
from tests.worlds import (
    AMM,
    COMMON,
    DEPTH,
    LENDING,
    ORACLE,
    STILL,
    TEST_KINDS,
    WILD,
    events_of,
    make_config,
    make_world,
    people,
    run,
)

BANK = people("bank", USD=2e5, opens='[["deposit", "aave", "USD", 1e5]]')
LOAN = people(
    "loan", 2, ETH=10.0, USD=0.0, opens='[["deposit", "aave", "ETH", 10.0], ["borrow", "aave", "USD", 15000.0]]'
)


def test_the_opening_is_before_the_first_tick_and_costs_no_gas():
    world = make_world(STILL, DEPTH, AMM, LENDING, ORACLE, BANK, LOAN)
    assert world.clock.tick == -1
    assert set(world.events.column("tick").tolist()) == {-1}
    assert events_of(world, Kind.GAS)["id"] == []
    assert not world.opening
    loan = world.population("loan")
    assert world.ledger.balance[world.native, loan.lo : loan.hi].tolist() == [world.gas_reserve] * 2


def test_everything_is_marked_and_valued_before_anybody_decides():
    world = make_world(STILL, DEPTH, AMM, LENDING, ORACLE, BANK, LOAN)
    views = {actor.population.name: actor.view for actor in world.actors}
    assert views["loan"].health("aave") == pytest.approx([16_600 / 15_000] * 2)
    assert views["loan"].wealth() == pytest.approx([20_000 + 0.5 * 2_000] * 2)
    assert world.opening_wealth[world.population("bank").lo] == pytest.approx(200_000 + 1_000)
    assert world.prices.history[0].tolist() == pytest.approx([1.0, 2000.0])


def test_the_opening_is_credited_to_nobody():
    lp = people("lp", USD=1e6, ETH=500.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
    world = make_world(STILL, DEPTH, AMM, lp)
    run(world, 1)
    assert world.flows.table()["tick"].size == 0


def test_starting_positions_that_a_protocol_refuses_are_the_configs_mistake():
    greedy = LOAN.replace("15000.0", "16700.0")
    message = (
        r"agents\.loan: 2 starting positions were refused by protocol \"aave\": the account's collateral would not "
        "cover its debt; change the sizes, or the deposits and liquidity that other agents bring"
    )
    with pytest.raises(ConfigError, match=message):
        make_world(STILL, DEPTH, LENDING, ORACLE, BANK, greedy)
    with pytest.raises(
        ConfigError, match=r'agents\.loan: 2 starting positions were refused by protocol "aave": the pool has no cash'
    ):
        make_world(STILL, DEPTH, LENDING, ORACLE, LOAN)


def test_loans_may_open_between_the_borrowing_limit_and_liquidation():
    edge = LOAN.replace("15000.0", "16500.0")  # the limit is 16,000, the threshold 16,600
    world = make_world(STILL, DEPTH, LENDING, ORACLE, BANK, edge)
    assert events_of(world, Kind.BREACH)["id"] == []


def test_nobody_opens_with_a_liquidation(monkeypatch):
    def endow(self, view, rng):
        sent = Intent(Act.LIQUIDATE, view.venue("aave"), view.accounts, 0, 1, 1, subject=view.accounts)
        return Endowment(balances={}, intents=[sent])

    monkeypatch.setattr(TEST_KINDS["scripted"], "endow", endow)
    with pytest.raises(SpilloverError, match='population "bank" cannot open with LIQUIDATE'):
        make_world(STILL, DEPTH, LENDING, ORACLE, BANK)


def test_the_numeraire_comes_first_and_gas_is_paid_in_the_first_coin_unless_named():
    late = COMMON.replace(
        '[[assets]]\nname = "ETH"', '[[assets]]\nname = "SOL"\nprice = 100.0\n[[assets]]\nname = "ETH"'
    )
    processes = '[[processes]]\nname = "all"\nkind = "gbm"\nassets = ["SOL", "ETH"]\n'
    world = build(make_config(late, processes, DEPTH))
    assert [token.name for token in world.tokens.assets] == ["USD", "SOL", "ETH"]
    assert world.tokens.rows[world.native].name == "SOL"
    world = build(make_config(late, processes, DEPTH, sets=["chain.native=ETH"]))
    assert world.tokens.rows[world.native].name == "ETH"


def test_the_reference_price_is_that_of_the_market_that_is_named():
    lp = people("lp", USD=1e6, ETH=500.0, opens='[["add_liquidity", "amm", "ETH", 100.0]]')
    world = make_world(WILD, DEPTH, AMM, lp, sets=["assets.ETH.market=amm"])
    run(world)
    assert np.ptp(world.prices.history[:, 1]) == 0.0  # nobody trades in the pool
    assert np.ptp(world.prices.log_market[:1] - np.log(world.prices.fundamental_history[-1, 1])) == 0.0
    with pytest.raises(ConfigError, match='the asset does not trade on "aave"'):
        make_world(WILD, DEPTH, LENDING, ORACLE, sets=["assets.ETH.market=aave"])


def test_a_replication_has_its_own_path_and_the_same_opening():
    worlds = [make_world(WILD, DEPTH, LENDING, ORACLE, BANK, LOAN, replication=k) for k in (0, 0, 3)]
    paths = [world.prices.fundamental[:, 1].tolist() for world in worlds]
    assert paths[0] == paths[1] != paths[2]
    assert np.array_equal(worlds[0].ledger.balance, worlds[2].ledger.balance)


def test_code_that_fails_before_the_first_tick_is_located(spillover, home):
    (home / "hasty.py").write_text(
        "from sim.interfaces import AllocationRule\nfrom sim.registry import component\n\n\n"
        '@component("rule", "hasty")\nclass Hasty(AllocationRule):\n    """Fails."""\n\n'
        '    def weights(self, view):\n        raise ValueError("not now")\n'
    )
    (home / "hasty.toml").write_text(
        'extends = "toy.toml"\n\n[[agents]]\nname = "funds"\nkind = "allocator"\ncount = 2\nassets = ["ETH"]\n'
        'rule = { kind = "hasty" }\ntrigger = { kind = "calendar", every = "1h" }\nvenues = ["market"]\n'
        "wealth_usd = { mean = 1e4, spread = 0.0 }\n"
    )
    code, _, err = spillover("run", "hasty.toml", "--plugin", "hasty.py", "--out", "here")
    assert code == 2 and 'population "funds" failed at its opening: ValueError: not now (' in err
    assert "hasty.py:10)" in err and not (home / "here").exists()
