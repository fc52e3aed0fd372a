"""What stands on whom: the share of a token's value that is lost with a protocol, through claims on claims."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.exposure import MAX_PASSES, TOLERANCE, backing
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World


def reliance(world: "World") -> dict[str, NDArray[np.float64]]:
    """(tokens,) by protocol: share of a token's value that stands on a protocol, as its issuer or through its backing.

    A claim stands wholly on its issuer, and on others by the part of its backing that is claims of theirs; parts add up
    along every chain of claims and are at most 1. An asset that nobody in the model issues stands on nothing.
    """
    tokens, balance, value = world.tokens.rows, world.ledger.balance, world.prices.atom_values
    n, names = len(tokens), [protocol.name for protocol in world.protocols]
    place = {protocol.account: number for number, protocol in enumerate(world.protocols)}
    parts, own = np.zeros((n, n)), np.zeros((n, len(names)))
    for token in tokens:
        if token.kind != TokenKind.CLAIM or token.issuer not in place:
            continue
        own[token.index, place[token.issuer]] = 1.0
        inside = np.array(balance[:, token.issuer], dtype=float)
        inside[token.index] = 0.0
        usd = np.maximum(backing(world, token.index, inside) * value, 0.0)
        total = float(usd.sum())
        parts[token.index] = usd / total if total > 0.0 else 0.0
    # With cycles of claims the series does not end; shares are at most 1, so it is cut off there as it grows.
    found = own
    for _ in range(MAX_PASSES):
        deeper = np.minimum(np.maximum(own, np.einsum("tu,up->tp", parts, found)), 1.0)
        if np.abs(deeper - found).max(initial=0.0) <= TOLERANCE:
            break
        found = deeper
    return {name: found[:, number] for number, name in enumerate(names)}
