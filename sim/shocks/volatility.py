"""A window of higher or lower exogenous volatility."""

from typing import TYPE_CHECKING

from sim.fields import AssetName, NonNegative
from sim.registry import component
from sim.shocks.window import Window

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "volatility")
class Volatility(Window):
    """Returns of the listed assets' fundamentals are multiplied by `factor` during the window."""

    assets: list[AssetName]
    factor: NonNegative

    def begin(self, world: "World") -> None:
        """Nothing at run time: paths are drawn with the scale already in them."""

    def volatility_scale(self, asset: str, tick: int) -> float:
        """The factor for listed assets inside the window, 1 elsewhere."""
        return self.factor if asset in self.assets and self.at <= tick < self.until else 1.0
