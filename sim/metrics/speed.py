"""How fast losses and forced sales spread."""

from typing import TYPE_CHECKING

import numpy as np

from sim.events import Kind
from sim.interfaces import Metric
from sim.math.systemic.speed import fall_speed, time_to, time_to_share
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

SHARES = (10, 50, 90)
LOSSES = (5, 50)
FORCED = (Kind.LIQUIDATION, Kind.DELEVERAGE)


@component("metric", "speed")
class SpeedMetric(Metric):
    """Seconds until losses and forced sales have come; NaN where there are none.

    contagion_speed_10_s, _50_s and _90_s: from the peak of all populations' wealth before its largest fall until that
    share of the fall, in per cent, has happened, as far as samples tell. forced_speed_10_s, _50_s and _90_s: from the
    first liquidation or deleveraging until that share of their USD is done, from the event log. loss_time_5_s and
    loss_time_50_s: from the opening until all populations together have lost so many per cent of opening wealth.
    """

    def final(self, world: "World") -> dict[str, float]:
        """Over the whole run."""
        dt, samples = world.clock.dt, world.recorder.steps
        names = [f"{actor.population.name}.wealth" for actor in world.actors]
        start = float(sum(world.opening_wealth[a.population.lo : a.population.hi].sum() for a in world.actors))
        wealth = np.array([start, *(sum(sample[name] for name in names) for sample in samples)])
        times = np.array([0.0, *((sample["tick"] + 1) * dt for sample in samples)])
        kind = world.events.column("kind")
        forced = np.isin(kind, FORCED)
        when, usd = world.events.column("tick")[forced].astype(np.float64) * dt, world.events.value[forced]
        row = {f"contagion_speed_{share}_s": fall_speed(times, wealth, share / 100.0) for share in SHARES}
        row |= {f"forced_speed_{share}_s": time_to_share(when, usd, share / 100.0) for share in SHARES}
        lost = (start - wealth) / start if start > 0.0 else np.zeros_like(wealth)
        return row | {f"loss_time_{level}_s": time_to(times, lost, level / 100.0) for level in LOSSES}
