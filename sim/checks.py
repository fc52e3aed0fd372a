"""Invariants by name. Each returns nothing or a sentence saying what does not hold."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import InvariantError
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World

ATTRIBUTION_TOLERANCE = 1e-12
SAMPLE_EVERY = 50


def conservation(world: "World") -> str | None:
    """Every token's row sums to zero."""
    residuals = world.ledger.residuals()
    if residuals.any():
        token = int(np.argmax(residuals != 0))
        return f"the row of {world.tokens.rows[token].name} sums to {residuals[token]} atoms, not 0"
    return None


def signs(world: "World") -> str | None:
    """Only the issuer of a claim, the debtor of a debt, `external` and shorts of a contract stand below zero."""
    for token in world.tokens.rows:
        if token.kind == TokenKind.CONTRACT:
            continue
        row = world.ledger.balance[token.index]
        wrong = row > 0 if token.kind == TokenKind.DEBT else row < 0
        offenders = int(np.count_nonzero(wrong)) - int(wrong[token.issuer])
        if offenders:
            account = int(np.flatnonzero(wrong & (np.arange(row.size) != token.issuer))[0])
            return f"{world.accounts.label(account)} holds {row[account]} atoms of {token.name}"
    return None


def attribution(world: "World") -> str | None:
    """What is credited to sources sums to each market's price move."""
    moved = world.prices.log_market - world.prices.previous_log_market
    credited = world.flows.now.sum(axis=(1, 2))
    gap = np.abs(moved - credited)
    if gap.size and gap.max() > ATTRIBUTION_TOLERANCE:
        market = int(gap.argmax())
        return (
            f"market {world.markets.rows[market]} moved by {moved[market]:.15g} in log price "
            f"but {credited[market]:.15g} was attributed"
        )
    return None


def causality(world: "World") -> str | None:
    """Every event is younger than its cause."""
    start = world.checked_events
    cause = world.events.column("cause")[start:]
    late = (cause >= np.arange(start, start + cause.size)) | (cause < 0)
    world.checked_events = world.events.count
    if late[1 if start == 0 else 0 :].any():
        event = start + int(np.flatnonzero(late)[-1])
        return f"event {event} names event {cause[event - start]} as its cause"
    return None


def finite_prices(world: "World") -> str | None:
    """Market prices are finite and positive."""
    spot = world.spot()
    if not np.all(np.isfinite(spot) & (spot > 0)):
        asset = int(np.argmax(~(np.isfinite(spot) & (spot > 0))))
        return f"the price of {world.tokens.rows[asset].name} is {spot[asset]}"
    return None


CHECKS: dict[str, Callable[["World"], str | None]] = {
    "conservation": conservation,
    "signs": signs,
    "attribution": attribution,
    "causality": causality,
    "finite_prices": finite_prices,
}
CHEAP = ("attribution", "finite_prices")
"""Run at every tick even when the others are sampled: their cost does not grow with accounts."""


def verify(world: "World") -> None:
    """Run the checks that are due; InvariantError names the first that fails, and how."""
    if world.checks == "off":
        return
    everything = world.checks == "every" or world.clock.tick % SAMPLE_EVERY == 0
    for name, check in CHECKS.items():
        if everything or name in CHEAP:
            problem = check(world)
            if problem:
                raise InvariantError(f"invariant {name} does not hold: {problem}")
