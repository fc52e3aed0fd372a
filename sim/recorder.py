"""What a run remembers besides events and flows: sampled metrics and exposure networks."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim import exposure

if TYPE_CHECKING:
    from sim.interfaces import Metric
    from sim.world import World


@dataclass
class Recorder:
    """Rows of steps/ and edges/, collected at sampled ticks.

    every: ticks between samples; the last tick is always sampled. networks: ticks at which the exposure network is
    stored. last: last tick of the run.
    """

    every: int
    networks: list[int]
    last: int
    steps: list[dict[str, float]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    photographs: dict[str, Any] = field(default_factory=dict)
    """Arrays that metrics keep whole, such as the health distribution at the first and last tick."""

    def due(self, tick: int) -> bool:
        """Whether this tick is sampled."""
        return tick % self.every == 0 or tick == self.last or tick in self.networks

    def sample(self, world: "World") -> None:
        """Measure all metrics, and the exposure network where it is due."""
        tick = world.clock.tick
        row: dict[str, float] = {"tick": tick}
        for metric in world.metrics:
            with _named(metric):
                row.update(metric.step(world))
        self.steps.append(row)
        if tick in self.networks:
            self.edges += [{"tick": tick, **vars(edge)} for edge in exposure.network(world)]


def outcomes(world: "World") -> dict[str, float]:
    """What all metrics make of a run that has ended."""
    found: dict[str, float] = {}
    for metric in world.metrics:
        with _named(metric):
            found.update(metric.final(world))
    return found


@contextmanager
def _named(metric: "Metric") -> Iterator[None]:
    """Name the metric in errors of its code."""
    try:
        yield
    except Exception as error:
        error.add_note(f'in metric "{metric.kind}"')
        raise
