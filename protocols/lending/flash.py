"""Flash loans that liquidators repay with: debt tokens that are collected once the seized collateral is sold."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.events import Kind

if TYPE_CHECKING:
    from protocols.lending.pool import PooledLending
    from sim.world import World


class FlashLoans:
    """Advances of one pool that stand open within a tick.

    tokens: (reserves,) ledger rows of the flash-debt tokens. accounts: of the whole ledger.
    """

    def __init__(self, tokens: NDArray[np.int64], accounts: int) -> None:
        self.tokens = tokens
        self._cause = np.zeros(accounts, dtype=np.int64)

    def note(self, accounts: NDArray[np.int64], events: NDArray[np.int64]) -> None:
        """Remember the liquidations that accounts sent, to name as the cause when they pay back."""
        self._cause[accounts] = events

    def collect(self, world: "World", pool: "PooledLending") -> None:
        """Take back what debtors can pay; the fee belongs to suppliers, through the supply index (Aave v2 and v3.0)."""
        balance = world.ledger.balance
        for r, token in enumerate(self.tokens.tolist()):
            if not balance[token, pool.account]:
                continue
            debtors = np.flatnonzero(balance[token, pool.first :] < 0) + pool.first
            asset = int(pool.assets[r])
            debtors = debtors[balance[asset, debtors] >= -balance[token, debtors]]
            if not debtors.size:
                continue
            owed = -balance[token, debtors]
            events = world.events.add_many(
                debtors.size,
                Kind.FLASH_LOAN,
                actor=debtors,
                protocol=pool.index,
                token=asset,
                amount=owed,
                cause=self._cause[debtors],
            )
            world.ledger.move(asset, debtors, pool.account, owed, events)
            world.ledger.move(token, pool.account, debtors, owed, events)
            pool.earn(world, r, float(owed.sum()) * pool.flash_fee / (1.0 + pool.flash_fee))
