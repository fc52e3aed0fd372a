"""Quotes: the published examples, every refusal, exact rational arithmetic, and who may never lose an atom."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.lending import liquidation_kernels as lq
from protocols.lending.kernels import scan_health_emode
from protocols.lending.rules import AAVE_V2, AAVE_V3_3
from protocols.lending.tables import rule_vector
from sim.jit import KERNELS

WHOLE = 2**61
VERSIONS = pytest.mark.parametrize("rules", [AAVE_V2, AAVE_V3_3], ids=lambda rules: rules.version)


def usd(atoms: int) -> float:
    return atoms / 1e6


def quote_pair(book, wanted: int = WHOLE):
    [quote], [deficits] = book.quotes([[0, 0, 1, wanted]])
    return quote, deficits


@pytest.mark.parametrize(
    ("debt", "health", "repay", "seized", "deficit"),
    [
        (85_000, 0.976471, 42_500, 44_625, 0),
        (88_000, 0.943182, 88_000, 92_400, 0),
        (97_000, 0.855670, 95_238.095238, 100_000, 1_761.904762),
    ],
)
def test_v3_partial_full_and_insolvent(pair_book, debt, health, repay, seized, deficit):
    book = pair_book(100_000, debt, threshold=0.83)
    assert book.health()[0] == pytest.approx(health, abs=1e-6)
    quote, deficits = quote_pair(book)
    assert quote[lq.STATUS] == lq.OK
    assert usd(quote[lq.REPAY]) == pytest.approx(repay, abs=2e-6)
    assert usd(quote[lq.SEIZED]) == pytest.approx(seized, abs=2e-6)
    assert usd(quote[lq.FEE]) == pytest.approx((seized - repay) * 0.1, abs=2e-6)
    assert usd(deficits[1]) == pytest.approx(deficit, abs=2e-6)
    assert quote[lq.EMPTIED] == (deficit > 0)


def test_v3_example_after_the_partial_liquidation(pair_book):
    book = pair_book(100_000, 85_000, threshold=0.83)
    quote, deficits = quote_pair(book)
    assert usd(quote[lq.FEE]) == pytest.approx(212.5, abs=2e-6)
    book.apply([0, 0, 1, WHOLE], quote, deficits)
    assert book.health()[0] == pytest.approx(1.081441, abs=1e-6)


def test_v2_takes_half_the_reserve_debt_and_no_fee_at_any_health(pair_book):
    for debt in (85_000, 97_000, 150_000):
        quote, deficits = quote_pair(pair_book(100_000, debt, threshold=0.83, rules=AAVE_V2))
        assert usd(quote[lq.REPAY]) == debt / 2
        assert usd(quote[lq.SEIZED]) == pytest.approx(debt / 2 * 1.05, abs=1e-6)
        assert (quote[lq.FEE], quote[lq.FEE_RECEIPTS], deficits.any()) == (0, 0, False)


def test_close_factor_is_of_all_debt_in_v3_and_of_the_reserve_in_v2(open_book, reserve):
    reserves = [reserve("COIN", 0.83), reserve("A"), reserve("B")]
    for rules, first, second in ((AAVE_V3_3, 30_000, 42_500), (AAVE_V2, 15_000, 27_500)):
        book = open_book([[100_000], [0], [0]], [[0], [30_000], [55_000]], reserves, rules)
        quotes, _ = book.quotes([[0, 0, 1, WHOLE], [0, 0, 2, WHOLE]])
        np.testing.assert_array_equal(quotes[:, lq.REPAY], np.array([first, second]) * 10**6)


@pytest.mark.parametrize(("collateral", "debt"), [(2_050, 1_850), (1_900, 1_700)])
def test_small_positions_close_fully_in_v3(pair_book, collateral, debt):
    book = pair_book(collateral, debt, threshold=0.88)
    assert 0.95 < book.health()[0] < 1
    quote, _ = quote_pair(book)
    assert usd(quote[lq.REPAY]) == debt


def test_every_refusal(open_book, reserve):
    reserves = [reserve("COIN", 0.83), reserve("USD"), replace(reserve("GHO"), collateral=False)]
    collateral = [[100_000, 100_000, 2_200, 0], [0, 0, 0, 0], [5, 0, 0, 0]]
    debt = [[0, 0, 0, 0], [85_000, 70_000, 2_210 * 0.83, 10], [0, 0, 0, 0]]
    book = open_book(collateral, debt, reserves)
    requests = {
        (0, 0, 1, WHOLE): lq.OK,
        (1, 0, 1, WHOLE): lq.HEALTHY,
        (0, 2, 1, WHOLE): lq.NOT_COLLATERAL,
        (3, 0, 1, WHOLE): lq.NOT_COLLATERAL,
        (0, 0, 2, WHOLE): lq.NO_DEBT,
        (0, 0, 1, 0): lq.NOTHING,
        (0, 0, 1, 1): lq.NOTHING,
        (0, 0, 1, -5): lq.NOTHING,
        (2, 0, 1, 1_500 * 10**6): lq.DUST,
    }
    quotes, deficits = book.quotes(list(requests))
    np.testing.assert_array_equal(quotes[:, lq.STATUS], list(requests.values()))
    assert not quotes[1:, lq.REPAY :].any()
    assert not deficits.any()
    assert len(lq.STATUS_TEXT) == 1 + max(requests.values())


def test_leaving_a_thousand_on_both_sides_is_allowed_and_less_is_not(pair_book):
    book = pair_book(100_000, 85_000, threshold=0.83)
    book.rule[lq.CLOSE_FACTOR] = 1.0
    for left, status in ((1_000, lq.OK), (999, lq.DUST), (0, lq.OK)):
        assert quote_pair(book, (85_000 - left) * 10**6)[0][lq.STATUS] == status
    thin = pair_book(90_200, 85_000, threshold=0.83)
    for repay, status in ((84_000, lq.OK), (84_970, lq.DUST)):
        assert quote_pair(thin, repay * 10**6)[0][lq.STATUS] == status


def test_deficit_of_every_debt_is_booked_only_when_no_collateral_is_left_anywhere(open_book, reserve):
    reserves = [reserve("A"), reserve("B"), reserve("C")]
    for other, emptied in ((0.0, 1), (3.0, 0)):
        book = open_book([[1_000], [other], [0]], [[0], [800], [700.000001]], reserves, debt_index=[1, 1, 1.5])
        [quote], [deficits] = book.quotes([[0, 0, 2, WHOLE]])
        assert quote[lq.EMPTIED] == emptied
        owed = 1_050_000_002  # 700.000001 * 1.5, rounded up
        assert quote[lq.DEBT_BURNED] == (700_000_001 if emptied else floor(quote[lq.REPAY] / 1.5))
        np.testing.assert_array_equal(deficits, np.array([0, 800 * 10**6, owed - quote[lq.REPAY]]) * emptied)


def test_under_v2_an_emptied_account_keeps_its_debt(open_book, reserve):
    book = open_book([[100], [0]], [[0], [300]], [reserve("A"), reserve("B")], AAVE_V2)
    quote, deficits = quote_pair(book)
    assert (quote[lq.EMPTIED], quote[lq.SEIZED], quote[lq.RECEIPTS_BURNED]) == (1, 10**8, 10**8)
    assert quote[lq.DEBT_BURNED] == quote[lq.REPAY] == ceil(Fraction(10**8) / Fraction(1.05))
    assert not deficits.any()


def test_efficiency_mode_uses_its_own_threshold_and_bonus(pair_book):
    book = pair_book(100_000, 97_000, threshold=0.83)
    book.terms = np.concatenate([book.terms, book.terms], axis=1)
    book.terms[[lq.THRESHOLD, lq.BONUS], 1, 0] = 0.96, 0.01
    book.category[:] = 1
    quote, deficits = quote_pair(book)
    assert usd(quote[lq.REPAY]) == 48_500
    assert usd(quote[lq.SEIZED]) == pytest.approx(48_500 * 1.01, abs=1e-6)
    assert not deficits.any()


# ------------------------------------------------------------------------------------ random accounts of random markets


def crowd(open_book, reserve, rules, seed: int, accounts: int = 60, reserves: int = 4):
    """Accounts around and below health 1, some with hardly anything, some with two categories."""
    rng = np.random.default_rng(seed)
    settings = [
        reserve(f"R{r}", rng.uniform(0.5, 0.9), 0.01 + 0.01 * r, protocol_fee=0.05 * r) for r in range(reserves)
    ]
    settings[-1] = replace(settings[-1], collateral=False)
    collateral = 10 ** rng.uniform(-5, 6, (reserves, accounts)) * (rng.random((reserves, accounts)) < 0.6)
    debt = 10 ** rng.uniform(-5, 6, (reserves, accounts)) * (rng.random((reserves, accounts)) < 0.5)
    book = open_book(
        collateral, debt, settings, rules, price=list(10 ** rng.uniform(-1, 3, reserves)), decimals=[6, 8, 7, 6],
        supply_index=list(1 + rng.random(reserves)), debt_index=list(1 + rng.random(reserves)),
    )  # fmt: skip
    book.terms = np.concatenate([book.terms, book.terms * [[[1.0]], [[1.05]], [[0.5]], [[1.0]]]], axis=1)
    book.category[:] = rng.integers(0, 2, accounts)
    tuned = np.flatnonzero(rng.random(accounts) < 0.7)
    aimed(book, tuned, rng.uniform(0.85, 1.0, tuned.size))
    return book, rng


def aimed(book, accounts, health) -> None:
    """Scale the debts of accounts so that their health becomes what is asked for."""
    owed = -book.balance[book.d_rows][:, accounts] * book.market[lq.DEBT_VALUE][:, None]
    weights = (book.market[lq.COLL_VALUE] * book.terms[lq.THRESHOLD, book.category[accounts]]).T
    backing = (book.balance[book.a_rows][:, accounts] * weights).sum(axis=0)
    owes = np.maximum(owed.sum(axis=0), 1e-9)
    factor = np.minimum(backing / owes / health, 1e6)
    for row in book.d_rows:
        book.balance[row, accounts] = np.rint(book.balance[row, accounts] * factor)


def every_request(book, rng) -> np.ndarray:
    n, r = book.balance.shape[1], book.a_rows.size
    account, c, d = np.indices((n, r, r)).reshape(3, -1)
    wanted = np.where(rng.random(account.size) < 0.5, WHOLE, (10 ** rng.uniform(0, 13, account.size)).astype(np.int64))
    return np.column_stack([account, c, d, wanted])


def exact_quote(book, request, rules) -> dict[str, int]:
    """The documented rules in rational arithmetic, one account at a time."""
    account, c, d, wanted = (int(x) for x in request)
    price, unit, supply, debt_index = (
        [Fraction(float(x)) for x in book.market[row]] for row in (lq.PRICE, lq.UNIT, lq.SUPPLY_INDEX, lq.DEBT_INDEX)
    )
    _, lt, bonus, fee_share = ([Fraction(float(x)) for x in row] for row in book.terms[:, book.category[account]])
    held = [int(x) for x in book.balance[book.a_rows, account]]
    owed = [-int(x) for x in book.balance[book.d_rows, account]]
    reserves = range(len(held))
    debt_usd = sum(owed[r] * debt_index[r] * price[r] / unit[r] for r in reserves)
    health = sum(held[r] * supply[r] * price[r] / unit[r] * lt[r] for r in reserves) / debt_usd if debt_usd else 1
    collateral, debt = floor(held[c] * supply[c]), ceil(owed[d] * debt_index[d])
    if health >= 1:
        return {"status": lq.HEALTHY}
    if lt[c] == 0 or collateral == 0:
        return {"status": lq.NOT_COLLATERAL}
    if debt == 0:
        return {"status": lq.NO_DEBT}
    to_c, to_d = price[c] / unit[c], price[d] / unit[d]
    smallest = min(collateral * to_c, debt * to_d)
    most = debt
    if rules is AAVE_V2:
        most = (debt + 1) // 2
    elif smallest >= 2_000 and health > Fraction(0.95):
        most = min(debt, floor(debt_usd / 2 / to_d))
    repay = min(wanted, most)
    seized = floor(floor(repay * to_d / to_c) * (1 + bonus[c]))
    price_of_all = ceil(collateral * to_c / to_d / (1 + bonus[c]))
    if repay >= price_of_all:
        seized, repay = collateral, price_of_all
    fee = ceil((seized - floor(seized / (1 + bonus[c]))) * fee_share[c]) if rules is AAVE_V3_3 else 0
    if repay < 1 or seized - fee < 1:
        return {"status": lq.NOTHING}
    left_debt, left_collateral = debt - repay, collateral - seized
    if rules is AAVE_V3_3 and left_debt and left_collateral and min(left_debt * to_d, left_collateral * to_c) < 1_000:
        return {"status": lq.DUST}
    others = any(r != c and lt[r] and held[r] * supply[r] * price[r] / unit[r] >= Fraction(1, 10**8) for r in reserves)
    emptied = left_collateral * to_c < Fraction(1, 10**8) and not others
    left = [ceil(owed[r] * debt_index[r]) - (repay if r == d else 0) for r in reserves]
    return {
        "status": lq.OK, "repay": repay, "seized": seized, "fee": fee, "emptied": int(emptied),
        "deficits": left if emptied and rules is AAVE_V3_3 else [0 for r in reserves],
    }  # fmt: skip


@VERSIONS
def test_quotes_equal_exact_arithmetic_to_an_atom(open_book, reserve, rules):
    book, rng = crowd(open_book, reserve, rules, seed=1)
    requests = every_request(book, rng)
    quotes, deficits = book.quotes(requests)
    seen = Counter()
    for request, quote, deficit in zip(requests, quotes, deficits, strict=True):
        exact = exact_quote(book, request, rules)
        assert quote[lq.STATUS] == exact["status"]
        seen[exact["status"]] += 1
        if exact["status"] == lq.OK:
            slack = 1 + exact["seized"] * 1e-15
            assert abs(quote[lq.REPAY] - exact["repay"]) <= slack
            assert abs(quote[lq.SEIZED] - exact["seized"]) <= slack
            assert abs(quote[lq.FEE] - exact["fee"]) <= slack
            assert quote[lq.EMPTIED] == exact["emptied"]
            np.testing.assert_allclose(deficit, exact["deficits"], rtol=1e-15, atol=1.0)
    assert {lq.OK, lq.HEALTHY, lq.NOT_COLLATERAL, lq.NO_DEBT, lq.NOTHING} <= set(seen)
    assert (lq.DUST in seen) == (rules is AAVE_V3_3)


@VERSIONS
@given(seed=st.integers(0, 2**32 - 1))
def test_nobody_takes_more_than_the_rules_give(open_book, reserve, rules, seed):
    book, rng = crowd(open_book, reserve, rules, seed, accounts=12)
    requests = every_request(book, rng)
    quotes, deficits = book.quotes(requests)
    ok = quotes[:, lq.STATUS] == lq.OK
    account, c, d, wanted = requests[ok].T
    quotes, deficits = quotes[ok], deficits[ok]
    repay, seized, fee = quotes[:, lq.REPAY], quotes[:, lq.SEIZED], quotes[:, lq.FEE]
    receipts, scaled_debt = book.balance[book.a_rows[c], account], -book.balance[book.d_rows[d], account]
    supply_index, debt_index = book.market[lq.SUPPLY_INDEX, c], book.market[lq.DEBT_INDEX, d]
    debt, collateral = np.ceil(scaled_debt * debt_index), np.floor(receipts * supply_index)
    growth = 1 + book.terms[lq.BONUS, book.category[account], c]
    assert (repay <= np.minimum(debt, wanted)).all()
    assert (repay >= 1).all()
    if rules is AAVE_V2:
        assert (repay <= debt / 2 + 0.5).all()
    assert (seized <= collateral).all()
    bonus = seized - np.floor(seized / growth)
    assert ((fee >= 0) & (fee <= bonus) & (seized - fee >= 1)).all()
    paid = repay * book.market[lq.PRICE, d] / book.market[lq.UNIT, d]
    atom = book.market[lq.PRICE, c] / book.market[lq.UNIT, c]
    assert (seized * atom <= paid * growth * (1 + 1e-12)).all()
    burned, left, to_treasury = quotes[:, lq.DEBT_BURNED], quotes[:, lq.RECEIPTS_BURNED], quotes[:, lq.FEE_RECEIPTS]
    assert ((burned >= 0) & (burned <= scaled_debt)).all()
    assert ((left >= 1) & (to_treasury >= 0) & (left + to_treasury <= receipts)).all()
    assert (left * supply_index >= (seized - fee) * (1 - 1e-15)).all()
    booked = burned * debt_index - repay - deficits[np.arange(len(d)), d]
    assert (booked <= debt * 1e-15).all()
    assert ((left + to_treasury == receipts) == (seized == collateral)).all() or (supply_index > 1).any()
    assert (deficits >= 0).all()
    requests[ok, lq.WANTED] = repay
    np.testing.assert_array_equal(book.quotes(requests[ok])[0], quotes)


@pytest.mark.jit
@VERSIONS
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("accounts", [1, 50])
def test_quotes_and_pairs_agree_with_their_twins_bit_for_bit(open_book, reserve, rules, seed, accounts):
    book, rng = crowd(open_book, reserve, rules, seed, accounts)
    requests = every_request(book, rng)
    quotes, deficits = book.quotes(requests)
    again, deficits_again = quotes.copy(), deficits.copy()
    again[:], deficits_again[:] = -9, -9
    KERNELS["protocols.lending.liquidation_kernels.liquidation_quotes"].twin(
        *book.inputs, requests, again, deficits_again
    )
    np.testing.assert_array_equal(quotes, again)
    np.testing.assert_array_equal(deficits, deficits_again)
    best = book.best(*range(accounts))
    twin = np.empty_like(best)
    quotes = np.empty((accounts, lq.QUOTE_FIELDS), np.int64)
    KERNELS["protocols.lending.liquidation_kernels.best_pairs"].twin(*book.inputs, np.arange(accounts), twin, quotes)
    np.testing.assert_array_equal(best, twin)


@VERSIONS
def test_what_the_scan_flags_is_what_may_be_liquidated(open_book, reserve, rules):
    book, _ = crowd(open_book, reserve, rules, seed=3, accounts=500)
    health = np.empty(500)
    values = book.market[lq.COLL_VALUE], book.market[lq.DEBT_VALUE], book.terms[lq.THRESHOLD]
    scan_health_emode(book.balance, book.a_rows, book.d_rows, *values, book.category, 0, 500, health)
    quotes, _ = book.quotes([[account, 0, 1, WHOLE] for account in range(500)])
    np.testing.assert_array_equal(quotes[:, lq.STATUS] == lq.HEALTHY, health >= 1)


@VERSIONS
@pytest.mark.parametrize("seed", range(3))
def test_best_pair_beats_every_other_executable_pair(open_book, reserve, rules, seed):
    book, rng = crowd(open_book, reserve, rules, seed)
    requests = every_request(book, rng)
    requests[:, lq.WANTED] = WHOLE
    quotes, _ = book.quotes(requests)
    worth = (
        quotes[:, lq.REPAY] * book.market[lq.PRICE, requests[:, lq.DEBT]] / book.market[lq.UNIT, requests[:, lq.DEBT]]
    )
    most = worth.reshape(60, -1).max(axis=1)
    best = book.best(*range(60))
    found = best[:, lq.COLLATERAL] >= 0
    assert found[most > 0].all()
    chosen, _ = book.quotes(best[found])
    assert (chosen[:, lq.STATUS] == lq.OK).all()
    d = best[found, lq.DEBT]
    assert (chosen[:, lq.REPAY] * book.market[lq.PRICE, d] / book.market[lq.UNIT, d] >= most[found]).all()


def test_ties_go_to_the_first_reserves(open_book, reserve):
    reserves = [reserve(name) for name in "ABCD"]
    book = open_book([[0], [50], [50], [0]], [[0], [0], [45], [45]], reserves)
    np.testing.assert_array_equal(book.best(0)[0, :3], [0, 1, 2])


def test_a_pair_that_would_leave_dust_is_offered_the_most_that_leaves_none(open_book, reserve):
    book = open_book([[26_200], [0], [0]], [[0], [10_500], [10_600]], [reserve(name) for name in "ABC"])
    assert 0.95 < book.health()[0] < 1
    whole, _ = book.quotes([[0, 0, 1, WHOLE], [0, 0, 2, WHOLE]])
    np.testing.assert_array_equal(whole[:, lq.STATUS], [lq.OK, lq.DUST])
    thin = open_book([[26_200], [0], [0]], [[0], [10_560], [10_600]], [reserve(name) for name in "ABC"])
    thin.rule[lq.CLOSE_FACTOR] = 0.49
    [request] = thin.best(0)
    [quote], _ = thin.quotes([request])
    assert request[lq.DEBT] == 2
    assert usd(quote[lq.REPAY]) == pytest.approx(9_600, abs=1e-5)
    [more], _ = thin.quotes([[0, 0, 2, request[lq.WANTED] + 10]])
    assert (quote[lq.STATUS], more[lq.STATUS]) == (lq.OK, lq.DUST)


def test_nothing_is_offered_for_healthy_empty_or_worthless_accounts(open_book, reserve):
    book = open_book([[100, 0, 0], [0, 0, 0]], [[0, 0, 0], [50, 10, 0]], [reserve("A"), reserve("B")])
    np.testing.assert_array_equal(book.best(2, 1, 0), [[2, -1, -1, 0], [1, -1, -1, 0], [0, -1, -1, 0]])
    book.market[[lq.PRICE, lq.COLL_VALUE], 0] = 0.0
    assert book.health()[0] == 0.0
    np.testing.assert_array_equal(book.best(0), [[0, -1, -1, 0]])


@VERSIONS
def test_a_worthless_pair_is_no_pair_even_if_other_debt_is_worth_something(open_book, reserve, rules):
    settings, price = [reserve("A"), reserve("B"), reserve("C")], [0.0, 0.0, 1.0]
    book = open_book([[100], [0], [10]], [[0], [100], [50]], settings, rules, price=price)
    quotes, _ = book.quotes([[0, 0, 1, WHOLE], [0, 0, 2, WHOLE], [0, 2, 1, WHOLE], [0, 2, 2, WHOLE]])
    np.testing.assert_array_equal(quotes[:, lq.STATUS], [lq.NOTHING, lq.NOTHING, lq.NOTHING, lq.OK])
    np.testing.assert_array_equal(book.best(0)[0, :3], [0, 2, 2])


def test_amounts_beyond_exact_floats_never_pass_a_balance(open_book, reserve):
    book = open_book([[0], [0]], [[0], [0]], [reserve("A"), reserve("B")], supply_index=[1.3, 1], debt_index=[1, 1.7])
    book.balance[:, 0] = [2**61 - 1, 0, 0, -(2**60 - 1)]
    book.rule[:] = rule_vector(replace(AAVE_V3_3, close_factor=1.0))
    quote, deficits = quote_pair(book, WHOLE * 2 - 1)
    book.apply([0, 0, 1, WHOLE], quote, deficits)
    assert (book.balance[:2, 0] >= 0).all()
    assert (book.balance[2:, 0] <= 0).all()
