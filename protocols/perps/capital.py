"""How hard collateral works at a venue: notional and turnover per unit of it."""

from typing import TYPE_CHECKING

import numpy as np

from sim.events import Kind

if TYPE_CHECKING:
    from protocols.perps.venue import Perpetuals
    from sim.world import World


def collateral_usd(venue: "Perpetuals", world: "World") -> float:
    """USD of everything that accounts have put up as margin, without haircuts."""
    total = 0.0
    for desk in venue.desks:
        margin = desk.accounts
        price = world.prices.atom_price[margin.assets]
        held = np.maximum(world.ledger.balance[margin.claims][:, ~desk.house], 0).sum(axis=1)
        total += float((held * price).sum())
    return total


def efficiency(venue: "Perpetuals", world: "World") -> float:
    """USD of open interest per USD of accounts' collateral; zero without any."""
    held = sum(c.open_interest(world) * (1.0 if c.inverse else c.mark) for c in venue.markets)
    usd = collateral_usd(venue, world)
    return held / usd if usd > 0.0 else 0.0


def turnover(venue: "Perpetuals", world: "World") -> float:
    """USD traded so far per USD of accounts' collateral."""
    events = world.events
    mine = (events.column("protocol") == venue.index) & (events.column("kind") == Kind.TRADE)
    usd = collateral_usd(venue, world)
    return float(events.value[mine].sum()) / usd if usd > 0.0 else 0.0
