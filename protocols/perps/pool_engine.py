"""What a pool of liquidity does on its own account: its shares, liquidations, and deleveraging of winners."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from protocols.perps.pool_execution import EMPTY, LONGS, RESERVED, SHORTS
from protocols.perps.pool_kernels import pool_margin, share_to_close
from protocols.perps.quotes import MarginBreaches
from protocols.shared.margin_kernels import DONE, NO_CASH, NO_FUNDS, WRONG_TOKEN
from sim.events import HEALTH_UNIT, Kind
from sim.intents import ACCOUNT, ACT, ALL, AMOUNT, CAUSE, INT_COLUMNS, SUBJECT, TOKEN, TOKEN2, Act, Flag
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from protocols.perps.pool import PoolPerpetuals
    from sim.world import World

Ints = NDArray[np.int64]
_MOST_HEALTH = 1e6


class Providers:
    """Shares of the pool: bought and returned at its value, traders' open profits deducted."""

    def __init__(self, pool: "PoolPerpetuals") -> None:
        self.pool = pool

    def share_value(self, world: "World") -> float:
        """Margin atoms per atom of the shares; 1 before there are any."""
        supply = -int(world.ledger.balance[self.pool.shares, self.pool.account])
        return max(self.pool.pool_atoms(world), 0.0) / supply if supply > 0 else 1.0

    def execute(self, world: "World", row: Ints) -> int:
        """Execute one MINT or REDEEM and log it; 1 if it succeeded."""
        event, mints, pool = world.events.count, row[ACT] == Act.MINT, self.pool
        status, amount = (self._mint if mints else self._redeem)(world, row, event)
        ok = status == DONE
        kind = (Kind.MINT if mints else Kind.REDEEM) if ok else Kind.TX_FAILED
        value = amount / pool.money if ok else float(status)
        world.events.add(kind, int(row[ACCOUNT]), -1, pool.index, int(row[TOKEN]), amount, value, int(row[CAUSE]))
        return int(ok)

    def _mint(self, world: "World", row: Ints, event: int) -> tuple[int, int]:
        account, amount, pool = int(row[ACCOUNT]), int(row[AMOUNT]), self.pool
        value = self.share_value(world)
        if row[TOKEN] != 0 or row[TOKEN2] != pool.shares:
            return WRONG_TOKEN, 0
        if amount <= 0 or value <= 0.0:
            return EMPTY, 0
        if amount > int(world.ledger.balance[0, account]) or math.floor(amount / value) <= 0:
            return NO_FUNDS, 0
        world.ledger.move(0, account, pool.account, amount, event)
        world.ledger.move(pool.shares, pool.account, account, math.floor(amount / value), event)
        return DONE, amount

    def _redeem(self, world: "World", row: Ints, event: int) -> tuple[int, int]:
        account, pool = int(row[ACCOUNT]), self.pool
        held = int(world.ledger.balance[pool.shares, account])
        amount = held if row[AMOUNT] >= ALL else int(row[AMOUNT])
        if row[TOKEN] != pool.shares:
            return WRONG_TOKEN, 0
        if amount <= 0 or amount > held:
            return (EMPTY if row[AMOUNT] <= 0 else NO_FUNDS), 0
        paid = math.floor(amount * self.share_value(world))
        left = pool.pool_before_profits(world) - paid / pool.money
        if pool.reserved() > left * pool.terms.reserve_share:
            return RESERVED, 0
        if paid > int(world.ledger.balance[0, pool.account]):
            return NO_CASH, 0
        world.ledger.move(pool.shares, account, pool.account, amount, event)
        world.ledger.move(0, pool.account, account, paid, event)
        return DONE, amount


class PoolEngine:
    """Closes positions against the pool.

    breach: int64 (accounts,) last BREACH event of each account.
    """

    def __init__(self, pool: "PoolPerpetuals", accounts: int) -> None:
        self.pool, self.breach = pool, np.zeros(accounts, dtype=np.int64)
        self._below = np.zeros(accounts, dtype=np.bool_)

    def mark(self, world: "World") -> MarginBreaches | None:
        """Log new breaches; failing positions, or None if there is nothing to do."""
        pool, accounts = self.pool, self.failing(world)
        margin = pool.accounts
        ratio = margin.equity[accounts] / np.maximum(margin.maintenance[accounts], 1.0)
        health = np.clip(ratio, -_MOST_HEALTH, _MOST_HEALTH)
        size = world.ledger.balance[pool.token, accounts]
        new = ~self._below[accounts]
        if new.any():
            event = pool.feed.event if pool.feed is not None else int(world.prices.last_event[pool.token])
            self.breach[accounts[new]] = world.events.add_many(
                int(new.sum()),
                Kind.BREACH,
                actor=accounts[new],
                protocol=pool.index,
                amount=np.floor(health[new] / HEALTH_UNIT).astype(np.int64),
                value=np.abs(size[new]) / pool.scale * pool.index_price,
                cause=event,
            )
        self._below[:] = False
        self._below[accounts] = True
        if not accounts.size and not self._excessive(world):
            return None
        tokens = np.full(accounts.size, pool.token)
        return MarginBreaches(pool.index, accounts, health, tokens, size, self.breach[accounts])

    def failing(self, world: "World") -> Ints:
        """Accounts whose collateral, after the costs of closing, is below the least their position needs."""
        pool, balance = self.pool, world.ledger.balance
        who = self._holders(world, 0)
        held, cost = balance[pool.token, who], pool.cost[who]
        settled = balance[pool.accounts.margin, who] + balance[pool.accounts.quote, who]
        excess = np.empty(who.size)
        pool_margin(
            np.abs(cost) / pool.money, np.sign(held).astype(np.float64), np.abs(held) / pool.scale,
            (settled + cost) / pool.money, np.zeros(who.size), pool.index_price, float(pool.state[LONGS]),
            float(pool.state[SHORTS]), np.array(pool.paid_shares(world)), pool.terms, excess,
        )  # fmt: skip
        return who[excess < 0.0]

    def _holders(self, world: "World", sign: int) -> Ints:
        """Traders with a position; of one sign, or of any if it is 0."""
        row = world.ledger.balance[self.pool.token]
        who = np.flatnonzero(row * sign > 0 if sign else row != 0)
        return who[(who != self.pool.account) & (who != EXTERNAL)]

    def _excessive(self, world: "World") -> bool:
        pool = self.pool.pool_before_profits(world)
        return any(share_to_close(profit, pool, self.pool.terms) > 0.0 for profit in self.pool.profits())

    def run(self, world: "World") -> bool:
        """Close failing positions, then winners where a side's profit takes too much; True if anything was closed."""
        failing = self.failing(world)
        if failing.size:
            self._close(world, failing, Kind.LIQUIDATION, self.pool.terms.liquidation_fee)
        return self._deleverage(world) or bool(failing.size)

    def _close(self, world: "World", accounts: Ints, kind: Kind, fee: float) -> None:
        pool = self.pool
        held = world.ledger.balance[pool.token, accounts]
        ints = np.full((accounts.size, INT_COLUMNS), -1, dtype=np.int64)
        ints[:, ACT], ints[:, ACCOUNT] = np.where(held < 0, Act.BUY, Act.SELL), accounts
        ints[:, TOKEN], ints[:, AMOUNT], ints[:, SUBJECT] = pool.token, np.abs(held), Flag.REDUCE_ONLY
        events = world.events.add_many(
            accounts.size,
            kind,
            actor=pool.account,
            subject=accounts,
            protocol=pool.index,
            token=pool.token,
            amount=np.abs(held),
            value=np.abs(held) / pool.scale * pool.index_price,
            cause=self.breach[accounts],
        )
        pool.run_orders(world, ints, np.zeros((accounts.size, 2)), events, pool.pool_book(world, fee))
        pool.square(world, accounts, int(events[-1]))
        for account in accounts[world.ledger.balance[pool.accounts.quote, accounts] < 0].tolist():
            self._bear(world, account, int(events[-1]))

    def _bear(self, world: "World", account: int, cause: int) -> None:
        """The pool bears what a closed position leaves unpaid."""
        pool = self.pool
        owed = pool.accounts.shortfall(world, account)
        usd = owed / pool.money
        event = world.events.add(Kind.LOSS_ABSORBED, pool.account, account, pool.index, 0, owed, usd, cause)
        world.ledger.move(pool.accounts.quote, pool.account, account, owed, event)

    def _deleverage(self, world: "World") -> bool:
        """Close the most profitable positions of a side until its profit is down to what the pool can bear."""
        pool, acted = self.pool, False
        for sign, profit in zip((1, -1), pool.profits(), strict=True):
            due = float(share_to_close(profit, pool.pool_before_profits(world), pool.terms)) * profit
            who = self._holders(world, sign) if due > 0.0 else np.empty(0, np.int64)
            if not who.size:
                continue
            worth = world.ledger.balance[pool.token, who] / pool.scale * pool.index_price * pool.money
            gains = (worth - pool.cost[who]) / pool.money
            order = np.lexsort((who, -gains / np.maximum(np.abs(pool.cost[who]), 1)))
            count = int(np.searchsorted(np.cumsum(np.maximum(gains[order], 0.0)), due)) + 1
            self._close(world, who[order[:count]], Kind.DELEVERAGE, 0.0)
            acted = True
        return acted
