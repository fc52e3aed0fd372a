"""`spillover bench`: run the yardsticks and print their figures side by side.

BENCHES maps the name that the command line takes to the module that measures it; modules are imported when asked for.
"""

import importlib
import json as json_
import sys
from collections.abc import Sequence

from benchmarks.harness import Disagreement, Figure, Report, machine
from sim.errors import ConfigError, suggestion

BENCHES = {
    "mesa": "benchmarks.mesa_traders",
    "ecosystem": "benchmarks.ecosystem",
    "health": "benchmarks.health_scan",
    "swaps": "benchmarks.swaps",
    "creation": "benchmarks.creation",
    "options": "benchmarks.options",
    "allocation": "benchmarks.allocation",
    "orderbook": "benchmarks.orderbook",
    "sweeps": "benchmarks.sweeps",
    "commands": "benchmarks.commands",
}
FAILED = 4
"""Exit code when an agreement check fails: a verification failed."""


def main(names: Sequence[str] | None = None, json: bool = False, scale: float = 1.0) -> int:
    """Run the named benchmarks, all of them if none are named, and print what they measured.

    names: see `BENCHES`. json: print one JSON document instead of text. scale: part of the full sizes, for a quick
    look; targets hold at 1.
    Returns 0, or 4 if an agreement check failed. Raises ConfigError for a name that is not a benchmark.
    """
    for name in names or ():
        if name not in BENCHES:
            raise ConfigError(f'unknown benchmark "{name}"{suggestion(name, sorted(BENCHES))}')
    found = machine()
    say = _silent if json else _say
    say(_heading(found))
    reports: list[Report] = []
    failures: dict[str, str] = {}
    for name in names or BENCHES:
        try:
            report = importlib.import_module(BENCHES[name]).run(scale)
        except Disagreement as problem:
            failures[name] = str(problem)
            say(f"\n{name}: no figures, {problem}\n")
        else:
            reports.append(report)
            say(text(report))
    if json:
        document = {"machine": found, "benchmarks": [report.plain() for report in reports], "failures": failures}
        _say(json_.dumps(document, indent=2) + "\n")
    return FAILED if failures else 0


def text(report: Report) -> str:
    """A report as a table of text."""
    width = max(len(figure.label) for figure in report.figures)
    lines = ["", f"{report.title} [{report.name}]", f"  agreed: {report.agreement}"]
    lines += [_row(figure, width) for figure in report.figures]
    lines += [f"  note: {note}" for note in report.notes]
    lines += [f"  | {line}" for line in report.profile]
    return "\n".join(lines) + "\n"


def _row(figure: Figure, width: int) -> str:
    row = f"  {figure.label:<{width}}  {figure.value:>9.4g} {figure.unit:<22}"
    if figure.target is not None:
        bound = "at most" if figure.at_most else "at least"
        row += f" {'met' if figure.met else 'MISSED'}: {bound} {figure.target:g}"
    return f"{row}  {figure.detail}".rstrip()


def _heading(found: dict) -> str:
    versions = ", ".join(f"{name} {found[name]}" for name in ("python", "numpy", "numba", "mesa"))
    scores = f"{found['python_mops']:.3g} million Python steps/s, {found['triad_gb_s']:.3g} GB/s triad"
    return f"{versions}; {found['cores']} cores; machine score: {scores}\n"


def _say(words: str) -> None:
    sys.stdout.write(words)
    sys.stdout.flush()


def _silent(words: str) -> None:
    """Progress text has no place in JSON output."""
