"""Diversifying away from the crowd."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt, MinLen
from numpy.typing import NDArray

from agents.shared.estimates import Boxed, Estimating, Expecting, tiled
from agents.shared.liquidity import depths
from sim.fields import NonNegative, ProtocolName
from sim.interfaces import AllocatorView
from sim.math.portfolio.quadratic import minimum_variance_weights
from sim.registry import component


@component("rule", "overlap_penalised")
class OverlapPenalised(Expecting, Boxed, Estimating):
    """Mean-variance weights that avoid what others hold much of where markets are thin (systemic diversification).

    Minimises 1/2 w'Sw - tolerance x mean'w + penalty x crowding'w. Crowding is what everybody outside the population
    holds of an asset over the depth of its market, relative to the average asset: the liquidity-weighted overlap of the
    portfolio with the rest of the market (Cont and Schaanning, 2019). At an opening where nobody holds anything yet it
    is left out and counted as `nothing_held`.
    """

    venues: Annotated[list[ProtocolName], MinLen(1)]
    """Whose depth counts."""
    penalty: NonNegative = 0.2
    """Variance per year that a portfolio of average crowding is charged; 0 is mean-variance."""
    move: Annotated[float, Gt(0.0), Lt(1.0)] = 0.02
    """Fall of the price for which depth is asked."""
    tolerance: NonNegative = 0.0
    """Place on the frontier, as in mean_variance."""

    def weights(self, view: AllocatorView) -> NDArray[np.float64]:
        """(n, k) shares of wealth."""
        covariance = self.covariance(view)
        charge = self.penalty * self.crowding(view)
        if self.tolerance > 0.0:
            charge = charge - self.tolerance * self.excess(view, covariance, self.history(view))
        return tiled(view, minimum_variance_weights(covariance, self.bounds(view), self.invested, charge))

    def crowding(self, view: AllocatorView) -> NDArray[np.float64]:
        """(k,) others' USD over USD of depth, one on average; zero where nobody holds anything."""
        world, depth = view.view, depths(view, self.venues, self.move)
        atoms = [world.supply(index) - int(world.balance(index).sum()) for index in view.indices]
        held = np.array(atoms) * world.atom_prices[view.indices]
        crowd = held / np.maximum(depth, 1e-9 * max(float(held.max()), 1.0))
        if not crowd.any():
            self.note("nothing_held")
            return crowd
        return np.asarray(crowd / crowd.mean())
