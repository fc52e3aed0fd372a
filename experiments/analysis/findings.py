"""Everything a sweep says, in one structure that programs and tables read."""

from dataclasses import dataclass
from typing import Any

from experiments.analysis.discovery import Box, discover
from experiments.analysis.paired import Difference, differences
from experiments.analysis.sensitivity import Indices, indices
from experiments.analysis.study import Event, Study, event_of
from experiments.analysis.surface import Phase, Response, phase, response
from experiments.analysis.tails import Tail, tails
from experiments.config.sweep_section import LISTED
from sim.errors import ConfigError

MOST_POINTS = 500
"""Points that are compared one by one; a larger sweep is read through its indices."""


@dataclass(frozen=True)
class Finding:
    """What the sweep says about one outcome. pooled: tails over all runs of all points."""

    outcome: str
    pooled: tuple[Tail, ...]
    differences: tuple[Difference, ...]
    indices: Indices | None
    response: Response | None

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "tails": [tail.as_data() for tail in self.pooled],
            "differences": [row.as_data() for row in self.differences],
            "sensitivity": self.indices.as_data() if self.indices else None,
            "response": self.response.as_data() if self.response else None,
        }


@dataclass(frozen=True)
class Findings:
    """What the sweep says. skipped: analyses that were not made, with the reason."""

    study: Study
    level: float
    base: int
    outcomes: tuple[Finding, ...]
    phase: Phase | None
    box: Box | None
    skipped: dict[str, str]

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        study = self.study
        return {
            "name": study.name,
            "seed": study.seed,
            "sweep": study.sweep,
            "runs": {"made": len(study.runs), "failed": len(study.failed)},
            "level": self.level,
            "base": {"point": self.base, "label": study.label(self.base)} if self.base in study.params.index else None,
            "outcomes": {finding.outcome: finding.as_data() for finding in self.outcomes},
            "phase": self.phase.as_data() if self.phase else None,
            "scenario": self.box.as_data() if self.box else None,
            "failed": study.failed[["point", "replication", "error"]].to_dict("records"),
            "skipped": self.skipped,
        }


def analyse(
    study: Study,
    outcomes: tuple[str, ...] = (),
    event: str = "",
    x: str = "",
    y: str = "",
    base: int = 0,
    level: float = 0.95,
    strict: bool = False,
) -> Findings:
    """All analyses of a sweep.

    outcomes: columns to look at. event: such as "bad_debt_usd > 0"; the sweep's own if not given. x, y: axes of the
    phase diagram. base: the point that others are compared with. level: of intervals. strict: refuse sensitivity
    indices if runs that they need are missing. Raises ConfigError for names that the sweep does not have.
    """
    if study.finished.empty:
        raise ConfigError(f"no run of this sweep has finished ({len(study.failed)} failed); nothing to analyse")
    skipped: dict[str, str] = {}
    names = study.chosen(outcomes)
    found = tuple(_finding(study, name, base, level, strict, skipped) for name in names)
    text = event or study.sweep.get("event") or ""
    asked = event_of(text) if text else None
    diagram = _phase(study, asked, x, y, level, skipped)
    box = discover(study, asked) if asked else None
    if asked and box is None:
        skipped["scenario"] = f"{asked} happened in all runs or in none, or nothing was swept"
    return Findings(study, level, base, found, diagram, box, skipped)


def _finding(study: Study, name: str, base: int, level: float, strict: bool, skipped: dict[str, str]) -> Finding:
    pooled = tuple(tails(name, study.values(name), level))
    pairs: tuple[Difference, ...] = ()
    if study.method not in LISTED or study.points > MOST_POINTS:
        skipped["differences"] = f"{study.points:,} points of method {study.method}: see the sensitivity indices"
    elif study.points > 1:
        pairs = tuple(differences(study, name, base, level))
    found = indices(study, name, level, strict) if study.axes and study.points > 2 else None
    if found is None:
        skipped["sensitivity"] = "needs an axis and at least three points"
    return Finding(name, pooled, pairs, found, response(study, name) if study.axes else None)


def _phase(study: Study, event: Event | None, x: str, y: str, level: float, skipped: dict[str, str]) -> Phase | None:
    if event is None:
        skipped["phase"] = skipped["scenario"] = 'no event; give --event "bad_debt_usd > 0", or [sweep] event'
        return None
    try:
        return phase(study, event, x, y, level)
    except ConfigError as error:
        if x or y or event.outcome not in study.outcomes:
            raise
        skipped["phase"] = str(error)
        return None
