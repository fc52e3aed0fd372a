"""Index tracking."""

from dataclasses import replace
from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, tiled
from sim.fields import AssetName, Positive
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import minimum_variance_weights
from sim.registry import component


@component("rule", "index_tracking")
class IndexTracking(Boxed, Estimating):
    """The portfolio whose return strays least from an index: the index itself where the bounds allow it.

    Assets of the index that the allocator does not hold, or not enough of, are replaced by those that move like them:
    minimise (w - b)'S(w - b) with the index weights b.
    """

    units: Annotated[dict[AssetName, Positive], MinLen(1)]
    """Composition of the index: units of each of its assets, held or not; its weights move with prices."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        names = [*view.assets, *(name for name in self.units if name not in view.assets)]
        indices = [view.view.token(name) if i >= len(view.assets) else view.indices[i] for i, name in enumerate(names)]
        wide = view if len(names) == len(view.assets) else replace(
            view, assets=names, indices=indices, prices=np.asarray(view.view.prices)[indices]
        )  # fmt: skip
        value = wide.row(self.units) * wide.prices
        index = self.invested * value / value.sum()
        bounds = np.zeros(len(names))
        bounds[: len(view.assets)] = self.bounds(view)
        if np.all(index <= bounds):
            return tiled(view, index[: len(view.assets)])
        covariance = self.covariance(wide)
        pull = -np.einsum("ij,j->i", covariance, index)
        return tiled(view, minimum_variance_weights(covariance, bounds, self.invested, pull)[: len(view.assets)])
