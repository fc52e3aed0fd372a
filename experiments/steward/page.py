"""Writing a steward report: steward.json, and steward.html, one offline file in the style of report.html."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.pages import page
from experiments.plots.inline import inline_svg
from experiments.report import command
from experiments.steward.document import Change, Estimate, Measure, Provenance, Report, Runs, StewardLimits
from experiments.steward.limits import DELAY_DAYS
from experiments.steward.measures import Assessment, assess
from experiments.steward.pictures import DifferencePicture, FrontierPicture, StewardView
from experiments.steward.proposal import Study
from experiments.store.layout import STEWARD
from experiments.wording import count, duration, percent, usd

if TYPE_CHECKING:
    from experiments.store import SweepFolder

HEADLINES = ("var95", "lar95", "profit")


def write(study: Study, folder: "SweepFolder", level: float = 0.95) -> tuple[Report, list[Path]]:
    """Judge a finished sweep and write both files into its folder; the report and the paths."""
    assessment = assess(study, folder, level)
    made = report(study, folder, assessment, level)
    shown = render(StewardView(made, study, assessment))
    data = json.dumps(made.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return made, [_put(Path(folder.path) / name, text) for name, text in zip(STEWARD, (shown, data), strict=True)]


def report(study: Study, folder: "SweepFolder", assessment: Assessment, level: float) -> Report:
    """The report as data."""
    proposal, run, manifest = study.proposal, study.config.run, folder.manifest
    low, high = proposal.limit.range(proposal.now, proposal.changes)
    done = int((folder.runs["status"] == "ok").sum())
    names = ("protocol", "asset", "parameter", "path", "now", "proposed", "title")
    return Report(
        market=folder.name,
        level=level,
        change=Change(**{name: getattr(proposal, name) for name in names}),
        limits=StewardLimits(
            per_change=proposal.limit.step,
            relative=proposal.limit.relative,
            changes=proposal.changes,
            days_between=DELAY_DAYS,
            low=round(low, 12),
            high=round(high, 12),
        ),
        runs=Runs(
            values=list(study.values),
            volatility_factors=list(study.factors),
            replications=study.runs,
            finished=done,
            failed=len(folder.runs) - done,
            seed=run.seed,
            ticks=run.ticks,
            dt_seconds=run.dt,
        ),
        usage=assessment.usage,
        utilised=assessment.outcomes.utilised,
        measures=assessment.measures,
        frontier=assessment.frontier,
        provenance=Provenance(
            config=manifest["source"] or "given in Python",
            command=command(manifest),
            digest=manifest["digest"],
            versions=manifest["versions"],
        ),
    )


def render(view: StewardView) -> str:
    """The page as text."""
    return page("steward.html.j2", _context(view))


def _context(view: StewardView) -> dict[str, Any]:
    made, limit = view.report, view.study.proposal.limit
    return {
        "report": made,
        "headlines": [sentence(measure) for measure in made.measures if measure.name in HEADLINES],
        "facts": _facts(view),
        "steps": _steps(made, limit),
        "rows": [_row(measure) for measure in made.measures],
        "points": [_point(view, number) for number in range(len(made.frontier))],
        "pictures": [_picture(view, drawing) for drawing in (FrontierPicture(), DifferencePicture())],
        "footer": view.footer,
        "open": any(end is None for row in made.measures for end in (row.now.high, row.difference.high)),
        "level": percent(made.level, 0),
        "versions": ", ".join(f"{name} {version}" for name, version in made.provenance.versions.items()),
    }


def sentence(measure: Measure) -> str:
    """What a measure says about the proposal, with its interval."""
    now, proposed, gap = measure.now, measure.proposed, measure.difference
    form = form_of(measure)
    if now.value is None or proposed.value is None or gap.value is None:
        return f"{measure.label} is not known: runs failed"
    said = f"{measure.label} goes from {form(now.value)} to {form(proposed.value)}"
    if gap.low is None or gap.high is None:
        return f"{said}; the runs are too few to bound the difference"
    within = f"{_signed(gap.low, form)} to {_signed(gap.high, form)}"
    if gap.low <= 0.0 <= gap.high:
        return f"{said}; the difference ({within}) cannot be told from none"
    return f"{said}: a difference of {_signed(gap.value, form)} ({within})"


def form_of(measure: Measure) -> Any:
    """How values of a measure are written."""
    return usd if measure.unit == "usd" else (lambda share: percent(share, 2))


def cells(estimate: Estimate, form: Any, sign: bool = False) -> tuple[str, str]:
    """An estimate and its interval."""
    show = (lambda value: _signed(value, form)) if sign else form
    if estimate.value is None:
        return "n/a", ""
    low, high = (show(end) if end is not None else "open" for end in (estimate.low, estimate.high))
    return show(estimate.value), f"{low} to {high}"


def _signed(value: float, form: Any) -> str:
    text = str(form(value))
    return f"+{text}" if value > 0 and text != form(0.0) else text


def _row(measure: Measure) -> dict[str, Any]:
    form = form_of(measure)
    three = [cells(measure.now, form), cells(measure.proposed, form), cells(measure.difference, form, sign=True)]
    return {"label": measure.label, "cells": three, "about": measure.definition}


def _point(view: StewardView, number: int) -> dict[str, Any]:
    point, change = view.report.frontier[number], view.report.change
    share: Any = lambda value: percent(value, 2)  # noqa: E731
    name = {change.now: "now", change.proposed: "proposed"}.get(point.value, "")
    return {
        "value": view.study.proposal.limit.show(point.value),
        "name": name,
        "changes": str(point.changes),
        "cells": [
            cells(point.usage, share),
            cells(point.utilisation, share),
            cells(point.var95, usd),
            cells(point.es99, usd),
            cells(point.lar95, usd),
        ],
        "unbeaten": point.unbeaten,
    }


def _facts(view: StewardView) -> list[tuple[str, str]]:
    made = view.report
    runs, limits = made.runs, made.limits
    show = view.study.proposal.limit.show
    factors = ", ".join(f"x {factor:g}" for factor in runs.volatility_factors)
    return [
        ("Market", made.market),
        ("Setting", made.change.path),
        ("Within reach", f"{show(limits.low)} to {show(limits.high)} in {count(limits.changes, 'change')}"),
        ("Volatility", factors),
        ("Runs", f"{runs.finished:,} finished, {runs.failed:,} failed"),
        ("Length", f"{count(runs.ticks, 'tick')} of {duration(runs.dt_seconds)}"),
        ("Seed", str(runs.seed)),
    ]


def _steps(made: Report, limit: Any) -> str:
    needed = limit.needed(made.change.now, made.change.proposed) or 1
    if needed == 1:
        return f"One change is enough: a risk steward may move this parameter by {limit.words} at a time."
    days = (needed - 1) * made.limits.days_between
    return (
        f"This takes {needed} changes over {days} days or more: a risk steward may move this parameter by "
        f"{limit.words} at a time, and again after {made.limits.days_between} days. The runs judge where it ends, "
        "not the way there."
    )


def _picture(view: StewardView, drawing: Any) -> dict[str, str]:
    drawn = drawing.picture(view, framed=False)
    svg = inline_svg(drawn.render(".svg"), drawn.kind, f"{drawn.caption.title}. {drawn.caption.alt}")
    return {"name": drawn.kind, "title": drawn.caption.title, "note": drawn.caption.note, "svg": svg}


def _put(target: Path, text: str) -> Path:
    draft = target.with_name(f".{target.name}.staged")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, target)
    return target
