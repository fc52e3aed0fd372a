"""Where a price move came from, by motive: what each source pushed, and what of it was still in the price."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.causes import DECAYS, NetParts
from sim.flows import Motive

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Attribution:
    """Log-price moves of one asset since the opening of the run, at the end of every tick.

    motives: sources with any flow. gross: (ticks, motives) everything credited so far, recovery being a source of its
    own. net: (ticks, motives) what of each push still stands; sources decay together as the market recovers, so the
    columns of recovery hold only what belongs to no source. Both sum to `move` (ticks,) at every tick.
    """

    asset: str
    venue: str
    motives: list[Motive]
    gross: NDArray[np.float64]
    net: NDArray[np.float64]
    move: NDArray[np.float64]

    @property
    def window(self) -> tuple[int, int]:
        """Ticks of the high and the low between which the price fell most, as a share of the high."""
        low = int(np.argmin(self.move - np.maximum.accumulate(self.move)))
        return int(np.argmax(self.move[: low + 1])), low

    @property
    def fall(self) -> float:
        """Largest fall from a high, as a share of it: the outcome drawdown.ASSET."""
        high, low = self.window
        return float(-np.expm1(self.move[low] - self.move[high]))

    def between(self, series: NDArray[np.float64]) -> NDArray[np.float64]:
        """(motives,) what `gross` or `net` added between the high and the low."""
        high, low = self.window
        return series[low] - series[high]

    def points(self, motive: Motive) -> float:
        """Part of the fall that a motive added, as a share of the high; negative if it held the price up.

        The log move divides exactly among sources; each gets the same share of the fall in percent.
        """
        high, low = self.window
        if motive not in self.motives or high == low:
            return 0.0
        part = self.between(self.net)[self.motives.index(motive)]
        return float(part / (self.move[low] - self.move[high])) * self.fall


def attribution(flows: "DataFrame", asset: str, venue: str, ticks: int) -> Attribution:
    """Attribution of one run's moves of an asset on a venue.

    flows: the run's attribution table, motives by name. ticks: length of the run.
    """
    mine = flows[(flows["asset"] == asset) & (flows["venue"] == venue)]
    names = mine["motive"].astype("category").cat
    codes = np.array([Motive[str(name).upper()] for name in names.categories], dtype=np.int64)[names.codes]
    tick, dlog = mine["tick"].to_numpy(dtype=np.int64), mine["dlog"].to_numpy(dtype=float)
    motives = [Motive(code) for code in np.unique(codes)]
    added = np.zeros((ticks, len(motives)))
    np.add.at(added, (tick, np.searchsorted(motives, codes)), dlog)
    gross = np.cumsum(added, axis=0)
    move = gross.sum(axis=1)
    table = {"market": np.zeros_like(tick), "tick": tick, "motive": codes, "dlog": dlog}
    table["population"] = mine["population"].astype("category").cat.codes.to_numpy(dtype=np.int64)
    return Attribution(asset, venue, motives, gross, _net(table, motives, move), move)


def _net(flows: dict[str, NDArray], motives: list[Motive], move: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = NetParts(flows, 0, move.size)
    net = np.zeros((move.size, len(motives)))
    for column, (_, motive) in enumerate(parts.sources):
        net[:, motives.index(Motive(motive))] += parts.closed[:, column]
    nobodys = [column for column, motive in enumerate(motives) if motive in DECAYS]
    if nobodys:
        net[:, nobodys[0]] = move - net.sum(axis=1)
    return net
