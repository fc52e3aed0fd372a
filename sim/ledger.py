"""The ledger: exact int64 balances, one row per token, every row summing to zero.

Balance sheets are its columns, conservation is its row sums, and who holds whose claims is its exposure network; none
of these is kept by hand. `post` is the only function that writes a balance. Kernels of protocols call it inside their
loops; everything else goes through `Ledger.move`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import InvariantError, LedgerError
from sim.jit import inline, kernel
from sim.tokens import Accounts, TokenKind, Tokens
from sim.units import MAX_ATOMS

POSTED, NEGATIVE, OVERDRAWN, OVERFLOW = 0, 1, 2, 3
_DEBT, _CONTRACT = int(TokenKind.DEBT), int(TokenKind.CONTRACT)
_REASONS = {NEGATIVE: "a negative amount", OVERDRAWN: "an overdraft", OVERFLOW: "more than 2^62 atoms in one balance"}


class Book(NamedTuple):
    """The ledger's arrays as kernels see them."""

    balance: NDArray[np.int64]
    """(token, account) atoms."""
    issuer: NDArray[np.int64]
    """(token,) the one account that may stand below zero, or for a debt the one that may stand above."""
    kind: NDArray[np.int8]
    """(token,) of sim.tokens.TokenKind."""
    journal: NDArray[np.int64]
    """(capacity, 5): event, token, source, destination, amount; no rows when postings are not kept."""
    cursor: NDArray[np.int64]
    """(1,) postings written so far."""


@inline
def check(book: Book, token: int, src: int, dst: int, amount: int) -> int:
    """Whether a posting would be accepted, as a status code; nothing is written."""
    if amount < 0:
        return NEGATIVE
    if amount >= MAX_ATOMS:  # before the sums below, which would wrap round
        return OVERFLOW
    issuer = book.issuer[token]
    left = book.balance[token, src] - amount
    got = book.balance[token, dst] + amount
    if book.kind[token] == _DEBT:
        if (dst != issuer and got > 0) or (src == issuer and left < 0):
            return OVERDRAWN
    elif src != issuer and left < 0 and book.kind[token] != _CONTRACT:
        return OVERDRAWN
    if got >= MAX_ATOMS or left <= -MAX_ATOMS:
        return OVERFLOW
    return POSTED


@inline
def post(book: Book, token: int, src: int, dst: int, amount: int, event: int) -> int:
    """Move `amount` atoms of `token` from `src` to `dst` for `event`; a status code. Refused moves write nothing."""
    status = check(book, token, src, dst, amount)
    if status == POSTED:
        book.balance[token, src] -= amount
        book.balance[token, dst] += amount
        if book.journal.shape[0] > 0:
            row = book.cursor[0]
            book.journal[row, 0] = event
            book.journal[row, 1] = token
            book.journal[row, 2] = src
            book.journal[row, 3] = dst
            book.journal[row, 4] = amount
        book.cursor[0] += 1
    return status


@kernel()
def post_many(
    book: Book,
    token: int,
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    amount: NDArray[np.int64],
    event: NDArray[np.int64],
    status: NDArray[np.int64],
) -> None:
    """Post one row after the other; `status` receives a code per row."""
    for i in range(status.size):
        status[i] = post(book, token, src[i], dst[i], amount[i], event[i])


class Ledger:
    """All balances of a run.

    Parameters
    ----------
    tokens, accounts: the declared rows and columns; both are final once the ledger exists.
    keep_postings: keep every posting, so that balances can be rebuilt from the journal.
    """

    def __init__(self, tokens: Tokens, accounts: Accounts, keep_postings: bool = False) -> None:
        self.tokens, self.accounts, self.keep_postings = tokens, accounts, keep_postings
        issuer = np.array([token.issuer for token in tokens.rows], dtype=np.int64)
        kind = np.array([token.kind for token in tokens.rows], dtype=np.int8)
        balance = np.zeros((len(tokens), accounts.count), dtype=np.int64)
        journal = np.zeros((1024 if keep_postings else 0, 5), dtype=np.int64)
        self._book = Book(balance, issuer, kind, journal, np.zeros(1, dtype=np.int64))
        self.balance = balance.view()
        self.balance.flags.writeable = False

    def book(self, postings: int) -> Book:
        """The arrays for a kernel that will write at most `postings` postings."""
        if self.keep_postings:
            need = int(self._book.cursor[0]) + postings
            have = self._book.journal.shape[0]
            if need > have:
                grown = np.zeros((max(need, 2 * have), 5), dtype=np.int64)
                grown[:have] = self._book.journal
                self._book = self._book._replace(journal=grown)
        return self._book

    def attempt(
        self, token: int, src: ArrayLike, dst: ArrayLike, amount: ArrayLike, event: ArrayLike
    ) -> NDArray[np.int64]:
        """Post row by row, skipping what is refused; returns the status code of each row.

        All arguments after `token` broadcast against each other; rows are posted in order.
        """
        src_, dst_, amount_, event_ = self._rows(token, src, dst, amount, event)
        status = np.empty(src_.size, dtype=np.int64)
        post_many(self.book(src_.size), token, src_, dst_, amount_, event_, status)
        return status

    def move(self, token: int, src: ArrayLike, dst: ArrayLike, amount: ArrayLike, event: ArrayLike) -> None:
        """Move atoms between accounts; all rows or none.

        Raises LedgerError naming token, accounts and amounts of the first row that would overdraw or overflow.
        """
        src_, dst_, amount_, event_ = self._rows(token, src, dst, amount, event)
        before = self._book.cursor[0]
        status = np.empty(src_.size, dtype=np.int64)
        book = self.book(src_.size)
        post_many(book, token, src_, dst_, amount_, event_, status)
        if status.any():
            done = status == POSTED
            np.add.at(book.balance[token], src_[done], amount_[done])
            np.subtract.at(book.balance[token], dst_[done], amount_[done])
            book.cursor[0] = before
            row = int(np.argmax(status != POSTED))
            raise LedgerError(self._refusal(token, int(src_[row]), int(dst_[row]), int(amount_[row]), int(status[row])))

    def _rows(self, token: int, *columns: ArrayLike) -> list[NDArray[np.int64]]:
        """Columns of equal length; LedgerError for what does not exist, which kernels would not notice."""
        rows = _rows(*columns)
        if not 0 <= token < len(self.tokens):
            raise LedgerError(f"token {token} does not exist; tokens run from 0 to {len(self.tokens) - 1}")
        for accounts in rows[:2]:
            if accounts.size and not (accounts.min() >= 0 and accounts.max() < self.accounts.count):
                wrong = int(accounts[(accounts < 0) | (accounts >= self.accounts.count)][0])
                raise LedgerError(f"account {wrong} does not exist; accounts run from 0 to {self.accounts.count - 1}")
        return rows

    def _refusal(self, token: int, src: int, dst: int, amount: int, status: int) -> str:
        name, label = self.tokens.rows[token].name, self.accounts.label
        return (
            f"moving {amount} atoms of {name} from {label(src)} to {label(dst)} would be {_REASONS[status]}: "
            f"{label(src)} holds {self.balance[token, src]}, {label(dst)} holds {self.balance[token, dst]}"
        )

    def residuals(self) -> NDArray[np.int64]:
        """(token,) row sums; every one is zero in a sound ledger."""
        return self.balance.sum(axis=1)

    @property
    def postings(self) -> int:
        """How many postings were written so far."""
        return int(self._book.cursor[0])

    def journal(self) -> NDArray[np.int64]:
        """(postings, 5): event, token, source, destination, amount, in order of writing."""
        return self._book.journal[: self.postings] if self.keep_postings else self._book.journal

    def replay(self) -> NDArray[np.int64]:
        """Balances rebuilt from the journal alone; InvariantError if postings were not kept."""
        if not self.keep_postings:
            raise InvariantError("postings were not kept; set record.postings = true to rebuild balances")
        _, token, src, dst, amount = self.journal().T
        balance = np.zeros_like(self.balance)
        np.subtract.at(balance, (token, src), amount)
        np.add.at(balance, (token, dst), amount)
        return balance


def _rows(*columns: ArrayLike) -> list[NDArray[np.int64]]:
    shaped = np.broadcast_arrays(*(np.atleast_1d(np.asarray(column)) for column in columns))
    for column in shaped:
        if not np.issubdtype(column.dtype, np.integer):
            raise LedgerError(f"accounts, amounts and events are integers (atoms); found {column.dtype}")
    return [np.ascontiguousarray(column, dtype=np.int64) for column in shaped]


def empty_book(tokens: int, accounts: int) -> Any:
    """A blank book for kernel tests: every token a base asset issued by account 0."""
    return Book(
        np.zeros((tokens, accounts), dtype=np.int64),
        np.zeros(tokens, dtype=np.int64),
        np.zeros(tokens, dtype=np.int8),
        np.zeros((0, 5), dtype=np.int64),
        np.zeros(1, dtype=np.int64),
    )
