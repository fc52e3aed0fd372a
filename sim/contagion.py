"""Losses travel: shortfalls go down each protocol's waterfall, then everything that holds its claims is revalued."""

from typing import TYPE_CHECKING

import numpy as np

from sim import exposure
from sim.events import Kind
from sim.tokens import TokenKind

if TYPE_CHECKING:
    from sim.world import World


def absorb_losses(world: "World") -> bool:
    """One round of contagion; True if a protocol absorbed a loss, so that another round is needed.

    Claims worth less after the round than before it are logged as impaired, caused by the last loss.
    """
    before = None
    absorbed = False
    for protocol in world.protocols:
        if protocol.exposed(world):
            if before is None:
                exposure.revalue(world)
                before = world.prices.values.copy()
            absorbed |= protocol.absorb(world)
    if absorbed and before is not None:
        exposure.revalue(world)
        _log_impaired(world, before)
    return absorbed


def _log_impaired(world: "World", before: np.ndarray) -> None:
    cause = world.events.latest(Kind.BAD_DEBT, Kind.LOSS_ABSORBED)
    number = {protocol.account: protocol.index for protocol in world.protocols}
    for token in world.tokens.rows:
        loss = before[token.index] - world.prices.values[token.index]
        if token.kind == TokenKind.CLAIM and loss > 1e-12 * before[token.index]:
            supply = -world.ledger.balance[token.index, token.issuer] / 10.0**token.decimals
            world.events.add(
                Kind.CLAIM_IMPAIRED, protocol=number[token.issuer], token=token.index, value=loss * supply, cause=cause
            )
