"""The [sweep] table: which points of which axes are run, how often, and within which limits.

`spillover run` does not look at it, and it is no part of a run's key.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from sim.fields import Count, Duration, Positive

LISTED = ("grid", "zip", "list")
"""Methods whose points are written down by the user."""
SAMPLERS = ("sobol", "latin_hypercube", "halton", "random")
"""Methods that fill the space between the bounds of the axes."""
SENSITIVITY = ("saltelli", "morris")
"""Methods whose points belong together: leave one out and the indices cannot be computed any more."""

Method = Literal["grid", "zip", "list", "sobol", "latin_hypercube", "halton", "random", "saltelli", "morris"]
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
EVENT = re.compile(r"\s*([\w.\-:]+)\s*(>=|<=|>|<)\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")
"""How an event is written: bad_debt_usd > 0."""
_SIZE = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(BYTES)})")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When a point has enough replications: as soon as the interval of an outcome's mean is narrow enough."""

    outcome: str
    """Outcome column whose mean is watched."""
    half_width: Positive
    """Half width of the interval at which a point is done, in the unit of the outcome."""
    level: Annotated[float, Gt(0.0), Lt(1.0)] = 0.95
    """Confidence level of the interval."""
    least: Annotated[int, Ge(2)] = 10
    """Replications of each point before the interval is looked at."""
    most: Annotated[int, Ge(2)] | None = None
    """Replications after which a point is done anyway; the replications of the sweep if not given."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.most is not None and self.most < self.least:
            return [("most", f"found {self.most}; must be at least least = {self.least}")]
        return []


@dataclass(frozen=True, kw_only=True)
class SweepTable:
    """A sweep over settings of this config. `axes` maps the path of each setting to its values or its range."""

    method: Method = "grid"
    """How points are chosen: listed by the user, drawn by a sampler, or laid out for a sensitivity analysis."""
    samples: Annotated[int, Ge(1)] | None = None
    """Points of a sampler; base points of saltelli; trajectories of morris."""
    replications: Annotated[int, Ge(1)] = 1
    """Runs of each point. Replication k has the same random numbers at all points."""
    seed: Count = 0
    """Seed of the sampler; the seed of the runs is run.seed."""
    levels: Annotated[int, Ge(2), Le(1000)] = 4
    """Levels of each axis that morris steps between; an even number."""
    keep: tuple[Literal["steps", "events", "flows", "edges", "accounts", "postings"], ...] = ("steps",)
    """Tables kept of each run besides its outcomes."""
    time_limit: Duration | None = None
    """Wall-clock time after which a run is stopped and recorded as failed; none if not given."""
    memory_limit: str | None = None
    """Memory above which a run is stopped and recorded as failed, such as "2GB"; none if not given."""
    stop: Stop | None = None
    """When a point has enough replications; all of them are run if not given."""
    outcomes: tuple[str, ...] = ()
    """Outcome columns that `spillover analyse` looks at; those that describe losses if not given."""
    event: str | None = None
    """What phase diagrams and scenario discovery look for: an outcome, a comparison and a number."""
    axes: dict[str, Any] = field(default_factory=dict)
    """Values or range of each axis, by the path of the setting it moves."""
    points: list[dict[str, Any]] = field(default_factory=list)
    """Points of method "list": tables of path and value."""

    @property
    def memory_bytes(self) -> int | None:
        """The memory limit in bytes."""
        found = _SIZE.fullmatch(self.memory_limit.strip()) if self.memory_limit else None
        return round(float(found[1]) * BYTES[found[2]]) if found else None

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [*self._limits(), *self._counts()]

    def _limits(self) -> list[tuple[str, str]]:
        found = []
        if self.memory_limit is not None and not self.memory_bytes:
            allowed = f'a number with one of {", ".join(BYTES)}, such as "2GB"'
            found.append(("memory_limit", f'found "{self.memory_limit}"; must be {allowed}'))
        if self.event is not None and not EVENT.fullmatch(self.event):
            allowed = 'an outcome, one of > >= < <=, and a number, such as "bad_debt_usd > 0"'
            found.append(("event", f'found "{self.event}"; must be {allowed}'))
        if self.time_limit is not None and self.time_limit <= 0:
            found.append(("time_limit", f"found {self.time_limit:g}; must be longer than 0 seconds"))
        most = self.stop.most if self.stop and self.stop.most is not None else self.replications
        if self.stop and self.stop.most is None and self.replications < self.stop.least:
            found.append(
                (
                    "replications",
                    f"found {self.replications}, but [sweep.stop] looks at {self.stop.least} at least; "
                    f"allowed: from {max(most, self.stop.least)}, or set sweep.stop.least lower",
                )
            )
        return found

    def _counts(self) -> list[tuple[str, str]]:
        if self.method in LISTED:
            if self.samples is not None:
                return [("samples", f'found {self.samples}; method "{self.method}" runs the points as listed')]
            return []
        if self.samples is None:
            return [("samples", f'missing; method "{self.method}" needs to know how many, for example samples = 128')]
        if self.method in ("sobol", "saltelli") and self.samples & (self.samples - 1):
            near = 1 << self.samples.bit_length()
            why = "a Sobol sequence is balanced only at powers of two"
            return [("samples", f"found {self.samples}; {why}; allowed: {near // 2}, {near}, {2 * near}, ...")]
        if self.method == "morris" and self.levels % 2:
            return [("levels", f"found {self.levels}; must be even, so that steps up and down are equally likely")]
        return []
