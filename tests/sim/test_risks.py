"""Every strategy says what it is exposed to first of all."""

import pytest

from sim.registry import kinds, lookup
from sim.risks import RISKS, primary_risks
from tests.worlds import load_components

load_components()
SEEDS = {
    "carry": "counterparty",
    "carry_vault": "counterparty",
    "leveraged_longs": "liquidation",
    "leveraged_traders": "liquidation",
    "allocator": "directional",
    "covered_call_vault": "directional",
    "depositors": "smart contract",
    "liquidity_providers": "impermanent loss",
    "theta_harvesters": "tail",
    "put_selling_vault": "tail",
    "vega_weighted": "IV shift",
    "volatility_arbitrageurs": "IV shift",
}
"""The rows of the comparison that this project began with: strategy -> primary risk."""


@pytest.mark.parametrize("kind", kinds("population"))
def test_every_population_declares_a_known_primary_risk(kind):
    assert lookup("population", kind).risk in RISKS


@pytest.mark.parametrize("kind", [kind for kind in kinds("protocol") if kind.endswith("_vault")])
def test_every_vault_declares_a_known_primary_risk(kind):
    assert lookup("protocol", kind).risk in RISKS


def test_the_table_has_the_rows_of_the_comparison():
    found = primary_risks()
    assert {kind: found[kind] for kind in SEEDS} == SEEDS
    assert set(SEEDS.values()) == {
        "counterparty", "liquidation", "directional", "smart contract", "impermanent loss", "tail", "IV shift",
    }  # fmt: skip
