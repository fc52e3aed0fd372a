"""The causal log: append-only, one row per thing that happened, each naming the event that made it happen."""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Kind(IntEnum):
    """What happened."""

    GENESIS = 0
    SHOCK = 1
    PRICE_MOVE = 2
    ORACLE_UPDATE = 3
    SWAP = 4
    DEPOSIT = 5
    WITHDRAW = 6
    BORROW = 7
    REPAY = 8
    ADD_LIQUIDITY = 9
    REMOVE_LIQUIDITY = 10
    TRANSFER = 11
    BREACH = 12
    """A position fell below its margin: its amount is the health factor in HEALTH_UNIT, its value the debt in USD."""
    LIQUIDATION = 13
    BAD_DEBT = 14
    LOSS_ABSORBED = 15
    CLAIM_IMPAIRED = 16
    TX_FAILED = 17
    """A refused or reverted order; its value is the venue's reason code, REVERTED or PAUSED."""
    TX_DROPPED = 18
    GAS = 19
    FLASH_LOAN = 20
    FEE = 21
    SET_MODE = 22
    TRADE = 23
    """An executed order for contracts, or on an order book: its amount is signed, its value the USD traded."""
    ORDER = 24
    """A limit order that rests; its amount is the number to cancel it by."""
    CANCEL = 25
    FUNDING = 26
    """Funding of one market and interval: its amount is what longs paid, its value the rate."""
    DELEVERAGE = 27
    """Auto-deleveraging: the subject's position was cut against the actor's, who was bankrupt; its value is in USD."""
    BACKSTOP = 28
    """A failing position was taken over by the actor, a backstop vault."""
    SOCIALISED = 29
    """A loss shared out over accounts that had no part in it."""
    EXPIRY = 30
    """A contract was settled; its amount is the settlement price in atoms of the numeraire."""
    AUCTION = 31
    EPOCH = 32
    """A vault closed an epoch: its amount is the share price in atoms of the numeraire."""
    MINT = 33
    REDEEM = 34
    QUOTE = 35


COLUMNS = ("tick", "phase", "round", "kind", "actor", "subject", "protocol", "token", "amount", "cause")
_TICK, _PHASE, _ROUND, _KIND, _ACTOR, _SUBJECT, _PROTOCOL, _TOKEN, _AMOUNT, _CAUSE = range(len(COLUMNS))
NOBODY = -1
HEALTH_UNIT = 1e-6
_BLOCK = 1024
"""Events looked at together when the log is searched from its end."""
REVERTED, PAUSED = -1.0, -2.0
"""Values of a TX_FAILED that never reached its venue: it reverted on the chain, or the venue was paused."""


class EventLog:
    """Events in one preallocated integer matrix and one float column of USD values, doubled when full."""

    def __init__(self, capacity: int = 4096) -> None:
        self._ints = np.empty((capacity, len(COLUMNS)), dtype=np.int64)
        self._value = np.empty(capacity)
        self.count = 0
        self.tick, self.phase, self.round = -1, 0, 0
        self.add(Kind.GENESIS)

    def add(
        self,
        kind: int,
        actor: int = NOBODY,
        subject: int = NOBODY,
        protocol: int = -1,
        token: int = -1,
        amount: int = 0,
        value: float = 0.0,
        cause: int = 0,
    ) -> int:
        """Append one event stamped with the current tick, phase and round; returns its id."""
        self._reserve(1)
        row = self.count
        self._ints[row] = (self.tick, self.phase, self.round, kind, actor, subject, protocol, token, amount, cause)
        self._value[row] = value
        self.count += 1
        return row

    def add_many(
        self,
        n: int,
        kind: ArrayLike,
        actor: ArrayLike = NOBODY,
        subject: ArrayLike = NOBODY,
        protocol: ArrayLike = -1,
        token: ArrayLike = -1,
        amount: ArrayLike = 0,
        value: ArrayLike = 0.0,
        cause: ArrayLike = 0,
    ) -> NDArray[np.int64]:
        """Append `n` events; every argument is a scalar or has length n. Returns their ids."""
        self._reserve(n)
        lo, hi = self.count, self.count + n
        block = self._ints[lo:hi]
        block[:, _TICK], block[:, _PHASE], block[:, _ROUND] = self.tick, self.phase, self.round
        block[:, _KIND], block[:, _ACTOR], block[:, _SUBJECT] = kind, actor, subject
        block[:, _PROTOCOL], block[:, _TOKEN] = protocol, token
        block[:, _AMOUNT], block[:, _CAUSE] = amount, cause
        self._value[lo:hi] = value
        self.count = hi
        return np.arange(lo, hi)

    def _reserve(self, n: int) -> None:
        need, have = self.count + n, self._value.size
        if need > have:
            size = max(need, 2 * have)
            ints, value = np.empty((size, len(COLUMNS)), dtype=np.int64), np.empty(size)
            ints[: self.count], value[: self.count] = self._ints[: self.count], self._value[: self.count]
            self._ints, self._value = ints, value

    def column(self, name: str) -> NDArray[np.int64]:
        """A read-only view of one integer column."""
        view = self._ints[: self.count, COLUMNS.index(name)]
        view.flags.writeable = False
        return view

    @property
    def value(self) -> NDArray[np.float64]:
        """USD value of each event at the time it happened; zero where it has none."""
        view = self._value[: self.count]
        view.flags.writeable = False
        return view

    def where(self, kind: Kind) -> NDArray[np.int64]:
        """Ids of all events of a kind."""
        return np.flatnonzero(self.column("kind") == kind)

    def latest(self, *kinds: Kind) -> int:
        """Id of the last event of one of these kinds; 0 if there is none."""
        kind = self.column("kind")
        for stop in range(self.count, 0, -_BLOCK):
            start = max(0, stop - _BLOCK)
            found = np.flatnonzero(np.isin(kind[start:stop], kinds))
            if found.size:
                return start + int(found[-1])
        return 0

    def chain(self, event: int) -> list[int]:
        """The event and its causes, back to genesis."""
        cause, links = self.column("cause"), [event]
        while links[-1] != 0:
            links.append(int(cause[links[-1]]))
        return links
