"""Where opening health factors come from: a table of quantiles, or a file of real accounts."""

import csv
import gzip
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion
from sim.fields import DataFile, NonNegative, Positive

Quantiles = Sequence[tuple[float, float]]
"""Pairs (quantile, health factor)."""


def table_faults(table: Quantiles) -> list[str]:
    """What is wrong with a quantile table: quantiles rise within [0, 1], health factors are positive and rise."""
    faults = [f"[{q:g}, {h:g}]: a quantile lies within 0 and 1" for q, h in table if not 0.0 <= q <= 1.0]
    faults += [f"[{q:g}, {h:g}]: a health factor is above 0" for q, h in table if not h > 0.0]
    for (q0, h0), (q1, h1) in pairwise(table):
        if not q1 > q0:
            faults.append(f"[{q1:g}, {h1:g}] follows [{q0:g}, {h0:g}]: quantiles must rise; sort the pairs")
        elif not h1 >= h0:
            faults.append(f"[{q1:g}, {h1:g}] follows [{q0:g}, {h0:g}]: health factors must not fall")
    return faults


def draw_health(table: Quantiles, uniforms: NDArray[np.float64], least: float = 0.0) -> NDArray[np.float64]:
    """Health factors at the given uniform numbers, linear between quantiles and constant beyond the outer ones.

    least: accounts below it are left out, that is, the distribution is conditional on being at or above it.
    Raises ConfigError if it leaves nobody.
    """
    quantile, health = (np.array(column, dtype=np.float64) for column in zip(*table, strict=True))
    if least > health[-1]:
        raise ConfigError(f"nobody in the health table is at or above {least:g}; its highest is {health[-1]:g}")
    below = 0.0 if least <= health[0] else float(np.interp(least, health, quantile))
    return np.maximum(np.interp(below + (1.0 - below) * uniforms, quantile, health), least)


class Accounts(NamedTuple):
    """Loans of real accounts, one row each, in the order of the file."""

    debt: NDArray[np.float64]
    """USD"""
    collateral: NDArray[np.float64]
    """USD; already multiplied by liquidation thresholds if the table is `weighted`."""


@dataclass(frozen=True, kw_only=True)
class AccountTable:
    """A CSV of real accounts (plain or .gz) with a header line; other columns and accounts without debt are ignored."""

    file: DataFile
    account: str = "account"
    """Column that names the account; a name that appears twice is an error."""
    debt: str = "debt"
    """Column of what the account owes."""
    collateral: str = "collateral"
    """Column of what backs the debt."""
    unit: Positive = 1.0
    """USD per unit of the two columns: 1 for USD, the price of ETH for columns in ETH."""
    weighted: bool = False
    """Whether `collateral` is already multiplied by liquidation thresholds, so that health is the ratio of the two."""
    least_debt: NonNegative = 0.0
    """USD; accounts that owe less are left out."""
    total_usd: Positive | None = None
    """USD that the opened debts are scaled to sum to; as in the file if left out."""

    def read(self) -> Accounts:
        """All accounts with a debt; ConfigError with file and line for the first thing that cannot be read."""
        try:
            with _opened(self.file) as source:
                rows = list(self._rows(csv.DictReader(source)))
        except (UnicodeDecodeError, csv.Error, EOFError, gzip.BadGzipFile) as error:
            raise ConfigError(f"{self.file}: not a CSV text ({error})") from None
        table = np.array(rows).reshape(-1, 2)
        if not table.size:
            raise ConfigError(f"{self.file}: no account owes {self.least_debt:g} USD or more; lower least_debt")
        return Accounts(table[:, 0].copy(), table[:, 1].copy())

    def scaled(self, debt: NDArray[np.float64]) -> NDArray[np.float64]:
        """Debts in USD, brought to `total_usd` if there is one."""
        return debt if self.total_usd is None else debt * (self.total_usd / debt.sum())

    def _rows(self, reader: "csv.DictReader[str]") -> Iterator[tuple[float, float]]:
        """(debt, collateral) in USD of accounts that owe enough; what stands behind the others is not looked at."""
        columns = list(reader.fieldnames or [])
        seen: dict[str, int] = {}
        for wanted in (self.account, self.debt, self.collateral):
            if wanted not in columns:
                raise ConfigError(f'{self.file}:1: no column "{wanted}"{suggestion(wanted, columns)}')
        for row in reader:
            line, name = reader.line_num, row[self.account]
            if name in seen:
                raise ConfigError(f'{self.file}:{line}: account "{name}" is already in line {seen[name]}')
            seen[name] = line
            debt = self._number(row, self.debt, line) * self.unit
            if debt > 0.0 and debt >= self.least_debt:
                yield debt, self._number(row, self.collateral, line) * self.unit

    def _number(self, row: dict[str, str], column: str, line: int) -> float:
        text = row[column]
        try:
            value = float(text)
        except (TypeError, ValueError):
            value = math.nan
        if not (math.isfinite(value) and value >= 0.0):
            raise ConfigError(f'{self.file}:{line}: {column} is "{text or ""}"; must be a finite number of at least 0')
        return value


def _opened(file: str) -> IO[str]:
    return gzip.open(file, "rt", newline="") if file.endswith(".gz") else open(file, newline="")
