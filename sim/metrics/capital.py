"""Capital efficiency: how large a position money carries."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.interfaces import Metric, Protocol
from sim.quotes import FuturesQuote, OptionsQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

Floats = NDArray[np.float64]
LOOKS = 10
"""Positions are added up about so many times in a run."""


@component("metric", "capital")
class CapitalMetric(Metric):
    """Notional per USD of capital, of populations and of venues of derivatives; means over the run.

    capital_efficiency.POPULATION is what its accounts hold or owe of everything but money and claims on it, long and
    short added up, over their wealth: 1 is a holder of coins, 3 a threefold loop, 2 a coin hedged by a perpetual.
    Contracts count at the value of their underlying. capital_efficiency.VENUE is open interest over the equity posted.
    0 without capital.
    """

    def __post_init__(self) -> None:
        self._due, self._looks = -1, list[dict[str, float]]()

    def step(self, world: "World") -> dict[str, float]:
        """Look now and then; nothing is shown."""
        if world.clock.tick >= self._due:
            self._due = world.clock.tick + world.clock.ticks // LOOKS
            self._looks.append(populations(world) | venues(world))
        return {}

    def final(self, world: "World") -> dict[str, float]:
        """Means over the run."""
        if not self._looks:
            self.step(world)
        mean = {name: float(np.mean([look[name] for look in self._looks])) for name in self._looks[0]}
        return {f"capital_efficiency.{name}": value for name, value in mean.items()}


def notional(world: "World") -> Floats:
    """(tokens,) USD of something other than money that one atom of each token stands for, at least 0."""
    unit = np.abs(world.prices.atom_values)
    unit[[row.index for row in world.tokens.rows if row.underlying == 0]] = 0.0
    for quote in world.quotes.values():
        if isinstance(quote, OptionsQuote):
            unit[quote.token] = quote.spot / world.prices.scales[quote.token]
        elif isinstance(quote, FuturesQuote):
            for contract in quote.contracts:
                usd = 1.0 if contract.inverse else contract.mark
                unit[contract.contract] = usd / world.prices.scales[contract.contract]
    return unit


def populations(world: "World") -> dict[str, float]:
    """Population -> notional over wealth, account by account added up."""
    unit, value, found = notional(world), world.prices.atom_values, {}
    for actor in world.actors:
        people = actor.population
        balance = world.ledger.balance[:, people.lo : people.hi].astype(np.float64)
        wealth = (balance * value[:, None]).sum()
        found[people.name] = float((np.abs(balance).sum(axis=1) * unit).sum() / wealth) if wealth > 0.0 else 0.0
    return found


def venues(world: "World") -> dict[str, float]:
    """Venue that keeps margin accounts -> open interest over equity posted."""
    unit, found = notional(world), {}
    for protocol in world.protocols:
        quote = world.quotes.get(protocol.name)
        if type(protocol).margins is Protocol.margins or not isinstance(quote, OptionsQuote | FuturesQuote):
            continue
        listed = quote.token if isinstance(quote, OptionsQuote) else [c.contract for c in quote.contracts]
        tokens = np.array(listed, dtype=np.int64)
        held = np.maximum(world.ledger.balance[tokens].astype(np.float64), 0.0).sum(axis=1)
        equity = np.maximum(protocol.margins(world, -1).equity, 0.0)
        for owner in world.accounts.owners:
            if owner.name.split(".")[0] == protocol.name:  # the venue's own money, such as its insurance fund
                equity[owner.lo : owner.hi] = 0.0
        posted = float(equity.sum() * world.prices.atom_values[quote.margin_asset])
        found[protocol.name] = float((held * unit[tokens]).sum()) / posted if posted > 0.0 else 0.0
    return found
