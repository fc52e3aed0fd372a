"""Intents: the only way an account changes anything.

A population returns batches of intents; the tick gathers them in one `Orders` table, the chain sequences it, venues
execute their share. Amounts are atoms of the first token.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Act(IntEnum):
    """The vocabulary: what an intent asks a venue to do (first token, second token)."""

    DEPOSIT = 0
    """Supply `token` to a lending pool."""
    ADD_LIQUIDITY = 1
    """Give `amount` of `token` and what matches it of `token2` to a pool."""
    BORROW = 2
    REPAY = 3
    """Repay debt in `token`; an amount above the debt repays all of it."""
    WITHDRAW = 4
    """Take `token` out of a lending pool; an amount above the deposit withdraws all of it."""
    REMOVE_LIQUIDITY = 5
    """Burn `amount` of the pool's shares."""
    SWAP = 6
    """Sell exactly `amount` of `token` for `token2`; `limit` is the least acceptable amount of `token2` per `token`."""
    LIQUIDATE = 7
    """Repay `amount` of debt in `token` of `subject`, taking collateral `token2`."""
    SET_MODE = 8
    """Enter efficiency mode number `amount` of a lending pool; 0 leaves it."""
    BUY = 9
    """Buy `amount` of `token` (a contract, or an asset on an order book) now, paying at most `limit` USD apiece."""
    SELL = 10
    """Sell `amount` of `token` now, for at least `limit` USD apiece; contracts may be sold short."""
    LIMIT_BUY = 11
    """Buy `amount` of `token` at `limit` or better; what is left rests in the book. `subject` may be a `Flag`."""
    LIMIT_SELL = 12
    CANCEL = 13
    """Take back the resting order number `amount` in `token`; ALL takes back all of the account's."""
    QUOTE = 14
    """Stand ready to trade `amount` of `token` both ways as a dealer, `limit` vol points wide; 0 withdraws."""
    BID = 15
    """Offer `limit` USD apiece for up to `amount` of `token` in the venue's next auction."""
    MINT = 16
    """Pay `amount` of `token` to the issuer of `token2` for newly issued units."""
    REDEEM = 17
    """Return `amount` of `token` to its issuer for what stands behind it."""


class Flag(IntEnum):
    """How an order may be executed, in the `subject` of BUY, SELL, LIMIT_BUY and LIMIT_SELL."""

    NONE = -1
    POST_ONLY = -2
    """Refused if it would trade at once."""
    IMMEDIATE = -3
    """Immediate or cancel: what does not trade at once is dropped."""
    REDUCE_ONLY = -4
    """Cut to the size of the position it closes."""


ALL = 2**61
"""An amount that means everything there is (of a deposit or a debt)."""


class Intent(NamedTuple):
    """A batch of like intents of one population.

    account: (n,) ledger accounts. venue: index of the protocol. token, token2: token indices. amount: (n,) or scalar
    atoms. limit: whole token2 per whole token. tip: (n,) or scalar priority bid in gwei; order books off the chain read
    it as the message's latency in milliseconds. cause: (n,) or scalar event ids. subject: (n,) or scalar account acted
    upon.
    """

    act: Act
    venue: int
    account: NDArray[np.int64]
    token: int
    amount: ArrayLike
    token2: int = -1
    motive: int = 0
    limit: ArrayLike = 0.0
    tip: ArrayLike = 1.0
    cause: ArrayLike = 0
    subject: ArrayLike = -1


INT_COLUMNS = 12
ACT, VENUE, ACCOUNT, TOKEN, TOKEN2, AMOUNT, MOTIVE, POPULATION, CAUSE, SUBJECT, KEY, BORN = range(INT_COLUMNS)
LIMIT, TIP = range(2)


class Orders:
    """Rows of intents as two matrices, which kernels take as they are.

    ints: (capacity, 12) act, venue, account, token, token2, amount, motive, population, cause, subject, key, born.
    reals: (capacity, 2) limit price, tip in gwei. `key` breaks ties between equal tips and does not depend on rows.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._ints = np.empty((capacity, INT_COLUMNS), dtype=np.int64)
        self._reals = np.empty((capacity, 2))
        self.count = 0

    def clear(self) -> None:
        """Forget all rows, keep the memory."""
        self.count = 0

    def add(self, intent: Intent, population: int, keys: NDArray[np.int64], tick: int) -> None:
        """Append a batch sent by a population at a tick."""
        n = intent.account.size
        self._reserve(n)
        ints, reals = self._ints[self.count : self.count + n], self._reals[self.count : self.count + n]
        ints[:, ACT], ints[:, VENUE], ints[:, ACCOUNT] = intent.act, intent.venue, intent.account
        ints[:, TOKEN], ints[:, TOKEN2], ints[:, AMOUNT] = intent.token, intent.token2, intent.amount
        ints[:, MOTIVE], ints[:, POPULATION], ints[:, CAUSE] = intent.motive, population, intent.cause
        ints[:, SUBJECT], ints[:, KEY], ints[:, BORN] = intent.subject, keys, tick
        reals[:, LIMIT], reals[:, TIP] = intent.limit, intent.tip
        self.count += n

    def extend(self, ints: NDArray[np.int64], reals: NDArray[np.float64]) -> None:
        """Append rows that another table held."""
        n = ints.shape[0]
        self._reserve(n)
        self._ints[self.count : self.count + n] = ints
        self._reals[self.count : self.count + n] = reals
        self.count += n

    def _reserve(self, n: int) -> None:
        need, have = self.count + n, self._reals.shape[0]
        if need > have:
            size = max(need, 2 * have)
            ints, reals = np.empty((size, INT_COLUMNS), dtype=np.int64), np.empty((size, 2))
            ints[: self.count], reals[: self.count] = self._ints[: self.count], self._reals[: self.count]
            self._ints, self._reals = ints, reals

    @property
    def ints(self) -> NDArray[np.int64]:
        """(count, 12) integer columns."""
        return self._ints[: self.count]

    @property
    def reals(self) -> NDArray[np.float64]:
        """(count, 2) float columns."""
        return self._reals[: self.count]
