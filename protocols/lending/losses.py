"""What a pool has lost: deficits that nobody owes, and debts that nothing backs."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.lending import liquidation_kernels as layout
from sim.events import Kind
from sim.intents import ACCOUNT, SUBJECT

if TYPE_CHECKING:
    from protocols.lending.pool import PooledLending
    from sim.world import World


class Losses:
    """Losses of one pool by reserve, in atoms.

    Attributes
    ----------
    deficit: (reserves,) debt that was written off and not covered yet (Aave v3.3).
    stranded: (reserves,) debt of accounts without collateral that stays on the books (before v3.3).
    """

    def __init__(self, reserves: int) -> None:
        self.deficit = np.zeros(reserves, dtype=np.int64)
        self.stranded = np.zeros(reserves)
        self._fresh: list[tuple[int, int]] = []

    @property
    def pending(self) -> bool:
        """Whether losses wait to be absorbed."""
        return bool(self._fresh)

    def book(
        self,
        world: "World",
        pool: "PooledLending",
        ints: NDArray[np.int64],
        quotes: NDArray[np.int64],
        deficits: NDArray[np.int64],
        first: int,
        price: NDArray[np.float64],
    ) -> None:
        """Note what a batch of liquidations could not recover; one BAD_DEBT event per account and reserve.

        first: event id of the batch's row 0. price: (tokens,) USD per atom at the oracle.
        """
        for i in np.flatnonzero(quotes[:, layout.EMPTIED] > 0):
            account = int(ints[i, SUBJECT])
            left = deficits[i] if deficits[i].any() else pool.owed(world, account)
            for r in np.flatnonzero(left > 0):
                asset = int(pool.assets[r])
                event = world.events.add(
                    Kind.BAD_DEBT,
                    actor=int(ints[i, ACCOUNT]),
                    subject=account,
                    protocol=pool.index,
                    token=asset,
                    amount=int(left[r]),
                    value=float(left[r] * price[asset]),
                    cause=first + int(i),
                )
                if deficits[i, r]:
                    self.deficit[r] += left[r]
                    self._fresh.append((event, int(r)))
                else:
                    self.stranded[r] += left[r]

    def absorb(self, world: "World", pool: "PooledLending") -> bool:
        """Burn the treasury's receipts against fresh deficits; True if there were any."""
        if not self._fresh:
            return False
        for cause, r in self._fresh:
            receipt = int(pool.receipts[r])
            held = int(world.ledger.balance[receipt, pool.treasury])
            wanted = int(np.ceil(self.deficit[r] / pool.supply_index[r]))
            burned = min(held, wanted)
            covered = min(int(self.deficit[r]), int(np.floor(burned * pool.supply_index[r])))
            event = world.events.add(
                Kind.LOSS_ABSORBED,
                pool.treasury,
                protocol=pool.index,
                token=int(pool.assets[r]),
                amount=covered,
                value=covered * float(world.prices.values[pool.assets[r]]) / 10.0 ** pool.decimals[r],
                cause=cause,
            )
            if burned:
                world.ledger.move(receipt, pool.treasury, pool.account, burned, event)
            self.deficit[r] -= covered
        self._fresh.clear()
        return True

    def cover(self, world: "World", pool: "PooledLending") -> NDArray[np.float64]:
        """(reserves,) share of the receipts' nominal value that cash and sound debt back; 1 without losses."""
        lost = self.deficit + self.stranded
        if not lost.any():
            return np.ones(lost.size)
        nominal = -world.ledger.balance[pool.receipts, pool.account] * pool.supply_index
        return np.where(nominal > 0, np.clip(1.0 - lost / np.maximum(nominal, 1.0), 0.0, 1.0), 1.0)
