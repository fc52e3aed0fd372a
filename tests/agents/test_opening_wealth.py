"""What borrowers and longs are worth in a real world: their equity, whatever they have borrowed."""

import numpy as np
import pytest

from tests.worlds import DEPTH, LENDING, ORACLE, STILL, make_world, people

SAVER = people("saver", USD=1e7, opens='[["deposit", "aave", "USD", 9e6]]')
LOANS = """
[[agents]]
name = "debtors"
kind = "{kind}"
count = {count}
protocol = "aave"
collateral = "ETH"
debt = "USD"
venue = "market"
{settings}
"""


def wealth(world, name):
    population = world.population(name)
    return world.opening_wealth[population.lo : population.hi]


def gas_usd(world):
    return world.gas_reserve / 1e8 * 2000.0


@pytest.mark.parametrize("leverage", [1.5, 3.0])
@pytest.mark.parametrize("permute", [{}, {"debtors": 5}])
def test_a_long_is_worth_its_equity_and_gas_at_any_leverage(leverage, permute):
    settings = f"equity_usd = {{ total = 1e5 }}\nleverage = [{leverage}, {leverage}]"
    world = make_world(
        STILL, DEPTH, LENDING, ORACLE, SAVER, LOANS.format(kind="leveraged_longs", count=20, settings=settings),
        permute=permute,
    )  # fmt: skip
    worth = wealth(world, "debtors") - gas_usd(world)
    assert worth.sum() == pytest.approx(1e5, rel=1e-6)
    population = world.population("debtors")
    owed = -world.ledger.balance[world.tokens["aave.debt.USD"].index, population.lo : population.hi] / 1e6
    np.testing.assert_allclose(owed, (leverage - 1.0) * worth, rtol=1e-4)
    assert not world.ledger.balance[0, population.lo : population.hi].any()


def test_a_borrower_is_worth_its_equity_gas_and_reserve():
    settings = "debt_usd = { total = 1e5 }\nhealth = [[0.0, 1.66]]\nreserve = 0.2"
    world = make_world(
        STILL, DEPTH, LENDING, ORACLE, SAVER, LOANS.format(kind="borrowers", count=15, settings=settings)
    )
    # 1.66 / 0.83 = 2 of collateral for each dollar of debt, and 0.2 beside it
    worth = wealth(world, "debtors") - gas_usd(world)
    assert worth.sum() == pytest.approx(1e5 * (2.0 - 1.0 + 0.2), rel=1e-5)
