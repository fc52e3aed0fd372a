"""Health scans against exact rational arithmetic, and every kernel against its NumPy twin, bit for bit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from protocols.lending.kernels import BLOCK, SEARCH, borrowing_power, breaching, scan_health, scan_health_emode
from sim.jit import KERNELS

SIZES = [0, 1, 7, BLOCK - 1, BLOCK, 2 * BLOCK + 3]


def twin(kernel_name: str):
    return KERNELS[f"protocols.lending.kernels.{kernel_name}"].twin


def market(collaterals: int, debts: int, accounts: int, seed: int = 0):
    """Balances with many empty accounts, values and thresholds of a random market; rows are not in token order."""
    rng = np.random.default_rng(seed)
    tokens = collaterals + debts + 2
    balance = rng.integers(0, 10**13, (tokens, accounts)) * (rng.random((tokens, accounts)) < 0.7)
    rows = rng.permutation(tokens)[: collaterals + debts]
    a_rows, d_rows = rows[:collaterals], rows[collaterals:]
    balance[d_rows] *= -1
    values = rng.uniform(1e-7, 1e-5, collaterals), rng.uniform(1e-7, 1e-5, debts)
    return balance, a_rows, d_rows, *values, rng.uniform(0.4, 0.95, (4, collaterals)), rng


def exact_health(balance, a_rows, d_rows, coll_value, debt_value, lt, account) -> Fraction | None:
    weighted = sum(
        int(balance[row, account]) * Fraction(float(value)) * Fraction(float(threshold))
        for row, value, threshold in zip(a_rows, coll_value, lt, strict=True)
    )
    debt = sum(
        -int(balance[row, account]) * Fraction(float(value)) for row, value in zip(d_rows, debt_value, strict=True)
    )
    return Fraction(weighted) / debt if debt else None


def assert_close_to_exact(health, exact) -> None:
    assert (exact is None) == bool(np.isinf(health))
    if exact is not None:
        assert abs(Fraction(float(health)) - exact) <= exact * Fraction(1, 10**14)


@pytest.mark.parametrize(("collaterals", "debts"), [(1, 1), (1, 2), (3, 1), (6, 6)])
def test_scan_equals_exact_arithmetic(collaterals, debts):
    *args, lt, _ = market(collaterals, debts, 200)
    health = np.empty(200)
    below = scan_health(*args, lt[0], 0, 200, health)
    exact = [exact_health(*args, lt[0], account) for account in range(200)]
    for got, want in zip(health, exact, strict=True):
        assert_close_to_exact(got, want)
    assert below == sum(want is not None and want < 1 for want in exact)


def test_emode_scan_equals_exact_arithmetic():
    *args, lt, rng = market(3, 2, 200)
    category = rng.integers(0, 4, 200).astype(np.uint8)
    health = np.empty(200)
    scan_health_emode(*args, lt, category, 0, 200, health)
    for account, got in enumerate(health):
        assert_close_to_exact(got, exact_health(*args, lt[category[account]], account))


@pytest.mark.jit
@pytest.mark.parametrize("accounts", SIZES)
@pytest.mark.parametrize(("collaterals", "debts"), [(1, 1), (2, 1), (3, 4)])
def test_scan_and_twin_agree_bit_for_bit(collaterals, debts, accounts):
    *args, lt, _ = market(collaterals, debts, accounts, seed=accounts)
    ours, theirs = np.empty(accounts), np.empty(accounts)
    assert scan_health(*args, lt[0], 0, accounts, ours) == twin("scan_health")(*args, lt[0], 0, accounts, theirs)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.jit
@pytest.mark.parametrize("accounts", SIZES)
@pytest.mark.parametrize(("collaterals", "debts"), [(1, 1), (3, 4)])
@pytest.mark.parametrize("moded", [0.0, 1e-4, 0.5])
def test_emode_scan_and_twin_agree_bit_for_bit(collaterals, debts, accounts, moded):
    *args, lt, rng = market(collaterals, debts, accounts, seed=accounts)
    category = (rng.integers(1, 4, accounts) * (rng.random(accounts) < moded)).astype(np.uint8)
    ours, theirs = np.empty(accounts), np.empty(accounts)
    count = scan_health_emode(*args, lt, category, 0, accounts, ours)
    assert count == twin("scan_health_emode")(*args, lt, category, 0, accounts, theirs)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("collaterals", "debts"), [(1, 1), (3, 2)])
def test_without_modes_both_scans_are_the_same(collaterals, debts):
    *args, lt, _ = market(collaterals, debts, BLOCK + 5)
    plain, moded = np.empty(BLOCK + 5), np.empty(BLOCK + 5)
    nobody = np.zeros(BLOCK + 5, dtype=np.uint8)
    below = scan_health(*args, lt[0], 0, BLOCK + 5, plain)
    assert scan_health_emode(*args, lt, nobody, 0, BLOCK + 5, moded) == below
    np.testing.assert_array_equal(plain, moded)


def test_only_the_accounts_asked_for_are_written():
    *args, lt, _ = market(2, 2, 50)
    whole, part = np.empty(50), np.full(50, -1.0)
    scan_health(*args, lt[0], 0, 50, whole)
    below = scan_health(*args, lt[0], 11, 37, part)
    np.testing.assert_array_equal(part[11:37], whole[11:37])
    assert (part[:11] == -1).all()
    assert (part[37:] == -1).all()
    assert below == np.count_nonzero(whole[11:37] < 1)


def test_permuting_accounts_permutes_health():
    balance, *args, lt, rng = market(3, 3, 300)
    order = rng.permutation(300)
    before, after = np.empty(300), np.empty(300)
    scan_health(balance, *args, lt[0], 0, 300, before)
    scan_health(np.ascontiguousarray(balance[:, order]), *args, lt[0], 0, 300, after)
    np.testing.assert_array_equal(after, before[order])


@given(
    atoms=hnp.arrays(np.int64, 4, elements=st.integers(0, 10**15)),
    factor=st.floats(0.01, 100.0),
    which=st.integers(0, 3),
)
def test_health_is_monotone_in_every_price(atoms, factor, which):
    balance = (atoms * [1, 1, -1, -1])[:, None]
    values = np.array([3e-6, 2e-6, 1e-6, 5e-6])
    moved = values * np.where(np.arange(4) == which, factor, 1.0)
    rows, lt, health = np.arange(4), np.array([0.8, 0.7]), np.empty(1)
    outcomes = []
    for value in (values, moved):
        scan_health(balance, rows[:2], rows[2:], value[:2], value[2:], lt, 0, 1, health)
        outcomes.append(health[0])
    better = (factor >= 1) == (which < 2)
    assert (outcomes[1] >= outcomes[0]) if better else (outcomes[1] <= outcomes[0])


@given(
    health=hnp.arrays(np.float64, st.integers(0, 3 * SEARCH), elements=st.sampled_from([0.5, 1.0, 1.5, np.inf])),
    cut=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    room=st.integers(0, 3 * SEARCH),
    threshold=st.sampled_from([0.5, 1.0, 1.2]),
)
def test_breaching_collects_in_order_what_fits(health, cut, room, threshold):
    lo, hi = sorted(int(part * health.size) for part in cut)
    expected = [account for account in range(lo, hi) if health[account] < threshold]
    for search in (breaching, twin("breaching")):
        out = np.full(room, -1)
        assert search(health, lo, hi, threshold, out) == len(expected)
        np.testing.assert_array_equal(out[: len(expected)], expected[:room])


@pytest.mark.parametrize("seed", range(3))
def test_borrowing_power_equals_exact_arithmetic(seed):
    balance, a_rows, d_rows, coll_value, debt_value, ltv, rng = market(3, 2, 100, seed)
    category = rng.integers(0, 4, 100).astype(np.uint8)
    accounts = rng.permutation(100)[:40]
    power, again = np.empty(40), np.empty(40)
    args = (balance, a_rows, d_rows, coll_value, debt_value, ltv, category, accounts)
    borrowing_power(*args, power)
    twin("borrowing_power")(*args, again)
    np.testing.assert_array_equal(power, again)
    for account, got in zip(accounts, power, strict=True):
        parts = [
            int(balance[row, account]) * Fraction(float(coll_value[r])) * Fraction(float(ltv[category[account], r]))
            for r, row in enumerate(a_rows)
        ] + [int(balance[row, account]) * Fraction(float(debt_value[r])) for r, row in enumerate(d_rows)]
        assert float(got) == pytest.approx(float(sum(parts)), abs=1e-14 * float(sum(map(abs, parts))))
