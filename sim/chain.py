"""One chain: blocks of limited gas, an EIP-1559 base fee, priority tips, latency, failed and dropped transactions.

A tick holds `dt / block_time` blocks. Transactions of outsiders fill part of every block; those of the model compete
with them and with each other by tip. The base fee follows EIP-1559 (London, 2021-08); `fee_market = "first_price"`
instead reads the price of inclusion from a recorded table, for days before London.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.clock import Clock
from sim.errors import ConfigError
from sim.events import REVERTED, EventLog, Kind
from sim.fields import AssetName, Count, DataFile, NonNegative, Positive, Share
from sim.intents import ACCOUNT, ACT, AMOUNT, BORN, CAUSE, KEY, SUBJECT, TIP, TOKEN, VENUE, Act, Orders
from sim.ledger import POSTED, Ledger
from sim.processes.recording import read_recording, utc
from sim.tokens import EXTERNAL

GWEI = 1e-9
ELASTICITY, MAX_CHANGE = 2, 8
"""EIP-1559: the block limit is twice the target; a full block raises the base fee by an eighth."""
GAS = {
    Act.DEPOSIT: 250_000,
    Act.ADD_LIQUIDITY: 200_000,
    Act.BORROW: 350_000,
    Act.REPAY: 220_000,
    Act.WITHDRAW: 280_000,
    Act.REMOVE_LIQUIDITY: 180_000,
    Act.SWAP: 150_000,
    Act.LIQUIDATE: 600_000,
    Act.SET_MODE: 100_000,
    Act.BUY: 250_000,
    Act.SELL: 250_000,
    Act.LIMIT_BUY: 200_000,
    Act.LIMIT_SELL: 200_000,
    Act.CANCEL: 80_000,
    Act.QUOTE: 120_000,
    Act.BID: 100_000,
    Act.MINT: 250_000,
    Act.REDEEM: 250_000,
}
"""Typical gas of each act on Ethereum, rounded."""
_GAS_BY_ACT = np.array([GAS[act] for act in Act], dtype=np.int64)


def next_base_fee(base_fee: float, used: float, target: float) -> float:
    """Base fee of the next block (EIP-1559): base * (1 + (used - target) / target / 8)."""
    return base_fee * (1.0 + (used - target) / target / MAX_CHANGE)


@dataclass(frozen=True, kw_only=True)
class ChainSettings:
    """The chain that on-chain venues live on."""

    native: AssetName | None = None
    """Asset that pays for gas; the first one beside the numeraire if none is named."""
    block_time: Positive = 12.0
    """Seconds between blocks."""
    gas_limit: Positive = 30e6
    """Gas per block; the target is half of it."""
    base_fee: Positive = 20.0
    """First base fee per gas in gwei."""
    background: NonNegative = 0.5
    """Gas that outsiders want per block at the first base fee, as a share of the limit."""
    elasticity: NonNegative = 1.0
    """How outsiders' demand falls with the base fee: demand ~ (fee / first fee)^-elasticity."""
    outsider_tip: Positive = 2.0
    """Mean tip of outsiders in gwei; tips are exponential, so a tip t outbids 1 - exp(-t / mean) of them."""
    latency: Count = 0
    """Ticks between sending a transaction and its first chance of inclusion."""
    patience: Count = 30
    """Ticks after which a transaction that is still waiting is dropped."""
    failure_rate: Share = 0.0
    """Share of included transactions that revert for reasons outside the model; they pay gas."""
    allowance: NonNegative = 0.5
    """Native coins given to every account at the start, for gas."""
    fee_market: Literal["eip1559", "first_price"] = "eip1559"
    """Whether the base fee follows EIP-1559 or a recorded table."""
    gas_prices: DataFile | None = None
    """For first_price: a CSV with a column time and one of gwei, the gas price that buys inclusion."""
    gas_column: str = "gwei"
    """Column of that table."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.fee_market == "first_price" and self.gas_prices is None:
            return [("fee_market", "first_price needs gas_prices, a CSV of recorded gas prices")]
        return []


def recorded_fees(settings: ChainSettings, clock: Clock) -> NDArray[np.float64] | None:
    """(ticks,) gas price in gwei held between records, from the settings' table; None without one.

    Raises ConfigError if the table does not cover the run.
    """
    if settings.fee_market != "first_price" or settings.gas_prices is None:
        return None
    recording = read_recording(settings.gas_prices, "time", settings.gas_column)
    start = clock.start if clock.start.tzinfo else clock.start.replace(tzinfo=UTC)
    ticks = start.timestamp() + np.arange(clock.ticks) * clock.dt
    if ticks[0] < recording.times[0] or ticks[-1] > recording.times[-1] + clock.dt:
        covered = f"{utc(recording.times[0])} to {utc(recording.times[-1])}"
        raise ConfigError(
            f"{settings.gas_prices}:1: gas prices cover {covered}, not the run {utc(ticks[0])} to {utc(ticks[-1])}"
        )
    return recording.prices[np.searchsorted(recording.times, ticks, side="right") - 1]


@dataclass
class Chain:
    """State of the chain and its waiting transactions."""

    settings: ChainSettings
    dt: float
    recorded: NDArray[np.float64] | None = None
    base_fee: float = field(init=False)
    surge: float = field(default=1.0, init=False)
    """Multiplier on outsiders' demand; a gas spike raises it."""

    def __post_init__(self) -> None:
        self.base_fee = self.settings.base_fee if self.recorded is None else float(self.recorded[0])
        self.blocks = max(1, round(self.dt / self.settings.block_time))
        self.waiting = Orders()
        self.gas_used = 0.0
        self.congestion = 0.0

    def demand(self) -> float:
        """Gas per block that outsiders want at the current base fee, before the limit."""
        settings = self.settings
        relative = self.base_fee / settings.base_fee if self.recorded is None else 1.0
        return settings.background * self.surge * settings.gas_limit * relative**-settings.elasticity

    def advance(self, tick: int) -> None:
        """Move the base fee over the blocks of one tick."""
        settings = self.settings
        if self.recorded is not None:
            self.base_fee = float(self.recorded[min(tick, self.recorded.size - 1)]) * self.surge
        else:
            own = self.gas_used / self.blocks
            for _ in range(self.blocks):
                used = min(settings.gas_limit, self.demand() + own)
                self.base_fee = max(1e-3, next_base_fee(self.base_fee, used, settings.gas_limit / ELASTICITY))
        self.gas_used = 0.0
        self.congestion = min(1.0, self.demand() / settings.gas_limit)

    def sequence(
        self, orders: Orders, tick: int, ledger: Ledger, events: EventLog, native: int, luck: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows that enter this tick's blocks, best paid first, gas collected.

        What finds no room waits until its patience ends. Senders that cannot pay, and the failing share (luck below
        the failure rate), are logged and removed. luck: (orders.count,) uniform numbers.
        """
        ints, reals = orders.ints, orders.reals
        rank = np.lexsort((ints[:, KEY], -reals[:, TIP]))
        ints, reals, luck = ints[rank], reals[rank], luck[rank]
        fits = self.fits(ints, reals, tick)
        age = tick - ints[:, BORN] - self.settings.latency
        forced = ints[:, ACT] == Act.LIQUIDATE
        # A liquidation is bid for one block: its sender looks again at the next.
        late = ~fits & ((age >= self.settings.patience) | (forced & (age >= 0)))
        self.log(events, Kind.TX_DROPPED, ints[late])
        orders.clear()
        waits = ~fits & ~late
        orders.extend(ints[waits], reals[waits])
        ints, reals, luck = ints[fits], reals[fits], luck[fits]
        paid = self.charge(ledger, events, native, ints, reals)
        self.log(events, Kind.TX_DROPPED, ints[~paid])
        reverts = paid & (luck < self.settings.failure_rate)
        self.log(events, Kind.TX_FAILED, ints[reverts], REVERTED)
        runs = paid & ~reverts
        return ints[runs], reals[runs]

    def fits(self, ints: NDArray[np.int64], reals: NDArray[np.float64], tick: int) -> NDArray[np.bool_]:
        """Which rows, best paid first, get into the tick's blocks.

        A row is in if the gas of better-paid rows and of outsiders that outbid its tip leaves room for it.
        """
        ready = ints[:, BORN] + self.settings.latency <= tick
        gas = np.where(ready, _GAS_BY_ACT[ints[:, ACT]], 0)
        outbid = np.exp(-reals[:, TIP] / self.settings.outsider_tip) * self.demand() * self.blocks
        ahead = self.gas_used + np.cumsum(gas) + outbid
        return ready & (ahead <= self.settings.gas_limit * self.blocks)

    def least_tips(self, act: Act, most: int) -> NDArray[np.float64]:
        """(k,) tips in gwei at which the first, second, ... further transaction of an act would get in.

        k is `most`, or as many as find room in the next blocks if that is less. `fits` is the rule that this inverts.
        """
        used = 0.0 if self.settings.latency else self.gas_used
        free = self.settings.gas_limit * self.blocks - used
        count = min(most, max(math.ceil(free / GAS[act]) - 1, 0))
        room = free - GAS[act] * np.arange(1.0, count + 1.0)
        return self.settings.outsider_tip * np.log(np.maximum(self.demand() * self.blocks / room, 1.0))

    def charge(
        self, ledger: Ledger, events: EventLog, native: int, ints: NDArray[np.int64], reals: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Collect gas from the senders; returns which rows could pay. Base fee and tip leave the model."""
        if not len(ints):
            return np.ones(0, dtype=np.bool_)
        gas = _GAS_BY_ACT[ints[:, ACT]]
        decimals = ledger.tokens.rows[native].decimals
        fee = np.ceil(gas * (self.base_fee + reals[:, TIP]) * GWEI * 10.0**decimals).astype(np.int64)
        paid = ledger.attempt(native, ints[:, ACCOUNT], EXTERNAL, fee, events.count) == POSTED
        events.add(Kind.GAS, token=native, amount=int(fee[paid].sum()))
        self.gas_used += float(gas[paid].sum())
        return paid

    @staticmethod
    def log(events: EventLog, kind: Kind, ints: NDArray[np.int64], value: float = 0.0) -> None:
        """Log rows that did not run; value: the reason of a TX_FAILED."""
        if len(ints):
            events.add_many(
                len(ints),
                kind,
                actor=ints[:, ACCOUNT],
                subject=ints[:, SUBJECT],
                protocol=ints[:, VENUE],
                token=ints[:, TOKEN],
                amount=ints[:, AMOUNT],
                value=value,
                cause=ints[:, CAUSE],
            )

    def fee(self, act: Act, tip: float) -> float:
        """Cost in native coins of one transaction at the current base fee."""
        return GAS[act] * (self.base_fee + tip) * GWEI
