"""Fire sales of leveraged units: the published toy, conservation of its parts, and what happens round by round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sim.math.systemic.fire_sales import fire_sale, rebalancing_matrix, spectral_radius

ASSETS = np.array([[50.0, 50.0], [40.0, 160.0]])
EQUITY = np.array([10.0, 10.0])
IMPACT = np.full(2, 1e-4)
SHOCK = np.array([-0.1, 0.0])
USD = st.floats(0.0, 1e3)
TABLE = arrays(np.float64, (4, 3), elements=USD)


def test_toy_of_two_banks_and_two_assets():
    found = fire_sale(ASSETS, EQUITY, IMPACT, SHOCK)
    assert found.direct == pytest.approx(0.45, abs=1e-12)
    assert found.aggregate == pytest.approx(0.104430, abs=1e-9)
    assert found.systemicness == pytest.approx([0.03375, 0.07068], abs=1e-9)
    assert found.indirect == pytest.approx([0.0605, 0.14836], abs=1e-9)


@given(TABLE, TABLE, arrays(np.float64, 4, elements=st.floats(-10.0, 500.0).map(lambda usd: round(usd, 6))))
def test_parts_sum_to_the_whole(assets, owed, equity):
    found = fire_sale(assets, equity, np.array([0.0, 1e-5, 1e-4]), np.full(3, -0.1), owed, most_leverage=30.0)
    if equity.max() > 0.0:
        largest = np.abs(found.systemicness).max()
        assert found.systemicness.sum() == pytest.approx(found.aggregate, rel=1e-9, abs=1e-9 * largest)
        losses = np.where(equity > 0.0, found.indirect * equity, 0.0).sum() / np.maximum(equity, 0.0).sum()
        if (equity > 0.0).all():
            assert losses == pytest.approx(found.aggregate, rel=1e-9, abs=1e-9 * largest)


@pytest.mark.parametrize(
    ("equity", "impact"), [(ASSETS.sum(axis=1), IMPACT), (EQUITY, np.zeros(2))], ids=["no_debt", "no_impact"]
)
def test_without_leverage_or_impact_nothing_spreads(equity, impact):
    found = fire_sale(ASSETS, equity, impact, SHOCK)
    assert found.aggregate == 0.0
    assert found.direct > 0.0
    assert not rebalancing_matrix(ASSETS, equity, impact).any()


def test_who_owes_the_asset_gains_from_its_fall():
    short = np.array([[0.0, 0.0], [0.0, 20.0]])
    found = fire_sale(np.array([[50.0, 50.0], [90.0, 0.0]]), np.array([10.0, 70.0]), IMPACT, SHOCK, short)
    assert found.indirect[0] > 0.0
    alone = fire_sale(np.array([[50.0, 50.0], [0.0, 0.0]]), np.array([10.0, 70.0]), IMPACT, SHOCK, short)
    assert alone.indirect[1] < 0.0


def test_leverage_counts_up_to_its_limit_and_the_insolvent_sell_nothing():
    once = fire_sale(ASSETS, EQUITY, IMPACT, SHOCK, most_leverage=9.0)
    assert once.systemicness == pytest.approx([0.03375, 0.07068 * 9.0 / 19.0])
    broke = fire_sale(ASSETS, np.array([10.0, -5.0]), IMPACT, SHOCK)
    assert broke.systemicness[1] == 0.0
    assert np.isnan(broke.indirect[1])


def test_rounds_of_sales_are_powers_of_the_rebalancing_matrix():
    matrix = rebalancing_matrix(ASSETS, EQUITY, IMPACT)
    assert -ASSETS.sum(axis=0) @ matrix @ SHOCK / EQUITY.sum() == pytest.approx(0.104430, abs=1e-9)
    second = fire_sale(ASSETS, EQUITY, IMPACT, matrix @ SHOCK).aggregate
    assert -ASSETS.sum(axis=0) @ matrix @ matrix @ SHOCK / EQUITY.sum() == pytest.approx(second, rel=1e-12)


def test_of_one_asset_the_eigenvalue_is_debt_times_impact_over_equity_times_assets():
    assets, equity, impact = np.array([[200.0]]), np.array([20.0]), np.array([5e-4])
    radius = spectral_radius(rebalancing_matrix(assets, equity, impact))
    assert radius == pytest.approx(5e-4 * 200.0 * 9.0)
    rounds = sum(radius**n for n in range(2_000))
    assert rounds == pytest.approx(1.0 / (1.0 - radius))


def test_an_unknown_impact_is_not_a_number():
    assert np.isnan(spectral_radius(np.array([[np.nan]])))
