"""`spillover analyse`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.exits import OK
from experiments.report_tables import OUTCOMES
from experiments.store.layout import PLOTS
from experiments.wording import count, percent, usd
from sim.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from experiments.analysis.bootstrap import Interval
    from experiments.analysis.discovery import Box, Limit
    from experiments.analysis.findings import Finding, Findings
    from experiments.analysis.sensitivity import Indices

MOST_ROWS = 12
"""Rows of a table for people; --json has all."""
ANALYSIS = "analysis.json"


def main(
    place: Path,
    outcomes: list[str] | None,
    event: str | None,
    x: str | None,
    y: str | None,
    base: int,
    level: float,
    strict: bool,
    pictures: bool,
    as_json: bool,
) -> int:
    """Analyse a sweep, write analysis.json and pictures next to it, and print what it says."""
    from experiments.analysis import open_study
    from experiments.analysis.findings import analyse

    if not 0.0 < level < 1.0:
        raise ConfigError(f"--level: found {level:g}; must lie between 0 and 1, such as 0.95")
    study = open_study(place)
    found = analyse(study, tuple(outcomes or ()), event or "", x or "", y or "", base, level, strict)
    drawn = write(place, found, pictures)
    if as_json:
        console.emit(found.as_data() | {"pictures": drawn})
    else:
        target = str(place / PLOTS / ANALYSIS)
        console.show(*tables(found), *(path for paths in drawn.values() for path in paths), target)
    return OK


def write(place: Path, found: "Findings", pictures: bool = True) -> dict[str, list[str]]:
    """Write analysis.json and, if wanted, every picture that can be drawn below the folder; their paths by name."""
    from experiments.plots import sweeps

    target, drawn = place / PLOTS / ANALYSIS, {}
    target.parent.mkdir(exist_ok=True)
    text = json.dumps(console.jsonable(found.as_data()), indent=1, allow_nan=False)
    target.write_text(text + "\n", encoding="utf-8")
    view = sweeps.SweepView(found, place)
    for name in sweeps.names() if pictures else []:
        picture = sweeps.picture(view, name)
        if not picture.reason:
            drawn[name] = [str(path) for path in picture.save(place / PLOTS / name)]
    return drawn


def tables(found: "Findings") -> "list[RenderableType]":
    """What a sweep says, for people."""
    study = found.study
    parts: list[RenderableType] = [f"{study.footer}; intervals {percent(found.level, 0)}", ""]
    for finding in found.outcomes:
        parts += _outcome(finding, found)
    if found.box:
        parts += [*_box(found.box), ""]
    parts += [f"{name}: not computed: {reason}" for name, reason in found.skipped.items()]
    return parts


def _outcome(finding: "Finding", found: "Findings") -> "list[RenderableType]":
    name = finding.outcome
    rows = [[tail.name, *_cells(tail.interval, name), f"{tail.interval.count:,}"] for tail in finding.pooled]
    parts = [console.table(f"{name}: tail over all runs", ["", "estimate", "low", "high", "runs"], rows), ""]
    if finding.differences:
        largest = sorted(finding.differences, key=lambda row: -abs(row.difference.value))[:MOST_ROWS]
        rows = [[row.label, *_cells(row.difference, name), percent(row.higher, 0), _gain(row.gain)] for row in largest]
        title = f"{name}: paired differences to {found.study.label(found.base)}"
        title += f" (largest {len(largest)} of {len(finding.differences)})"
        parts += [console.table(title, ["", "difference", "low", "high", "higher in", "pairing gain"], rows), ""]
    return [*parts, *_indices(finding.indices, name), ""] if finding.indices else parts


def _gain(gain: float) -> str:
    """Nothing where it is not known: below two pairs, or if they all differ by the same."""
    return f"{gain:.3g}" if gain == gain else ""


def _indices(found: "Indices", name: str) -> "list[RenderableType]":
    columns = list(found.columns)
    rows = []
    for number, axis in enumerate(found.axes):
        cells = []
        for column in columns:
            text = f"{found.columns[column][number]:,.3g}"
            if column in found.low:
                text += f" [{found.low[column][number]:,.3g}, {found.high[column][number]:,.3g}]"
            cells.append(text)
        rows.append([axis, *cells])
    parts: list[RenderableType] = [console.table(f"{name}: {found.estimator}", ["", *columns], rows)]
    if found.noise == found.noise:
        parts.append(f"replicate noise: {percent(found.noise)} of the variance between points is left from the draws")
    return [*parts, found.warning] if found.warning else parts


def _box(box: "Box") -> "list[RenderableType]":
    rows = [[limit.axis, _bounds(limit), f"{limit.chance:.2g}"] for limit in box.limits]
    title = (
        f"{box.event} in {percent(box.base)} of {count(box.runs, 'run')}; this box holds {percent(box.coverage, 0)} of "
        f"those runs, and inside it {percent(box.density, 0)} of runs are such ({percent(box.mass, 0)} of all runs)"
    )
    return [console.table(title, ["", "inside ", "by chance"], rows)]


def _bounds(limit: "Limit") -> str:
    return ", ".join(map(str, limit.values)) if limit.values else f"{limit.low:,.4g} to {limit.high:,.4g}"


def _cells(interval: "Interval", outcome: str) -> list[str]:
    form: Any = usd if outcome.endswith("_usd") else OUTCOMES[outcome][1] if outcome in OUTCOMES else "{:,.4g}".format
    ends = (interval.value, interval.low, interval.high)
    return [form(float(end)) if abs(end) < float("inf") else "open" for end in ends]
