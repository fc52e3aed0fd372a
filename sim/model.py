"""The Mesa face of a run: one Mesa agent per population, ordinary Mesa agents for single actors."""

from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import mesa
import numpy as np

from sim.errors import SpilloverError
from sim.intents import Act, Intent
from sim.interfaces import Population
from sim.phases import Phase, run_tick, tick_table
from sim.rng import Draws
from sim.views import View
from sim.world import Actor, World


class SpilloverModel(mesa.Model):
    """A world that Mesa can step.

    `model.agents` holds one agent per population, `model.agents_by_type` groups them by behaviour, and DataCollector
    and SolaraViz read it like any other model.

    Parameters
    ----------
    world: a world from `experiments.build`.
    phases: the tick table; the standard one if None.
    """

    running: bool
    """Whether ticks are left; Mesa's own flag."""

    def __init__(self, world: World, phases: list[Phase] | None = None) -> None:
        super().__init__(rng=np.random.default_rng(world.streams.seed))
        self.world = world
        self.phases = phases or tick_table()
        for actor in world.actors:
            _mesa_class(type(actor.population))(self, actor.population)

    @property
    def tick(self) -> int:
        """Ticks done so far."""
        return self.world.clock.tick + 1

    def step(self) -> None:
        """Advance the world by one tick; SpilloverError beyond the last, after which `running` is False."""
        if not self.running:
            raise SpilloverError(f"all {self.world.clock.ticks} ticks of the run are done; raise run.ticks for more")
        run_tick(self.world, self.phases)
        self.running = self.tick < self.world.clock.ticks

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Step to the end of the run, reporting each finished tick to `progress`."""
        while self.tick < self.world.clock.ticks:
            self.step()
            if progress:
                progress(self.tick)


class _Numbers(WeakKeyDictionary[mesa.Model, "count[int]"]):
    """Where the numbering of agents stands, by model."""

    def __getitem__(self, model: mesa.Model) -> "count[int]":
        return self.setdefault(model, count(1))


class PopulationAgent(mesa.Agent):
    """Stands for all accounts of one population; its attributes are the population's."""

    _ids = _Numbers()
    """Mesa before 3.4 numbers agents with a table that keeps every model alive for good."""

    def __init__(self, model: mesa.Model, population: Population) -> None:
        super().__init__(model)
        self.population = population

    def __len__(self) -> int:
        return len(self.population)

    def __getitem__(self, row: int) -> Any:
        return self.population[row]

    def __getattr__(self, name: str) -> Any:
        if name == "population":
            raise AttributeError(name)
        return getattr(self.population, name)


_classes: dict[type, type[PopulationAgent]] = {}


def _mesa_class(behaviour: type) -> type[PopulationAgent]:
    """The Mesa agent class of a behaviour, so that `agents_by_type` tells behaviours apart."""
    if behaviour not in _classes:
        base = SoloAgent if issubclass(behaviour, Solo) else PopulationAgent
        _classes[behaviour] = type(behaviour.__name__, (base,), {"__doc__": behaviour.__doc__})
    return _classes[behaviour]


class Solo(Population):
    """One account moved by a plain Python `step`, in the same vocabulary as a population.

    Subclass it, register it as a population and write `step(self)`: look at `self.view`, call `self.submit(...)`.
    Write a behaviour this way first and vectorise it when it has proved itself.
    """

    view: View
    draws: Draws
    _sent: list[Intent] | None = None
    """What this tick's step has sent so far; None between steps."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [] if self.count <= 1 else [("count", f"found {self.count}; a single actor has one account, or none")]

    def step(self) -> None:
        """What the account does in one tick."""

    def submit(self, act: Act, venue: str, token: str, amount: int, token2: str | None = None, **more: Any) -> None:
        """Send one intent; tokens and venue by name, amount in atoms. SpilloverError outside of `step`."""
        if self._sent is None:
            raise SpilloverError(f"{self.name} acts when the model steps, not in between; call model.step()")
        view = self.view
        second = -1 if token2 is None else view.token(token2)
        self._sent.append(
            Intent(act, view.venue(venue), view.accounts, view.token(token), amount, token2=second, **more)
        )

    def balance(self, token: str) -> int:
        """Own balance of a token in atoms."""
        return int(self.view.balance(self.view.token(token))[0])

    def price(self, asset: str) -> float:
        """Visible market price of an asset in USD."""
        return float(self.view.prices[self.view.token(asset)])

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Run `step` and collect what it sent."""
        sent: list[Intent] = []
        self.view, self.draws, self._sent = view, draws, sent
        self.step()
        self._sent = None
        return sent


class SoloAgent(PopulationAgent):
    """The Mesa agent of a single actor; the tick calls its population's `decide`, which runs the user's `step`."""


__all__ = ["Actor", "PopulationAgent", "Solo", "SoloAgent", "SpilloverModel"]
