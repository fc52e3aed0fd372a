"""An oracle publishes wrong prices."""

from typing import TYPE_CHECKING

from sim.fields import OracleName, Positive
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "oracle_skew")
class OracleSkew(Window):
    """Every price the oracle publishes during the window is multiplied by `factor`."""

    oracle: OracleName
    factor: Positive

    def begin(self, world: "World") -> None:
        """Skew what the oracle sees; it publishes when its deviation threshold is crossed."""
        world.oracle(self.oracle).skew *= self.factor

    def end(self, world: "World") -> None:
        """Back to honest prices."""
        world.oracle(self.oracle).skew /= self.factor
