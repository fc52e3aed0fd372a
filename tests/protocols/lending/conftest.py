"""A small lending market held as bare arrays: what the kernels see, with just enough book-keeping to liquidate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from protocols.lending import liquidation_kernels as lq
from protocols.lending.kernels import scan_health
from protocols.lending.rules import AAVE_V3_3, ReserveSettings, RuleSet
from protocols.lending.tables import market_table, rule_vector, terms_table

EVERYTHING = 2**61


@dataclass
class Book:
    """Balances, market and terms of one market; `apply` books a quote as a ledger would."""

    balance: NDArray[np.int64]
    a_rows: NDArray[np.int64]
    d_rows: NDArray[np.int64]
    market: NDArray[np.float64]
    terms: NDArray[np.float64]
    category: NDArray[np.uint8]
    rule: NDArray[np.float64]

    @property
    def inputs(self) -> tuple[NDArray, ...]:
        return self.balance, self.a_rows, self.d_rows, self.market, self.terms, self.category, self.rule

    def health(self) -> NDArray[np.float64]:
        out = np.empty(self.balance.shape[1])
        values = self.market[lq.COLL_VALUE], self.market[lq.DEBT_VALUE], self.terms[lq.THRESHOLD, 0]
        scan_health(self.balance, self.a_rows, self.d_rows, *values, 0, out.size, out)
        return out

    def quotes(self, requests: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        requests = np.array(requests, dtype=np.int64)
        quotes = np.full((len(requests), lq.QUOTE_FIELDS), -7, dtype=np.int64)
        deficits = np.full((len(requests), self.a_rows.size), -7, dtype=np.int64)
        executable = lq.liquidation_quotes(*self.inputs, requests, quotes, deficits)
        assert executable == np.count_nonzero(quotes[:, lq.STATUS] == lq.OK)
        return quotes, deficits

    def best(self, *accounts: int) -> NDArray[np.int64]:
        requests = np.full((len(accounts), lq.REQUEST_FIELDS), -7, dtype=np.int64)
        quotes = np.empty((len(accounts), lq.QUOTE_FIELDS), dtype=np.int64)
        found = lq.best_pairs(*self.inputs, np.array(accounts, dtype=np.int64), requests, quotes)
        assert found == np.count_nonzero(requests[:, lq.COLLATERAL] >= 0)
        return requests

    def apply(self, request: NDArray[np.int64], quote: NDArray[np.int64], deficits: NDArray[np.int64]) -> None:
        account, c, d = request[lq.ACCOUNT], self.a_rows[request[lq.COLLATERAL]], self.d_rows[request[lq.DEBT]]
        self.balance[c, account] -= quote[lq.RECEIPTS_BURNED] + quote[lq.FEE_RECEIPTS]
        self.balance[d, account] += quote[lq.DEBT_BURNED]
        if deficits.any():
            self.balance[self.d_rows, account] = 0

    def liquidate(self, account: int = 0, rounds: int = 500) -> tuple[int, NDArray[np.int64]]:
        """Let the best liquidation happen until none is left; how many there were, and the deficit per reserve."""
        total = np.zeros(self.a_rows.size, dtype=np.int64)
        for done in range(rounds):
            request = self.best(account)[0]
            if request[lq.COLLATERAL] < 0:
                return done, total
            quotes, deficits = self.quotes([request])
            self.apply(request, quotes[0], deficits[0])
            total += deficits[0]
        raise AssertionError(f"still liquidating after {rounds} rounds")

    def usd(self, account: int = 0) -> tuple[float, float]:
        """Collateral and debt of an account in USD."""
        collateral = self.balance[self.a_rows, account] @ self.market[lq.COLL_VALUE]
        return float(collateral), float(-self.balance[self.d_rows, account] @ self.market[lq.DEBT_VALUE])


def _reserve(asset: str, threshold: float = 0.8, bonus: float = 0.05, **more: float) -> ReserveSettings:
    settings = {"ltv": threshold - 0.02, "protocol_fee": 0.1} | more
    return ReserveSettings(asset=asset, liquidation_threshold=threshold, liquidation_bonus=bonus, **settings)


def _open_book(
    collateral: Sequence[Sequence[float]],
    debt: Sequence[Sequence[float]],
    reserves: Sequence[ReserveSettings],
    rules: RuleSet = AAVE_V3_3,
    price: Sequence[float] | None = None,
    decimals: Sequence[int] | None = None,
    supply_index: Sequence[float] | None = None,
    debt_index: Sequence[float] | None = None,
) -> Book:
    """Collateral and debt per reserve and account in whole scaled tokens."""
    n = len(reserves)
    decimals = decimals or [6] * n
    atoms = 10.0 ** np.array([decimals]).T
    balance = np.vstack([np.rint(np.array(collateral) * atoms), np.rint(-np.array(debt) * atoms)]).astype(np.int64)
    market = market_table(price or [1.0] * n, decimals, supply_index or [1.0] * n, debt_index or [1.0] * n)
    rows = np.arange(2 * n)
    category = np.zeros(balance.shape[1], dtype=np.uint8)
    return Book(balance, rows[:n], rows[n:], market, terms_table(reserves), category, rule_vector(rules))


@pytest.fixture(scope="session")
def reserve() -> Callable[..., ReserveSettings]:
    return _reserve


@pytest.fixture(scope="session")
def open_book() -> Callable[..., Book]:
    return _open_book


@pytest.fixture(scope="session")
def pair_book(reserve: Callable[..., ReserveSettings]) -> Callable[..., Book]:
    """One account with USD `collateral` in an asset at price 1 and USD `debt` in a stable asset."""

    def build(collateral: float, debt: float, threshold: float = 0.8, bonus: float = 0.05, **more: object) -> Book:
        reserves = [reserve("COIN", threshold, bonus), reserve("USD")]
        return _open_book([[collateral], [0.0]], [[0.0], [debt]], reserves, **more)

    return build
