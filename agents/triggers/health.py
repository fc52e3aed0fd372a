"""Health trigger."""

from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from sim.fields import ProtocolName
from sim.interfaces import Trigger
from sim.registry import component
from sim.views import View


@component("trigger", "health")
class Health(Trigger):
    """Rebalance as soon as the health factor of a loan is below a level, which brings leverage back to its target."""

    protocol: ProtocolName
    """The lending pool."""
    below: Annotated[float, Gt(1.0)] = 1.3
    """Health factor, as of the last mark."""

    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Each account by its own health; one without debt never."""
        return np.asarray(view.health(self.protocol) < self.below)
