"""A config, loaded: what a run is made of, and nothing that can still change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.config.calibrate_section import CalibrateTable
from experiments.config.nodes import Node
from experiments.config.problems import ConfigProblems, Problem
from experiments.config.quick import applied
from experiments.config.reading import SECTIONS, Reader, correlation_matrix
from experiments.config.sections import FAMILY_OF, Asset, Correlation, Observed, Record, Run
from experiments.config.sets import apply_node, dotted
from experiments.config.sources import assemble, find
from experiments.config.sweep_section import SweepTable
from experiments.config.tables import Table, instance_of
from sim.clock import Clock
from sim.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from sim.chain import ChainSettings


@dataclass(frozen=True, eq=False)
class Config:
    """A validated config. Nothing in it changes; components are made anew for each run.

    run, record, chain: tables of that name. assets, correlations, observed: their lists, in the order of the file.
    tables: the validated settings of each family's components. document: all that was written, with its places.
    sweep, calibrate: the tables of that name; None if there is none.
    """

    run: Run
    record: Record
    chain: "ChainSettings"
    assets: tuple[Asset, ...]
    correlations: tuple[Correlation, ...]
    observed: tuple[Observed, ...]
    tables: Mapping[str, tuple[Table, ...]]
    document: Node
    sweep: SweepTable | None = None
    calibrate: CalibrateTable | None = None

    def clock(self) -> Clock:
        """A new clock at tick 0."""
        return Clock(self.run.start, self.run.dt, self.run.ticks)

    def components(self, family: str) -> list[Any]:
        """New instances of a family's configured components, in the order of the file.

        family: process, protocol, oracle, shock or population. Raises ConfigError for another.
        """
        if family not in self.tables:
            raise ConfigError(f'configs hold no family "{family}"{suggestion(family, sorted(self.tables))}')
        return [instance_of(table) for table in self.tables[family]]

    def correlation_matrix(self) -> NDArray[np.float64] | None:
        """(n, n) correlations of the assets other than the numeraire, in their order; None if none are given."""
        moving = [asset.name for asset in self.assets if not asset.numeraire]
        return correlation_matrix(moving, self.correlations) if self.correlations else None

    def with_sets(self, sets: Sequence[str]) -> "Config":
        """This config with further `path=value` items on top, as if given to `load`; errors as there."""
        return _validated(self.document, sets, [])

    def with_values(self, values: Sequence[tuple[str, Node]]) -> "Config":
        """This config with values at dotted paths, written in this order, without its [sweep].

        Errors as for `load`; they name the places where the values were written.
        """
        tree = self.document.copy()
        for section in ("sweep", "calibrate"):
            tree.value.pop(section, None)
        problems = [problem for path, node in values if (problem := _write(tree, path, node))]
        return _validated(tree, (), problems)

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self.document,)


def load(name_or_path: str | Path, sets: Sequence[str] = ()) -> Config:
    """Read a preset or a file, with what it extends, apply `path=value` items and validate all of it.

    The components it names must be registered before. Raises ConfigProblems, which lists every mistake with its
    place, or ConfigError if there is no such file.
    """
    problems: list[Problem] = []
    tree = assemble(find(str(name_or_path), Path.cwd()), problems)
    return _validated(tree, sets, problems)


def _validated(document: Node, sets: Sequence[str], problems: list[Problem], load_files: bool = True) -> Config:
    tree = applied(document, sets, SECTIONS, problems)
    reader = Reader(tree, problems)
    run, record, chain = reader.run(), reader.record(), reader.chain()
    assets = reader.assets()
    correlations = reader.correlations(assets)
    observed, sweep, calibrate = reader.observed(), reader.sweep(), reader.calibrate()
    tables = {family: reader.components(section) for section, family in FAMILY_OF.items()}
    if load_files:
        for section, family in FAMILY_OF.items():
            reader.load_files(section, tables[family])
    if problems or run is None or record is None:
        raise ConfigProblems(problems)
    return Config(run, record, chain, assets, correlations, observed, MappingProxyType(tables), tree, sweep, calibrate)


def _write(tree: Node, path: str, node: Node) -> Problem | None:
    parts = dotted(path)
    if not parts:
        return Problem(node.key, "", f'found "{path}"; must be the dotted path of a setting, such as run.ticks')
    return apply_node(tree, parts, node.copy(), SECTIONS)


def _revive(document: Node) -> Config:
    return _validated(document, (), [], load_files=False)
