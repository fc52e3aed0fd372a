"""Who holds whose claims, and what claims are worth, nested and in circles."""

from dataclasses import field

import numpy as np
import pytest

from experiments.build import build
from experiments.config import load
from sim import exposure, registry
from sim.errors import InvariantError
from sim.intents import Act
from sim.interfaces import Protocol
from sim.registry import component
from sim.tokens import EXTERNAL, TokenKind
from tests.worlds import (
    AMM,
    COMMON,
    DEPTH,
    LENDING,
    ORACLE,
    STILL,
    TEST_KINDS,
    do,
    holding,
    make_world,
    own_registry,
    people,
)

with own_registry():

    @component("protocol", "fund")
    class Fund(Protocol):
        """Holds what it is given and has issued shares; nothing ever happens in it."""

        holds: dict[str, float] = field(default_factory=dict)
        supply: float = 0.0

        def declare(self, world):
            super().declare(world)
            self.token = world.tokens.declare(f"{self.name}.share", TokenKind.CLAIM, 6, self.account).index

        def open(self, world):
            world.ledger.move(self.token, self.account, EXTERNAL, int(self.supply * 1e6), 0)

        def stock(self, world):
            """Take what the settings name: money from outside, shares from whoever has them there."""
            for name, whole in self.holds.items():
                token = world.tokens[name]
                world.ledger.move(token.index, EXTERNAL, self.account, round(whole * 10.0**token.decimals), 0)


def funds(tmp_path, *holds, supply=100.0, market=STILL + DEPTH):
    """A world of funds a, b, c... that hold these tokens, each with some shares outside."""
    tables = [
        f'[[protocols]]\nname = "{name}"\nkind = "fund"\nsupply = {supply}\nholds = {{ {inside} }}\n'
        for name, inside in zip("abcdef", holds, strict=False)
    ]
    file = tmp_path / "funds.toml"
    file.write_text("\n".join([COMMON, market, *tables, people("ann", 2, USD=5.0)]))
    with own_registry():
        registry._components["protocol"]["fund"] = Fund
        registry._components["population"] |= TEST_KINDS
        config = load(file)
    world = build(config)
    for protocol in world.protocols:
        if isinstance(protocol, Fund):
            protocol.stock(world)
    exposure.revalue(world)
    return world


def value(world, token):
    return float(world.prices.values[world.tokens[token].index])


def test_a_share_is_worth_what_stands_behind_it(tmp_path):
    world = funds(tmp_path, "USD = 50.0, ETH = 0.25")
    assert value(world, "a.share") == pytest.approx((50.0 + 0.25 * 2000.0) / 100.0)


def test_nested_funds_are_worth_what_is_inside_at_the_bottom(tmp_path):
    world = funds(tmp_path, '"b.share" = 40.0', '"c.share" = 30.0, USD = 10.0', "ETH = 0.5")
    c = 0.5 * 2000.0 / 100.0
    b = (30.0 * c + 10.0) / 100.0
    assert value(world, "c.share") == pytest.approx(c)
    assert value(world, "b.share") == pytest.approx(b)
    assert value(world, "a.share") == pytest.approx(0.4 * b)


def test_funds_that_hold_each_other_reach_the_fixed_point(tmp_path):
    world = funds(tmp_path, 'USD = 60.0, "b.share" = 50.0', 'USD = 20.0, "a.share" = 30.0')
    # 100 a = 60 + 50 b and 100 b = 20 + 30 a
    a, b = np.linalg.solve([[100.0, -50.0], [-30.0, 100.0]], [60.0, 20.0])
    assert value(world, "a.share") == pytest.approx(a, rel=1e-12)
    assert value(world, "b.share") == pytest.approx(b, rel=1e-12)


def test_look_through_equals_opening_by_hand_in_a_circle(tmp_path):
    world = funds(tmp_path, 'USD = 60.0, "b.share" = 50.0', 'ETH = 0.01, "a.share" = 30.0')
    ann = world.population("ann").lo
    world.ledger.move(world.tokens["a.share"].index, EXTERNAL, ann, 10_000_000, 0)
    exposure.revalue(world)
    found = exposure.look_through(world, "ann")
    # An a.share opens into 0.6 USD and half a b.share, that into 0.0001 ETH and 0.3 a.share, and so on: 1 / (1 - 0.15).
    loops = 1.0 / (1.0 - 0.5 * 0.3)
    gas = 2 * world.gas_reserve / 1e8 * 2000.0
    assert found["USD"] == pytest.approx(10.0 + 10.0 * 0.6 * loops)
    assert found["ETH"] == pytest.approx(gas + 10.0 * 0.5 * 0.0001 * loops * 2000.0)
    names = [owner.name for owner in world.accounts.owners]
    assert sum(found.values()) == pytest.approx(exposure.wealth_by_owner(world)[names.index("ann")])


def test_look_through_of_pool_shares_and_receipts_adds_up_to_wealth():
    world = make_world(
        STILL, DEPTH, AMM, LENDING, ORACLE,
        people("lp", 2, USD=2e5, ETH=100.0, opens='[["add_liquidity", "amm", "ETH", 50.0]]'),
        people("bob", 1, ETH=20.0, opens='[["deposit", "aave", "ETH", 20.0], ["borrow", "aave", "USD", 9000.0]]'),
        people("saver", 1, USD=5e4, opens='[["deposit", "aave", "USD", 4e4]]'),
    )  # fmt: skip
    wealth = dict(zip((owner.name for owner in world.accounts.owners), exposure.wealth_by_owner(world), strict=True))
    assert sum(exposure.look_through(world, "lp").values()) == pytest.approx(wealth["lp"], rel=1e-9)
    assert exposure.look_through(world, "lp").keys() == {"USD", "ETH"}
    saver = exposure.look_through(world, "saver")
    assert saver["aave.debt.USD"] == pytest.approx(9000.0)  # part of the receipt is bob's loan
    assert saver["USD"] == pytest.approx(5e4 - 9000.0)
    assert sum(saver.values()) == pytest.approx(wealth["saver"], rel=1e-9)
    assert sum(wealth.values()) == pytest.approx(0.0, abs=1e-6)  # every claim is somebody's liability


def test_the_network_runs_from_holders_to_issuers_and_from_lenders_to_debtors():
    world = make_world(
        STILL, DEPTH, LENDING, ORACLE,
        people("bob", 2, ETH=20.0, opens='[["deposit", "aave", "ETH", 20.0], ["borrow", "aave", "USD", 9000.0]]'),
        people("saver", 1, USD=5e4, opens='[["deposit", "aave", "USD", 4e4]]'),
    )  # fmt: skip
    edges = {(edge.holder, edge.issuer, edge.token): edge.usd for edge in exposure.network(world)}
    assert edges == pytest.approx(
        {
            ("bob", "aave", "aave.receipt.ETH"): 80_000.0,
            ("saver", "aave", "aave.receipt.USD"): 40_000.0,
            ("aave", "bob", "aave.debt.USD"): 18_000.0,
        },
        rel=1e-9,
    )


def test_wealth_by_account_and_by_owner_agree():
    world = make_world(
        STILL, DEPTH, AMM, people("lp", 3, USD=2e5, ETH=10.0, opens='[["add_liquidity", "amm", "ETH", 5.0]]')
    )
    do(world, "lp", Act.SWAP, "market", "ETH", 10**8, token2="USD")
    exposure.revalue(world)
    each = exposure.wealth_by_account(world)
    owners = world.accounts.owners
    by_owner = [each[owner.lo : owner.hi].sum() for owner in owners]
    assert exposure.wealth_by_owner(world) == pytest.approx(by_owner, abs=1e-6)
    assert each[world.population("lp").lo + 1] == pytest.approx(2e5 + 10.5 * 2000.0, rel=1e-3)
    assert holding(world, "lp", "USD") > holding(world, "lp", "USD", row=1)


def test_values_that_never_settle_or_are_no_numbers_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(exposure, "MAX_PASSES", 50)
    with pytest.raises(InvariantError, match=r"claims \['a.share', 'b.share'\] found no value in 50 passes"):
        funds(tmp_path, 'USD = 60.0, "b.share" = 100.0', 'USD = 20.0, "a.share" = 100.0')
    world = funds(tmp_path, "USD = 1.0")
    monkeypatch.setattr(world.protocol("a"), "unit_value", lambda *args: float("nan"))
    with pytest.raises(InvariantError, match=r"a.share is worth nan; a claim or debt has a finite value"):
        exposure.revalue(world)
