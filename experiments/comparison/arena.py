"""A finished tournament as arrays over rules, adoption shares, markets and seeds."""

import re
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.study import AxisView, Study, shown
from sim.errors import ConfigError

Array = NDArray[np.float64]
ADOPTION, CROWD = "adoption", "crowd"
"""Axes with a meaning of their own: shares of the dollars that follow a rule, and how alike their owners are."""
ADOPTERS, HOLDERS = "adopters", "holders"
"""How names of populations begin whose dollars follow the rule, or hold the benchmark."""
_OPENING, _PROFIT = ".opening_usd", ".profit_usd"


class Arena:
    """A sweep over rules and adoption shares, whose other axes are the markets in which rules are compared.

    rules: labels of the rule axis. shares: in [0, 1], rising from 0. keys, markets: combinations of values of the other
    axes, and the same in words.
    Arrays have the axes (rules, shares, markets, replications); replication k has the same random numbers everywhere.

    Raises ConfigError for a sweep that has no axis of rules, no axis of adoption, or no share of 0.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.rule_axis, adoption = _rule_axis(study), _named(study, ADOPTION)
        self.rules = tuple(str(value) for value in self.rule_axis.values)
        found = {value: _share(value) for value in adoption.values}
        self.shares = tuple(sorted(found.values()))
        if len(set(self.shares)) < 2 or self.shares[0] != 0.0:
            listed = ", ".join(map(shown, adoption.values))
            raise ConfigError(f"axis {ADOPTION}: found {listed}; a comparison needs a share of 0% and a larger one")
        self.others = tuple(axis for axis in study.axes if axis not in (self.rule_axis, adoption))
        self.keys = tuple(dict.fromkeys(self._key(row) for _, row in study.params.iterrows()))
        self.markets = tuple(", ".join(key) for key in self.keys)
        self._where = np.full((len(self.rules), len(self.shares), len(self.markets)), -1)
        for point, row in study.params.iterrows():
            place = self.rules.index(str(row[self.rule_axis.name])), self.shares.index(found[row[ADOPTION]])
            self._where[(*place, self.keys.index(self._key(row)))] = point

    def _key(self, row: Any) -> tuple[str, ...]:
        return tuple(_worded(axis, row[axis.name]) for axis in self.others)

    def of(self, outcome: str) -> Array:
        """An outcome; NaN where a run failed or is missing, and everywhere if no run has it."""
        if outcome not in self.study.runs:
            return np.full((*self._where.shape, int(self.study.sweep["replications"])), np.nan)
        table = self.study.values(outcome)
        return np.where(self._where[..., None] >= 0, table[self._where], np.nan)

    def total(self, outcomes: list[str]) -> Array:
        """Sum of outcomes; those that a run does not have count as zero, unless it has none of them."""
        every = np.array([self.of(name) for name in outcomes])
        known = np.isfinite(every)
        return np.where(known.any(axis=0), np.where(known, every, 0.0).sum(axis=0), np.nan)

    def mean(self, prefix: str) -> Array:
        """Mean over all outcomes that begin with a prefix, such as mispricing_rms. over its assets."""
        names = [name for name in self.study.runs if str(name).startswith(prefix)]
        every = np.array([self.of(name) for name in names]) if names else self.of(prefix)[None]
        known = np.isfinite(every)
        return np.where(known.any(axis=0), np.where(known, every, 0.0).sum(axis=0) / known.sum(axis=0).clip(1), np.nan)

    @cached_property
    def populations(self) -> tuple[str, ...]:
        """Everybody whose profit is known. Raises ConfigError if nobody's is, or no dollars follow a rule."""
        names = [name for name in self.study.runs if str(name).endswith(_PROFIT)]
        found = tuple(str(name).removesuffix(_PROFIT) for name in names)
        for start in (ADOPTERS, HOLDERS):
            if not any(name.startswith(start) for name in found):
                raise ConfigError(
                    f'no population whose name begins with "{start}"; its dollars are those that are compared'
                )
        return found

    def named(self, start: str) -> list[str]:
        """Populations whose name begins so."""
        return [name for name in self.populations if name.startswith(start)]

    @property
    def bystanders(self) -> list[str]:
        """Everybody whose dollars are not those that may follow a rule."""
        return [name for name in self.populations if not name.startswith((ADOPTERS, HOLDERS))]

    @cached_property
    def dollars(self) -> Array:
        """(shares,) opening USD of those who follow a rule."""
        usd = self.total([f"{name}{_OPENING}" for name in self.named(ADOPTERS)])
        known = np.isfinite(usd)
        return np.asarray(np.where(known, usd, 0.0).sum(axis=(0, 2, 3)) / known.sum(axis=(0, 2, 3)).clip(1))

    @cached_property
    def loss(self) -> Array:
        """What bystanders lost together, in USD; what borrowers leave unpaid is part of what lenders lose."""
        return -self.total([f"{name}{_PROFIT}" for name in self.bystanders])

    def returns(self, start: str) -> Array:
        """Return over the run of the populations whose name begins so, as a share of their opening wealth."""
        profit = self.total([f"{name}{_PROFIT}" for name in self.named(start)])
        opening = self.total([f"{name}{_OPENING}" for name in self.named(start)])
        return np.divide(profit, opening, out=np.full(profit.shape, np.nan), where=opening > 0.0)

    def private(self, start: str, outcome: str) -> Array:
        """An outcome of the populations whose name begins so, weighted by opening wealth."""
        opening = np.array([self.of(f"{name}{_OPENING}") for name in self.named(start)])
        values = np.array([self.of(f"{name}.{outcome}") for name in self.named(start)])
        total = opening.sum(axis=0)
        weighed = np.where(opening > 0.0, opening * values, 0.0).sum(axis=0)
        return np.divide(weighed, total, out=np.full(total.shape, np.nan), where=total > 0.0)

    def market_of(self, axis: str, value: Any) -> list[int]:
        """Numbers of the markets with a value on one of the other axes, in the order of the rest."""
        place = [found.name for found in self.others].index(axis)
        return [n for n, key in enumerate(self.keys) if key[place] == _worded(self.others[place], value)]


def gaps(values: Array) -> Array:
    """Values less those at share 0 of the same rule, market and seed."""
    return values - values[:, :1]


def _rule_axis(study: Study) -> AxisView:
    for axis in study.axes:
        if axis.name == "rule" or axis.name.endswith(".rule"):
            return axis
    raise ConfigError(
        f"this sweep has no axis of rules (found {', '.join(axis.name for axis in study.axes) or 'none'}); "
        'a comparison needs one whose name ends in "rule", and one called "adoption", as the preset tournament has'
    )


def _named(study: Study, name: str) -> AxisView:
    for axis in study.axes:
        if axis.name == name:
            return axis
    raise ConfigError(f'this sweep has no axis "{name}"; a comparison needs one with labels such as "0%", "25%"')


def _share(value: Any) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", str(value))
    share = float(found[1]) / (100.0 if found[2] else 1.0) if found else -1.0
    if not 0.0 <= share <= 1.0:
        raise ConfigError(f'axis {ADOPTION}: found "{value}"; must be a share, such as "25%" or 0.25')
    return share


def _worded(axis: AxisView, value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{axis.name} = {shown(value)}"
