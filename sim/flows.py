"""Attribution: every change of a market's log price is credited to a population and a motive.

Per tick and market the credited parts sum to the whole change; `sim.checks` compares them with the price itself.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

OUTSIDE = -1
"""Population index of sources that are nobody's order: fundamentals, recovery, liquidity."""


class Motive(IntEnum):
    """Why an order was sent, or what else moved a price."""

    FUNDAMENTAL = 0
    SHOCK = 1
    RECOVERY = 2
    LIQUIDITY = 3
    NOISE = 4
    MOMENTUM = 5
    REBALANCING = 6
    HEDGING = 7
    ARBITRAGE = 8
    MARKET_MAKING = 9
    DELEVERAGING = 10
    LIQUIDATION = 11
    RUN = 12
    GOVERNANCE = 13
    ATTACK = 14
    SETUP = 15
    INDEX = 16
    """The underlying of a derivative moved."""
    CARRY = 17
    """Orders that collect funding, basis or premium."""
    UNWIND = 18
    """Closing what is left of a hedge or position after a venue liquidated or deleveraged the rest."""


class Flows:
    """Price moves by (tick, market, population, motive).

    The current tick is dense; `flush` appends its non-zero cells to long columns.
    """

    def __init__(self, markets: int, populations: int) -> None:
        self.now = np.zeros((markets, populations + 1, len(Motive)))
        self.lead_event = np.zeros(markets, dtype=np.int64)
        """(markets,) id of the event with the largest single part in the tick's move; 0 if it is nobody's."""
        self._lead_size = np.zeros(markets)
        self._dirty = False
        self._parts: list[tuple[int, NDArray[np.intp], NDArray[np.float64]]] = []

    def credit(self, market: int, population: int, motive: int, dlog: float, event: int = 0) -> None:
        """Credit one log-price change made by an event; population OUTSIDE for sources that are nobody's order."""
        self.now[market, population, motive] += dlog
        self._dirty = True
        self._lead(market, abs(dlog), event)

    def credit_rows(
        self,
        market: int,
        population: NDArray[np.int64],
        motive: NDArray[np.int64],
        dlog: NDArray[np.float64],
        events: NDArray[np.int64],
    ) -> None:
        """Credit many orders' log-price changes on one market; all arrays have one entry per order."""
        if dlog.size:
            np.add.at(self.now[market], (population, motive), dlog)
            self._dirty = True
            largest = int(np.argmax(np.abs(dlog)))
            self._lead(market, abs(float(dlog[largest])), int(events[largest]))

    def _lead(self, market: int, size: float, event: int) -> None:
        if size > self._lead_size[market]:
            self._lead_size[market] = size
            self.lead_event[market] = event

    def total(self, market: int) -> float:
        """Sum of what was credited to a market in the current tick."""
        return float(self.now[market].sum())

    def flush(self, tick: int) -> None:
        """Close the tick: keep its non-zero cells and start the next one empty."""
        if not self._dirty:
            return
        flat = self.now.ravel()
        cells = np.flatnonzero(flat)
        self._parts.append((tick, cells, flat[cells].copy()))
        self.now[:] = 0.0
        self.lead_event[:] = 0
        self._lead_size[:] = 0.0
        self._dirty = False

    def table(self) -> dict[str, NDArray]:
        """Long columns tick, market, population (-1 outside), motive, dlog of all closed ticks."""
        shape = self.now.shape
        ticks = np.concatenate([np.full(cells.size, tick) for tick, cells, _ in self._parts] or [np.empty(0, int)])
        flat = np.concatenate([cells for _, cells, _ in self._parts] or [np.empty(0, int)])
        market, population, motive = np.unravel_index(flat.astype(np.intp), shape)
        population = np.where(population == shape[1] - 1, OUTSIDE, population)
        dlog = np.concatenate([values for _, _, values in self._parts] or [np.empty(0)])
        return {"tick": ticks, "market": market, "population": population, "motive": motive, "dlog": dlog}
