"""Real configurations of Aave v3 Ethereum parse, pass the checks and give the figures governance set."""

import json
from pathlib import Path

import pytest

from protocols.lending import liquidation_kernels as lq
from protocols.lending.aave_report import read_aave_report
from protocols.lending.tables import terms_table
from sim.errors import ConfigError

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "lending"
FILES = {"2023-06-18": 17, "2025": 48}


def load(name: str):
    path = FOLDER / f"aave_v3_ethereum_config_{name}.json"
    if not path.exists():
        pytest.skip("the recorded Aave configurations are not beside the project (../shared/data/lending)")
    return read_aave_report(json.loads(path.read_text()))


@pytest.mark.parametrize(("name", "count"), FILES.items())
def test_every_reserve_and_category_passes_its_check(name, count):
    reserves, categories = load(name)
    assert len(reserves) == count
    faulty = {item.asset: item.check() for item in reserves} | {item.label: item.check() for item in categories}
    assert {name: faults for name, faults in faulty.items() if faults} == {}


def test_figures_of_2025():
    reserves, categories = load("2025")
    by_name = {reserve.asset: reserve for reserve in reserves}
    weth, crv, gho = by_name["WETH"], by_name["CRV"], by_name["GHO"]
    assert (weth.ltv, weth.liquidation_threshold, weth.liquidation_bonus) == (0.805, 0.83, 0.05)
    assert (weth.slope1, weth.slope2, weth.optimal_utilisation, weth.reserve_factor) == (0.027, 0.8, 0.9, 0.15)
    assert (weth.supply_cap, weth.borrow_cap, weth.debt_ceiling) == (3e6, 2.7e6, None)
    assert (by_name["USDC"].protocol_fee, by_name["USDC"].liquidation_bonus) == (0.2, 0.045)
    assert crv.debt_ceiling == 1e6
    assert (gho.collateral, gho.base_rate, gho.slope2) == (False, 0.05, 0.0)
    assert not by_name["FXS"].borrowable
    assert reserves[0] is weth
    assert categories[0].label == "ETH correlated"
    assert set(categories[0].collateral) >= {"wstETH", "WETH", "weETH"}
    assert categories[0].borrowable == ("WETH",)
    assert len(categories) == 16


def test_tables_of_2025_lift_ether_in_its_category():
    reserves, categories = load("2025")
    terms = terms_table(reserves, categories)
    assert terms.shape == (lq.TERM_FIELDS, 17, 48)
    assert terms[lq.THRESHOLD, 0, 0] == 0.83
    assert terms[lq.THRESHOLD, 1, 0] == 0.95
    assert (terms[lq.THRESHOLD] * (1 + terms[lq.BONUS]) < 1).all()


def test_figures_of_2023():
    reserves, categories = load("2023-06-18")
    by_name = {reserve.asset: reserve for reserve in reserves}
    crv, wbtc = by_name["CRV"], by_name["WBTC"]
    assert (crv.ltv, crv.liquidation_threshold, crv.liquidation_bonus) == (0.55, 0.61, 0.083)
    assert wbtc.liquidation_bonus == 0.0625
    assert by_name["UNI"].debt_ceiling == 17e6
    assert categories == []


def entry(symbol: str, number: int, **change: object) -> dict[str, object]:
    base = {
        "symbol": symbol, "id": number, "ltv": 8050, "liquidationThreshold": 8300, "liquidationBonus": 10500,
        "liquidationProtocolFee": 1000, "reserveFactor": 1500, "supplyCap": 0, "borrowCap": 12, "debtCeiling": 12345,
        "borrowingEnabled": True, "usageAsCollateralEnabled": True, "isActive": True, "isFrozen": False,
        "isPaused": False,
    }  # fmt: skip
    return base | change


def test_units_order_and_flags_of_a_report():
    ray = {"baseVariableBorrowRate": "10000000000000000000000000", "variableRateSlope1": "0",
           "variableRateSlope2": "0", "optimalUsageRatio": "990000000000000000000000000"}  # fmt: skip
    mode = {"eModeCategory": 1, "label": "both", "ltv": 9000, "liquidationThreshold": 9300, "liquidationBonus": 10200,
            "collateralBitmap": "130", "borrowableBitmap": "2"}  # fmt: skip
    report = {
        "reserves": {"0xB": entry("B", 7, isFrozen=True, liquidationBonus=0), "0xA": entry("A", 1)},
        "strategies": {"0xA": ray},
        "eModes": {"1": mode},
    }
    (a, b), [category] = read_aave_report(report)
    assert (a.asset, a.ltv, a.liquidation_bonus, a.supply_cap, a.borrow_cap) == ("A", 0.805, 0.05, None, 12.0)
    assert (a.base_rate, a.optimal_utilisation, a.debt_ceiling, a.borrowable) == (0.01, 0.99, 123.45, True)
    assert (b.asset, b.borrowable, b.liquidation_bonus, b.slope1) == ("B", False, 0.0, 0.055)
    assert (category.collateral, category.borrowable, category.liquidation_bonus) == (("A", "B"), ("A",), 0.02)


def test_something_else_is_refused_by_name():
    with pytest.raises(ConfigError, match='not an Aave report: no "reserves"; found chainId, poolConfig'):
        read_aave_report({"chainId": 1, "poolConfig": {}})
