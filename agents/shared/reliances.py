"""Weights that stand on no protocol too much, directly or through claims on claims."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion
from sim.fields import ProtocolName
from sim.interfaces import AllocatorView

Floats = NDArray[np.float64]


def cut_to_caps(
    view: AllocatorView, weights: Floats, caps: Mapping[ProtocolName, float], rest: float = np.inf
) -> Floats:
    """(n, k) weights cut so that no protocol carries more than its cap; what is cut stays in the numeraire.

    caps: largest share of wealth by protocol. rest: of every protocol that is not named. All that stands on a protocol
    is cut in proportion, one protocol after the other; a cut never raises what another carries. ConfigError if a named
    protocol does not exist.
    """
    found = view.view.reliance()
    known(caps, found)
    for name, stands in found.items():
        share, cap = stands[view.indices], caps.get(ProtocolName(name), rest)
        if not np.isfinite(cap) or not share.any():
            continue
        carried = (weights * share).sum(axis=1)
        scale = np.where(carried > cap, cap / np.maximum(carried, 1e-300), 1.0)
        weights = np.where(share > 0.0, weights * scale[:, None], weights)
    return weights


def known(names: Iterable[str], protocols: Iterable[str]) -> None:
    """ConfigError if one is no protocol."""
    there = sorted(protocols)
    for name in names:
        if name not in there:
            raise ConfigError(f'no protocol "{name}" carries anything{suggestion(name, there)}')
