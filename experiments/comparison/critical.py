"""The share of dollars at which price moves begin to feed on themselves."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.analysis import bootstrap
from experiments.analysis.bootstrap import Interval
from experiments.comparison.arena import Arena, Array

GAIN, OWN = "feedback_gain.", "loop_gain."
"""Outcomes: gain of all orders that follow prices, and of the followers' orders alone, by asset."""


@dataclass(frozen=True)
class Critical:
    """Where the gain of the loop from prices to orders to prices passes one.

    asset: the one whose loop is strongest at the highest share. gains: at each share. own: of rebalancing alone, at the
    highest share. share: where the gain first reaches one, between two shares on a straight line; infinite if at none.
    reached: share of bootstrap samples of seeds in which it does.
    """

    rule: str
    market: str
    asset: str
    gains: tuple[Interval, ...]
    own: Interval
    share: Interval
    reached: float

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "rule": self.rule,
            "market": self.market,
            "asset": self.asset,
            "gains": [gain.as_data() for gain in self.gains],
            "own_gain": self.own.as_data(),
            "share": self.share.as_data(),
            "reached": self.reached,
        }


def critical(arena: Arena, level: float) -> list[Critical]:
    """For every rule and market; nothing if the sweep has no gains."""
    assets = [str(name).removeprefix(GAIN) for name in arena.study.runs if str(name).startswith(GAIN)]
    gains = {asset: arena.of(f"{GAIN}{asset}") for asset in assets}
    found = []
    for r, rule in enumerate(arena.rules):
        for m, market in enumerate(arena.markets):
            tables = {asset: table[r, :, m].T for asset, table in gains.items()}
            tables = {asset: rows[np.isfinite(rows).all(axis=1)] for asset, rows in tables.items()}
            tables = {asset: rows for asset, rows in tables.items() if len(rows) > 1}
            if tables:
                asset = max(tables, key=lambda name: float(tables[name][:, -1].mean()))
                own = bootstrap.mean(arena.of(f"{OWN}{asset}")[r, -1, m], level)
                found.append(_critical(arena.shares, rule, market, asset, tables[asset], own, level))
    return found


def _critical(
    shares: tuple[float, ...], rule: str, market: str, asset: str, rows: Array, own: Interval, level: float
) -> Critical:
    places = np.array(shares)

    def where(drawn: Array) -> Array:
        return np.array(crossing(places, drawn.mean(axis=0)))

    rng = np.random.default_rng(0)
    draws = np.array([where(rows[rng.integers(0, len(rows), len(rows))]) for _ in range(1000)])
    low, high = (_quantile(draws, 0.5 + side * level / 2) for side in (-1, 1))
    share = Interval(float(where(rows)), low, high, len(rows))
    gains = tuple(bootstrap.mean(column, level) for column in rows.T)
    return Critical(rule, market, asset, gains, own, share, float(np.isfinite(draws).mean()))


def crossing(shares: Array, gains: Array) -> float:
    """The first share at which a broken line of gains reaches one; infinite if it never does."""
    above = np.flatnonzero(gains >= 1.0)
    if not above.size:
        return float("inf")
    last = int(above[0])
    if last == 0:
        return float(shares[0])
    rise = (1.0 - gains[last - 1]) / (gains[last] - gains[last - 1])
    return float(shares[last - 1] + rise * (shares[last] - shares[last - 1]))


def _quantile(draws: Array, place: float) -> float:
    """Without interpolation: draws may be infinite."""
    return float(np.sort(draws)[min(int(place * draws.size), draws.size - 1)])
