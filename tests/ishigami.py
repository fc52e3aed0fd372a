"""The Ishigami function as a real sweep: a plug-in whose outcome is the function of three settings, and its config."""

PLUGIN = '''\
"""The Ishigami function as an outcome: a shock that only carries three settings, and a metric that reads them."""

import math
from typing import TYPE_CHECKING

from sim.interfaces import Metric, Shock
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("shock", "ishigami")
class Ishigami(Shock):
    """Three settings and no effect."""

    x1: float = 0.0
    x2: float = 0.0
    x3: float = 0.0

    def begin(self, world: "World") -> None:
        """Nothing happens."""


@component("metric", "ishigami")
class IshigamiMetric(Metric):
    """The Ishigami function of the shock's settings, a = 7 and b = 0.1."""

    def final(self, world: "World") -> dict[str, float]:
        """After the run."""
        found = [shock for shock in world.shocks if isinstance(shock, Ishigami)]
        return {"ishigami": math.sin(s.x1) + 7 * math.sin(s.x2) ** 2 + 0.1 * s.x3**4 * math.sin(s.x1) for s in found}
'''

CONFIG = """\
[run]
name = "ishigami"
ticks = 1
dt = "1min"

[record]
checks = "off"
networks = [0]

[[assets]]
name = "USD"
price = 1.0
numeraire = true

[[assets]]
name = "ETH"
price = 2000.0
decimals = 8

[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 0.0

[[protocols]]
name = "market"
kind = "depth_market"

[[protocols.books]]
asset = "ETH"
daily_volume = 20000
daily_volatility = 0.04
half_life = "30min"

[[agents]]
name = "noise"
kind = "noise"
count = 1
assets = ["ETH"]
venues = ["market"]

[[shocks]]
name = "x"
kind = "ishigami"
at = 0

[sweep]
method = "saltelli"
samples = 8
outcomes = ["ishigami"]
keep = []

[sweep.axes]
"shocks.x.x1" = { low = -3.141592653589793, high = 3.141592653589793 }
"shocks.x.x2" = { low = -3.141592653589793, high = 3.141592653589793 }
"shocks.x.x3" = { low = -3.141592653589793, high = 3.141592653589793 }
"""
