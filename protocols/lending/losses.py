"""What a pool has lost: deficits that nobody owes, and debts that nothing backs."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.lending import liquidation_kernels as layout
from sim.events import Kind
from sim.intents import ACCOUNT, SUBJECT

if TYPE_CHECKING:
    from protocols.lending.pool import PooledLending
    from sim.world import World


class Loss(NamedTuple):
    """A loss that receipts do not show yet. event: its BAD_DEBT. written_off: atoms of deficit, 0 if the debt stays."""

    event: int
    reserve: int
    account: int
    written_off: int


class Losses:
    """Losses of one pool by reserve, in atoms. What a liquidation leaves unpaid is shown from the contagion phase on.

    Attributes
    ----------
    deficit: (reserves,) debt that was written off and not covered yet (Aave v3.3).
    stranded: account without collateral whose debt stays on the books (before v3.3) -> (reserves,) atoms logged so far.
    """

    def __init__(self, reserves: int) -> None:
        self.deficit = np.zeros(reserves, dtype=np.int64)
        self.stranded: dict[int, NDArray[np.int64]] = {}
        self._fresh: list[Loss] = []

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
            left = deficits[i]
            if not left.any():  # the debt stays; what an earlier emptying left of it is logged already
                owed = pool.owed(world, account)
                left = owed - self.stranded.get(account, np.zeros_like(owed))
                if owed.any():
                    self.stranded[account] = owed
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
                self._fresh.append(Loss(event, int(r), account, int(deficits[i, r])))

    def absorb(self, world: "World", pool: "PooledLending") -> bool:
        """Show fresh losses on the receipts, after the treasury's have been burned against deficits."""
        fresh, self._fresh = self._fresh, []
        for loss in fresh:
            covered = 0.0
            if loss.written_off:
                self.deficit[loss.reserve] += loss.written_off
                covered = self._burn(world, pool, loss)
            pool.pass_on(covered, "treasury")
            pool.pass_on(float(world.events.value[loss.event]) - covered, "suppliers")
        return bool(fresh)

    def _burn(self, world: "World", pool: "PooledLending", loss: Loss) -> float:
        """Burn the treasury's receipts against a deficit; returns the USD that they cover."""
        r = loss.reserve
        receipt = int(pool.receipts[r])
        held = int(world.ledger.balance[receipt, pool.treasury])
        burned = min(held, int(np.ceil(self.deficit[r] / pool.supply_index[r])))
        covered = min(int(self.deficit[r]), int(np.floor(burned * pool.supply_index[r])))
        event = world.events.add(
            Kind.LOSS_ABSORBED,
            pool.treasury,
            protocol=pool.index,
            token=int(pool.assets[r]),
            amount=covered,
            value=covered * float(world.prices.values[pool.assets[r]]) / 10.0 ** pool.decimals[r],
            cause=loss.event,
        )
        if burned:
            world.ledger.move(receipt, pool.treasury, pool.account, burned, event)
        self.deficit[r] -= covered
        return float(world.events.value[event])

    def unbacked(self, world: "World", pool: "PooledLending") -> NDArray[np.float64]:
        """(reserves,) atoms that stand on receipts and that nobody will pay: deficits and stranded debts."""
        waiting = {loss.account for loss in self._fresh}
        accounts = np.array([account for account in self.stranded if account not in waiting], dtype=np.int64)
        if not accounts.size:
            return self.deficit.astype(np.float64)
        alone = pool.collateral_usd(world, accounts) < layout.NO_VALUE
        debts = world.ledger.balance[np.ix_(pool.debts, accounts)]
        return self.deficit - (debts * alone).sum(axis=1) * pool.borrow_index

    def cover(self, world: "World", pool: "PooledLending") -> NDArray[np.float64]:
        """(reserves,) share of the receipts' nominal value that cash and sound debt back; 1 without losses."""
        lost = self.unbacked(world, pool)
        if not lost.any():
            return np.ones(lost.size)
        nominal = -world.ledger.balance[pool.receipts, pool.account] * pool.supply_index
        return np.where(nominal > 0, np.clip(1.0 - lost / np.maximum(nominal, 1.0), 0.0, 1.0), 1.0)
