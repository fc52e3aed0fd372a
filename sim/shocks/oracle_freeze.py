"""An oracle stops publishing."""

from typing import TYPE_CHECKING

from sim.fields import OracleName
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "oracle_freeze")
class OracleFreeze(Window):
    """The oracle keeps its last price during the window."""

    oracle: OracleName

    def begin(self, world: "World") -> None:
        """Freeze."""
        world.oracle(self.oracle).frozen += 1

    def end(self, world: "World") -> None:
        """Resume with the next publication."""
        world.oracle(self.oracle).frozen -= 1
