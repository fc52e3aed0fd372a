"""The ledger: exact, conserved, never overdrawn; refused moves write nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError, InvariantError, LedgerError
from sim.ledger import NEGATIVE, OVERDRAWN, OVERFLOW, POSTED, Ledger
from sim.tokens import EXTERNAL, Accounts, TokenKind, Tokens
from sim.units import MAX_ATOMS

BANK, ANN, BOB = 1, 2, 3
MONEY, RECEIPT, DEBT = range(3)


def make_ledger(keep_postings=True):
    """Three tokens (money, a claim on a bank, a debt to it) and accounts external, bank, people[0..2]."""
    tokens, accounts = Tokens(), Accounts()
    bank = accounts.declare("bank").lo
    accounts.declare("people", 3)
    tokens.declare("USD", TokenKind.BASE, 6)
    tokens.declare("bank.receipt", TokenKind.CLAIM, 6, bank, 0)
    tokens.declare("bank.debt", TokenKind.DEBT, 6, bank, 0)
    return Ledger(tokens, accounts, keep_postings)


moves = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(-5, 60) | st.just(MAX_ATOMS - 1),
        st.integers(1, 9),
    ),
    max_size=60,
)


def allowed(balance, token, account):
    """Whether an account may hold what it holds."""
    issuer = EXTERNAL if token == MONEY else BANK
    if token == DEBT:
        return balance >= 0 if account == issuer else balance <= 0
    return account == issuer or balance >= 0


@given(moves)
def test_any_moves_keep_rows_at_zero_signs_right_and_the_journal_complete(sequence):
    ledger = make_ledger()
    for token, src, dst, amount, event in sequence:
        before = ledger.balance.copy()
        status = int(ledger.attempt(token, src, dst, amount, event)[0])
        expected = before.copy()
        if status == POSTED:
            expected[token, src] -= amount
            expected[token, dst] += amount
        assert np.array_equal(ledger.balance, expected)
    assert not ledger.residuals().any()
    assert all(allowed(value, *place) for place, value in np.ndenumerate(ledger.balance))
    assert np.array_equal(ledger.replay(), ledger.balance)
    assert len(ledger.journal()) == ledger.postings


@given(moves)
def test_a_batch_is_all_or_nothing(sequence):
    ledger = make_ledger()
    ledger.move(MONEY, EXTERNAL, [BANK, ANN, BOB], 50, 1)
    src, dst, amount = (np.array([row[k] for row in sequence], dtype=np.int64) for k in (1, 2, 3))
    before, postings = ledger.balance.copy(), ledger.postings
    trial = make_ledger()
    trial.move(MONEY, EXTERNAL, [BANK, ANN, BOB], 50, 1)
    refused = trial.attempt(MONEY, src, dst, amount, 2).any()
    if refused:
        with pytest.raises(LedgerError):
            ledger.move(MONEY, src, dst, amount, 2)
        assert np.array_equal(ledger.balance, before)
        assert ledger.postings == postings
    else:
        ledger.move(MONEY, src, dst, amount, 2)
        assert np.array_equal(ledger.balance, trial.balance)
    assert np.array_equal(ledger.replay(), ledger.balance)


@pytest.mark.parametrize(
    ("token", "src", "dst", "status"),
    [
        (MONEY, EXTERNAL, ANN, POSTED),  # the world outside issues money
        (MONEY, ANN, BOB, OVERDRAWN),
        (MONEY, BANK, ANN, OVERDRAWN),  # a bank does not
        (RECEIPT, BANK, ANN, POSTED),  # it issues receipts
        (RECEIPT, EXTERNAL, ANN, OVERDRAWN),
        (RECEIPT, ANN, BANK, OVERDRAWN),
        (DEBT, ANN, BANK, POSTED),  # the debtor stands below zero
        (DEBT, ANN, BOB, OVERDRAWN),  # only the lender stands above
        (DEBT, BANK, ANN, OVERDRAWN),
        (DEBT, EXTERNAL, BANK, POSTED),
    ],
)
def test_who_may_stand_below_zero_depends_on_the_token(token, src, dst, status):
    ledger = make_ledger()
    assert ledger.attempt(token, src, dst, 10, 0).tolist() == [status]


def test_debts_are_repaid_to_zero_and_no_further():
    ledger = make_ledger()
    ledger.move(DEBT, ANN, BANK, 10, 0)
    assert ledger.attempt(DEBT, BANK, ANN, 11, 0)[0] == OVERDRAWN
    ledger.move(DEBT, BANK, ANN, 10, 0)
    assert not ledger.balance.any()


@pytest.mark.parametrize("amount", [MAX_ATOMS, 2**63 - 1])
def test_amounts_near_the_edge_of_int64_do_not_wrap(amount):
    ledger = make_ledger()
    ledger.move(MONEY, EXTERNAL, ANN, 1_000, 0)
    assert ledger.attempt(MONEY, EXTERNAL, ANN, amount, 0)[0] == OVERFLOW
    assert ledger.balance[MONEY].tolist() == [-1_000, 0, 1_000, 0, 0]


def test_no_balance_reaches_two_to_the_sixty_two():
    ledger = make_ledger()
    ledger.move(MONEY, EXTERNAL, ANN, MAX_ATOMS - 1, 0)
    assert ledger.attempt(MONEY, EXTERNAL, BOB, 1, 0)[0] == OVERFLOW  # external would stand at -2^62
    with pytest.raises(LedgerError, match=r"more than 2\^62 atoms in one balance"):
        ledger.move(MONEY, EXTERNAL, ANN, 1, 0)


def test_negative_amounts_are_refused():
    ledger = make_ledger()
    ledger.move(MONEY, EXTERNAL, ANN, 5, 0)
    assert ledger.attempt(MONEY, BOB, ANN, -5, 0)[0] == NEGATIVE
    with pytest.raises(LedgerError, match="a negative amount"):
        ledger.move(MONEY, BOB, ANN, -5, 0)


def test_refusals_name_token_accounts_and_balances():
    ledger = make_ledger()
    ledger.move(MONEY, EXTERNAL, ANN, 5, 0)
    expected = (
        r"moving 6 atoms of USD from people\[0\] to bank would be an overdraft: people\[0\] holds 5, bank holds 0"
    )
    with pytest.raises(LedgerError, match=expected):
        ledger.move(MONEY, ANN, BANK, 6, 0)


@pytest.mark.parametrize("amount", [1.0, np.float64(2), [0.5], True, None])
def test_amounts_that_are_no_integers_are_refused(amount):
    ledger = make_ledger()
    with pytest.raises(LedgerError, match=r"accounts, amounts and events are integers \(atoms\); found"):
        ledger.move(MONEY, EXTERNAL, ANN, amount, 0)


@pytest.mark.parametrize(("src", "dst", "wrong"), [(-1, ANN, -1), (EXTERNAL, 5, 5), (EXTERNAL, [ANN, 99], 99)])
def test_accounts_that_do_not_exist_are_refused(src, dst, wrong):
    for post in (make_ledger().move, make_ledger().attempt):
        with pytest.raises(LedgerError, match=f"account {wrong} does not exist; accounts run from 0 to 4"):
            post(MONEY, src, dst, 1, 0)


@pytest.mark.parametrize("token", [-1, 3])
def test_tokens_that_do_not_exist_are_refused(token):
    with pytest.raises(LedgerError, match=f"token {token} does not exist; tokens run from 0 to 2"):
        make_ledger().move(token, EXTERNAL, ANN, 1, 0)


def test_arguments_broadcast_and_rows_are_posted_in_order():
    ledger = make_ledger()
    status = ledger.attempt(MONEY, [EXTERNAL, ANN, ANN], [ANN, BOB, BOB], [10, 6, 6], [1, 2, 3])
    assert status.tolist() == [POSTED, POSTED, OVERDRAWN]
    assert ledger.journal().tolist() == [[1, MONEY, EXTERNAL, ANN, 10], [2, MONEY, ANN, BOB, 6]]
    ledger.move(MONEY, EXTERNAL, [ANN, BOB], 4, 9)
    assert ledger.balance[MONEY].tolist() == [-18, 0, 8, 10, 0]


def test_empty_batches_do_nothing():
    ledger = make_ledger()
    nobody = np.empty(0, dtype=np.int64)
    ledger.move(MONEY, EXTERNAL, nobody, nobody, 0)
    assert ledger.postings == 0


def test_balances_cannot_be_written_from_outside():
    ledger = make_ledger()
    for array in (ledger.balance, ledger.balance[0], ledger.balance[:, 1:3]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 1


def test_the_journal_grows_and_is_not_kept_unless_asked():
    ledger = make_ledger()
    for _ in range(3):
        ledger.move(MONEY, EXTERNAL, np.full(1_000, ANN), 1, 0)
    assert len(ledger.journal()) == 3_000
    assert np.array_equal(ledger.replay(), ledger.balance)
    silent = make_ledger(keep_postings=False)
    silent.move(MONEY, EXTERNAL, ANN, 1, 0)
    assert silent.postings == 1
    assert len(silent.journal()) == 0
    with pytest.raises(InvariantError, match=r"set record.postings = true"):
        silent.replay()


def test_tokens_and_accounts_know_their_names():
    ledger = make_ledger()
    assert ledger.tokens["bank.debt"].underlying == MONEY
    assert [token.name for token in ledger.tokens.assets] == ["USD"]
    assert ledger.tokens.scales.tolist() == [1e6] * 3
    assert [ledger.accounts.label(account) for account in range(5)] == [
        "external",
        "bank",
        *(f"people[{i}]" for i in range(3)),
    ]
    with pytest.raises(ConfigError, match=r'unknown token "UST"; did you mean "USD"\? Allowed: USD, bank.debt'):
        ledger.tokens["UST"]
    with pytest.raises(ConfigError, match='two tokens are named "USD"'):
        ledger.tokens.declare("USD", TokenKind.BASE, 6)
    with pytest.raises(ConfigError, match='two owners of accounts are named "bank"'):
        ledger.accounts.declare("bank")
    with pytest.raises(ConfigError, match="account 5 does not exist; accounts run from 0 to 4"):
        ledger.accounts.owner_of(5)


def test_owners_without_accounts_take_no_column():
    accounts = Accounts()
    assert accounts.declare("nobody", 0) == accounts.owners[-1]
    assert accounts.declare("somebody").lo == 1
    assert accounts.owner_of(1).name == "somebody"
