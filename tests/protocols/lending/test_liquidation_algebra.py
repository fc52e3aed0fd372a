"""The algebra every liquidation must obey (Warmuz-Chaudhary-Pinna 2022; Qin et al. 2021), through the kernels.

C is collateral and D debt in USD, LT the threshold, b the bonus, LTV = D / C.
"""

from dataclasses import replace

import numpy as np
import pytest

from protocols.lending import liquidation_kernels as lq
from protocols.lending.rules import AAVE_V2, AAVE_V3_3

HALVES = replace(AAVE_V2, version="aave_v2 with deficits", deficit=True)
"""Close factor 50% until healthy or empty, and what nothing backs is booked: the rule of the papers."""
TRILLIONTH = {"decimals": [12, 12]}
WHOLE = 2**61


@pytest.mark.parametrize("ltv", [0.90, 0.95])
def test_below_the_critical_ltv_repeated_liquidation_restores_health(pair_book, ltv):
    book = pair_book(100.0, 100.0 * ltv, rules=HALVES, **TRILLIONTH)
    assert book.health()[0] < 1
    _, deficit = book.liquidate()
    collateral, debt = book.usd()
    assert deficit.sum() == 0
    assert debt > 0
    assert book.health()[0] > 1
    assert collateral - 1.05 * debt == pytest.approx(100 * (1 - 1.05 * ltv), abs=1e-9)


@pytest.mark.parametrize(("ltv", "bad_debt"), [(0.9524, 0.0019048), (0.96, 0.7619048), (1.0, 4.7619048)])
@pytest.mark.parametrize("rules", [HALVES, AAVE_V3_3], ids=lambda rules: rules.version)
def test_above_the_critical_ltv_liquidation_ends_in_bad_debt(pair_book, ltv, bad_debt, rules):
    book = pair_book(100.0, 100.0 * ltv, rules=rules, **TRILLIONTH)
    _, deficit = book.liquidate()
    assert book.usd() == (0.0, 0.0)
    assert deficit[1] / 1e12 == pytest.approx(bad_debt, abs=1e-7)
    assert deficit[1] / 1e12 == pytest.approx(100 * ltv - 100 / 1.05, abs=1e-9)


def test_under_v2_the_same_bad_debt_stays_with_the_account(pair_book):
    book = pair_book(100.0, 96.0, rules=AAVE_V2, **TRILLIONTH)
    _, deficit = book.liquidate()
    assert deficit.sum() == 0
    assert book.usd() == (0.0, pytest.approx(0.7619048, abs=1e-7))


@pytest.mark.parametrize(("ltv", "direction"), [(0.90, -1), (0.9523, -1), (1 / 1.05, 0), (0.9524, 1), (0.96, 1)])
def test_one_liquidation_worsens_ltv_exactly_above_one_over_one_plus_bonus(pair_book, ltv, direction):
    book = pair_book(100.0, 100.0 * ltv, rules=HALVES, **TRILLIONTH)
    collateral, debt = book.usd()
    request = np.array([0, 0, 1, WHOLE])
    quotes, deficits = book.quotes([request])
    book.apply(request, quotes[0], deficits[0])
    after = book.usd()
    change = after[1] / after[0] - debt / collateral
    assert abs(change) < 1e-11 if direction == 0 else change * direction > 1e-6


def test_repay_that_restores_health(pair_book):
    amount = lq.repay_to_health(136_000.0, 110_000.0, 0.8, 0.05)
    assert amount == pytest.approx(7_500.0, rel=1e-12)
    for rules in (AAVE_V2, AAVE_V3_3):
        book = pair_book(136_000.0, 110_000.0, rules=rules)
        [whole], _ = book.quotes([[0, 0, 1, WHOLE]])
        assert whole[lq.REPAY] == 55_000 * 10**6
        request = np.array([0, 0, 1, 7_500 * 10**6])
        quotes, deficits = book.quotes([request])
        assert quotes[0, lq.REPAY] == 7_500 * 10**6
        book.apply(request, quotes[0], deficits[0])
        assert book.health()[0] == pytest.approx(1.0, abs=1e-10)


def test_restoring_repay_at_its_ends():
    amounts = lq.repay_to_health(
        [136_000.0, 200.0, 100.0, 0.0], [110_000.0, 100.0, 99.0, 5.0], [0.8, 0.8, 0.96, 0.8], 0.05
    )
    np.testing.assert_allclose(amounts, [7_500.0, 0.0, 99.0, 5.0])
    assert lq.repay_to_health(136_000.0, 110_000.0, 0.8, 0.05, target=1.05) > 7_500.0


@pytest.mark.parametrize(("drop", "eligible", "loses"), [
    (0.0350, False, False), (0.0351, True, False), (0.0741, True, False), (0.0742, True, True),
])  # fmt: skip
def test_a_twelvefold_loop_is_eligible_at_3_51_and_loses_at_7_42_percent(pair_book, drop, eligible, loses):
    health0 = 0.95 * 12 / 11
    assert 1 - 1 / health0 == pytest.approx(0.03509, abs=5e-6)
    assert 1 - 1.01 * 0.95 / health0 == pytest.approx(0.07417, abs=5e-6)
    book = pair_book(12e6, 11e6, threshold=0.95, bonus=0.01, price=[1.0 - drop, 1.0])
    assert (book.health()[0] < 1) == eligible
    [quote], _ = book.quotes([[0, 0, 1, WHOLE]])
    assert (quote[lq.STATUS] == lq.OK) == eligible
    _, deficit = book.liquidate()
    assert (deficit.sum() > 0) == loses


@pytest.mark.parametrize("rules", [AAVE_V2, AAVE_V3_3], ids=lambda rules: rules.version)
@pytest.mark.parametrize(("threshold", "bonus"), [(0.80, 0.05), (0.83, 0.05), (0.61, 0.083), (0.95, 0.05)])
def test_on_a_continuous_path_nothing_is_lost(pair_book, rules, threshold, bonus):
    """LT (1 + b) < 1: between two small steps the collateral always covers debt and bonus."""
    step = 0.5 * (1 - threshold * (1 + bonus))
    book = pair_book(1e6, 0.99e6 * threshold, threshold, bonus, rules=rules, decimals=[9, 9])
    done, lost = 0, 0
    for price in np.exp(np.arange(0, -3, np.log1p(-min(step, 0.01)))):
        book.market[[lq.PRICE, lq.COLL_VALUE], 0] = price, price * 1e-9
        count, deficit = book.liquidate()
        done, lost = done + count, lost + deficit.sum()
        collateral, debt = book.usd()
        assert debt <= collateral
    assert done >= 10
    assert lost == 0


def test_the_same_fall_in_one_jump_does_lose(pair_book):
    book = pair_book(1e6, 0.79e6, price=[np.exp(-3), 1.0])
    _, deficit = book.liquidate()
    assert deficit[1] / 1e6 == pytest.approx(0.79e6 - 1e6 * np.exp(-3) / 1.05, rel=1e-9)
