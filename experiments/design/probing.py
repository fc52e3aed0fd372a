"""What the values of the axes make of the config, tried before a sweep starts.

Not every point is tried: of axes that are combined, each value once with the first point's values on the others, of
points that are listed, each. What goes wrong only in other combinations is found when their turn comes.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from experiments.config import Config, ConfigProblems, Problem, canonical
from experiments.design.axes import Axis, Level
from experiments.design.points import settings

if TYPE_CHECKING:
    from experiments.design.plan import Plan

TRIED = 64
"""Values of one axis, or listed points, that are tried at most."""


def probe(plan: "Plan") -> None:
    """Raise ConfigProblems with everything that values of the axes make wrong, and with values that mean the same."""
    problems: list[Problem] = []
    if plan.method in ("zip", "list"):
        for number in _spread(len(plan.points)):
            problems.extend(_tried(plan.base, plan.points.levels(number))[1])
    else:
        for number, axis in enumerate(plan.axes):
            problems.extend(_along(plan, number, axis))
    if problems:
        raise ConfigProblems(problems)


def _along(plan: "Plan", number: int, axis: Axis) -> Iterator[Problem]:
    """One axis, with the first point's levels on the others."""
    first = plan.points.levels(0)
    levels = [axis.levels[i] for i in _spread(axis.size)] if axis.levels else [axis.level(0.0), axis.level(1.0)]
    found: list[list[Problem]] = []
    meanings: dict[str, Level] = {}
    for level in levels:
        config, problems = _tried(plan.base, (*first[:number], level, *first[number + 1 :]))
        found.append([_hinted(problem, axis) for problem in problems])
        twin = meanings.setdefault(_meaning(config), level) if config is not None else level
        if twin is not level:
            text = f"duplicate points: {twin.shown} and {level.shown} mean the same; write one of them"
            yield Problem(level.at, f"sweep.axes.{axis.name}", text)
    yield from _once(found, axis)


def _meaning(config: Config) -> str:
    """Equal for two configs whose runs have the same keys."""
    return f"{config.run.seed} {canonical(config)}"


def _once(found: list[list[Problem]], axis: Axis) -> list[Problem]:
    """Problems of an axis; those that all its values have are the path's, and are told once."""
    texts = [{(problem.path, problem.text) for problem in problems} for problems in found]
    shared = set.intersection(*texts) if len(texts) > 1 else set()
    apart = [problem for problems in found for problem in problems if (problem.path, problem.text) not in shared]
    return [*(Problem(axis.at, path, text) for path, text in sorted(shared)), *apart]


def _tried(base: Config, levels: tuple[Level, ...]) -> tuple[Config | None, list[Problem]]:
    """The config with these levels; or what is wrong, with the levels where the place is not theirs."""
    written = settings(levels)
    try:
        return base.with_values(written), []
    except ConfigProblems as error:
        places = {place for _, node in written for place in (node.key, node.at)}
        said = ", ".join(f"{path} = {level.shown}" for level in levels for path, _ in level.settings[:1])
        return None, [
            problem if problem.origin in places else replace(problem, text=f"{problem.text} (at {said})")
            for problem in error.problems
        ]


def _hinted(problem: Problem, axis: Axis) -> Problem:
    if not math.isnan(axis.low) and problem.text.endswith("must be a whole number"):
        return replace(problem, text=f"{problem.text}; write whole = true in its range")
    return problem


def _spread(size: int) -> list[int]:
    return sorted(set(np.linspace(0, size - 1, min(size, TRIED)).round().astype(int).tolist()))
