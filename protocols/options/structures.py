"""Orders of several legs: which listed series a structure means."""

import numpy as np
from numpy.typing import NDArray

from protocols.options.series import SeriesTable
from protocols.options.settings import Structure, StructureLeg

Ints = NDArray[np.int64]


def resolve(table: SeriesTable, structure: Structure, series: int) -> tuple[Ints, Ints] | None:
    """Series and signed ratios of a structure in the underlying and expiry of a series.

    None if it needs an expiry that is not listed, or if two of its legs fall on the same series.
    """
    home = int(table.group[series])
    groups = table.groups_of(int(table.owner[home]))
    later = groups[np.argsort(table.expiry[groups], kind="stable")].tolist()
    place = later.index(home)
    found = []
    for leg in structure.legs:
        if place + leg.expiry >= len(later):
            return None
        found.append(_nearest(table, table.members(later[place + leg.expiry]), leg))
    if len(set(found)) < len(found):
        return None
    return np.array(found, np.int64), np.array([leg.ratio for leg in structure.legs], np.int64)


def _nearest(table: SeriesTable, members: slice, leg: StructureLeg) -> int:
    numbers = np.arange(members.start, members.stop)
    numbers = numbers[table.is_call[numbers] == (leg.option == "call")]
    if leg.delta is not None:
        distance = np.abs(np.abs(table.greeks[numbers, 0]) - leg.delta)
    else:
        wanted = 1.0 if leg.moneyness is None else leg.moneyness
        distance = np.abs(table.strike[numbers] / table.spot[numbers] - wanted)
    return int(numbers[np.argmin(distance)])
