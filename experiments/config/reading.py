"""Validating a whole config tree, section by section, collecting every mistake on the way."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.config.calibrate_section import CalibrateTable
from experiments.config.messages import attempt, problem_at
from experiments.config.nodes import Node, identity, plain
from experiments.config.problems import Problem, found
from experiments.config.resolve_fields import Context
from experiments.config.sections import FAMILY_OF, Asset, Correlation, Observed, Record, Run, RunTable
from experiments.config.sweep_section import SweepTable
from experiments.config.tables import Table, instance_of, read, read_component
from sim.clock import Clock
from sim.errors import ConfigError, suggestion
from sim.math.correlation import correlation_factor

SECTIONS: dict[str, Any] = {
    "run": {},
    "record": {},
    "chain": {},
    "assets": [],
    "correlations": [],
    "observed": [],
    "sweep": {},
    "calibrate": {},
    "quick": {},
    **{section: [] for section in FAMILY_OF},
}
"""Every top-level name, with the empty value it stands for when it is not written."""


class Reader:
    """Turns a tree into validated tables; `problems` receives what is wrong."""

    def __init__(self, tree: Node, problems: list[Problem]) -> None:
        self.tree, self.problems = tree, problems
        self.raw = plain(tree)
        names = {section: _names(tree.value[section]) for section in SECTIONS if section in tree.value}
        self.context = Context(names=names)
        for key in tree.value.keys() - SECTIONS.keys():
            text = f"unknown section{suggestion(key, list(SECTIONS))}"
            problems.append(Problem(tree.value[key].key, key, text))

    def run(self) -> Run | None:
        """The [run] table; sets the clock that moments elsewhere are read by."""
        table = self.table("run", RunTable)
        if table is None:
            self._guess_clock()
            return None
        given: RunTable = instance_of(table)
        run = Run(
            name=given.name,
            ticks=given.length,
            dt=given.dt,
            start=given.start,
            seed=given.seed,
            replications=given.replications,
        )
        self.context.clock = Clock(run.start, run.dt, run.ticks)
        return run

    def _guess_clock(self) -> None:
        """Read moments by what is right in a wrong [run], so that their own mistakes are found in the same pass."""
        raw = self.raw.get("run", {})
        grid = {key: raw[key] for key in ("ticks", "duration", "dt", "start") if key in raw} if raw else {}
        table, _ = attempt(lambda: read(RunTable, grid, self.context), self.tree, ("run",), self.context)
        if table is not None:
            given: RunTable = instance_of(table)
            self.context.clock = Clock(given.start, given.dt, given.length)

    def record(self) -> Record | None:
        """The [record] table."""
        table = self.table("record", Record)
        return None if table is None else instance_of(table)

    def chain(self) -> Any:
        """The [chain] table, as sim.chain.ChainSettings."""
        from sim.chain import ChainSettings

        table = self.table("chain", ChainSettings)
        return None if table is None else instance_of(table)

    def assets(self) -> tuple[Asset, ...]:
        """The [[assets]] list; exactly one of them is the numeraire."""
        assets = tuple(instance_of(table) for table in self.items("assets", Asset))
        numeraires = [asset.name for asset in assets if asset.numeraire]
        if len(numeraires) != 1 and len(assets) == len(self.raw.get("assets", [])):
            what = f"found {', '.join(numeraires)}" if numeraires else "found none"
            text = f"{what}; exactly one asset has numeraire = true (and price = 1)"
            self.problems.append(problem_at(self.tree, ("assets",), text))
        return assets

    def correlations(self, assets: tuple[Asset, ...]) -> tuple[Correlation, ...]:
        """The [[correlations]] list; together they form a correlation matrix."""
        pairs = tuple(instance_of(table) for table in self.items("correlations", Correlation))
        for index, pair in enumerate(pairs):
            if any(asset.numeraire and asset.name in pair.between for asset in assets):
                text = "the numeraire's price never moves, so nothing correlates with it"
                self.problems.append(problem_at(self.tree, ("correlations", index, "between"), text))
                return pairs
        moving = [asset.name for asset in assets if not asset.numeraire]
        if pairs and all(asset in moving for pair in pairs for asset in pair.between):
            try:
                correlation_factor(correlation_matrix(moving, pairs), moving)
            except ConfigError as error:
                self.problems.append(problem_at(self.tree, ("correlations",), str(error)))
        return pairs

    def observed(self) -> tuple[Observed, ...]:
        """The [[observed]] list."""
        return tuple(instance_of(table) for table in self.items("observed", Observed))

    def sweep(self) -> SweepTable | None:
        """The [sweep] table; None if there is none, or if it is wrong. Its axes are judged when a plan is made."""
        table = self.table("sweep", SweepTable) if "sweep" in self.raw else None
        return None if table is None else instance_of(table)

    def calibrate(self) -> CalibrateTable | None:
        """The [calibrate] table; None if there is none, or if it is wrong."""
        table = self.table("calibrate", CalibrateTable) if "calibrate" in self.raw else None
        return None if table is None else instance_of(table)

    def components(self, section: str) -> tuple[Table, ...]:
        """A list of components."""
        return tuple(self.items(section, FAMILY_OF[section]))

    def load_files(self, section: str, tables: tuple[Table, ...]) -> None:
        """Let components that read files do so now, so that a bad file is found before anything runs.

        Such a component has a method `load(clock)`, which raises ConfigError; what it keeps is thrown away.
        """
        for table in tables:
            component = instance_of(table)
            if self.context.clock is not None and hasattr(component, "load"):
                try:
                    component.load(self.context.clock)
                except ConfigError as error:
                    place = (section, getattr(table, "name"))  # noqa: B009
                    self.problems.append(problem_at(self.tree, place, str(error)))

    def table(self, section: str, cls: type) -> Table | None:
        """One section that is a table; None if it is wrong."""
        return self._attempt(cls, self.raw.get(section, {}), (section,))

    def items(self, section: str, reader: type | str) -> Iterator[Table]:
        """The valid items of a section that is a list. reader: their class, or the family they belong to."""
        items = self.raw.get(section, [])
        if not isinstance(items, list):
            text = f"{found(items)}; must be a list: start each item with [[{section}]]"
            self.problems.append(problem_at(self.tree, (section,), text))
            return
        for index, item in enumerate(items):
            table = self._attempt(reader, item, (section, index))
            if table is not None:
                yield table

    def _attempt(self, reader: type | str, value: Any, place: tuple[str | int, ...]) -> Table | None:
        def call() -> Table:
            if isinstance(reader, str):
                return read_component(reader, value, self.context)
            return read(reader, value, self.context)

        table, problems = attempt(call, self.tree, place, self.context)
        self.problems.extend(problems)
        return table


def correlation_matrix(names: list[str], pairs: tuple[Correlation, ...]) -> NDArray[np.float64]:
    """(n, n) correlations between the named assets; zero where no pair says otherwise."""
    matrix = np.eye(len(names))
    for pair in pairs:
        i, j = (names.index(asset) for asset in pair.between)
        matrix[i, j] = matrix[j, i] = pair.value
    return matrix


def _names(section: Node) -> list[str]:
    items = section.value if isinstance(section.value, list) else []
    return [name for item in items if (name := identity(item)) is not None]
