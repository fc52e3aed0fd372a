"""report.html: one offline file that tells what happened in a run folder, with pictures and a replay of the network."""

import json
import os
import shlex
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments import plots
from experiments.pages import page
from experiments.plots import RunView
from experiments.plots.inline import inline_svg
from experiments.plots.replay import replay
from experiments.report_tables import PRIVATE, observed_rows, outcome_rows, population_rows, spread_heads
from experiments.store import open_run
from experiments.store.layout import REPORT
from experiments.wording import count, duration

if TYPE_CHECKING:
    from experiments.commands.explain import Twig

MOST_FAILURES = 20
TREE_DEPTH, TREE_TOP = 2, 3
"""Generations of earlier liquidations in the tree of causes, and how many of each."""


def write(path: Path | str) -> Path:
    """Write report.html into an output folder and return its path.

    Raises ConfigError if the folder is no finished output of a run.
    """
    folder = open_run(path)
    text = render(RunView(folder))
    target = Path(path) / REPORT
    draft = target.with_name(f".{REPORT}.staged")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, target)
    return target


def render(run: RunView) -> str:
    """The page as text."""
    return page("report.html.j2", context(run))


def context(run: RunView) -> dict[str, Any]:
    """Everything the template shows."""
    pictures = [_picture(run, name) for name in plots.names()]
    return {
        "run": run,
        "headlines": [picture["title"] for picture in pictures if not picture["reason"]][:3],
        "facts": _facts(run),
        "spread_heads": spread_heads(run),
        "outcomes": [] if run.empty else outcome_rows(run),
        "observed": [] if run.empty else observed_rows(run),
        "populations": [] if run.empty else population_rows(run),
        "private": [(label, about) for label, _, about in PRIVATE.values()],
        "failures": _failures(run),
        "pictures": pictures,
        "replay": None if run.empty else replay(run),
        "causes": "" if run.empty else causes_html(run),
        "command": command(run.folder.manifest),
        "provenance": _provenance(run.folder.manifest),
        "config": json.dumps(run.folder.manifest["config"], indent=2, ensure_ascii=False),
    }


# Facts ----------------------------------------------------------------------------------------------------------------


def _facts(run: RunView) -> list[tuple[str, str]]:
    world = run.world
    accounts = sum(owner["hi"] - owner["lo"] for owner in world["populations"])
    length = f"{count(run.ticks, 'tick')} of {duration(run.dt)} from {run.start}"
    facts = [("Length", length), ("Accounts", f"{accounts:,}"), ("Seed", str(run.seed))]
    runs = f"{len(run.finished):,} finished, {run.failed:,} failed"
    if run.folder.interrupted:
        runs += f", of {run.folder.manifest['runs']['requested']:,} asked for (interrupted)"
    return [*facts, ("Runs", runs)]


def _failures(run: RunView) -> list[tuple[int, str]]:
    lost = run.runs[run.runs["status"] != "ok"].head(MOST_FAILURES)
    return [(int(number), str(error)) for number, error in zip(lost["replication"], lost["error"], strict=True)]


# Pictures and causes -------------------------------------------------------------------------------------------------


def _picture(run: RunView, name: str) -> dict[str, str]:
    drawn = plots.picture(run, name, framed=False)
    svg = "" if drawn.reason else inline_svg(drawn.render(".svg"), name, f"{drawn.caption.title}. {drawn.caption.alt}")
    return {
        "name": name,
        "title": drawn.caption.title,
        "note": drawn.caption.note,
        "reason": drawn.reason,
        "svg": svg,
    }


def causes_html(run: RunView) -> str:
    """The tree of causes of the largest liquidation as nested lists; empty if nothing was liquidated."""
    from experiments.commands.explain import liquidation
    from experiments.explain import Evidence

    if not run.outcome("liquidations"):
        return ""
    evidence = Evidence(run.folder, run.replication)
    event = evidence.largest()
    return "" if event is None else f"<ul>{_branch(liquidation(evidence.explain(event, TREE_DEPTH, TREE_TOP)))}</ul>"


def _branch(twig: "Twig") -> str:
    below = "".join(_branch(child) for child in twig.twigs)
    return f"<li>{escape(twig.text)}{f'<ul>{below}</ul>' if below else ''}</li>"


# Provenance ----------------------------------------------------------------------------------------------------------


def command(manifest: dict[str, Any]) -> str:
    """The command line that makes this folder again; empty if it was made in Python from a config of no file."""
    first, *words = manifest["command"] or [""]
    if Path(first).name == "spillover":
        return shlex.join(["spillover", *words])
    if not manifest["source"]:
        return ""
    options = [word for item in manifest["sets"] for word in ("--set", item)]
    options += [word for plugin in manifest["plugins"] for word in ("--plugin", plugin)]
    return shlex.join(["spillover", "run", manifest["source"], *options])


def _provenance(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    machine = manifest["machine"]
    return [
        ("Config", manifest["source"] or "given in Python"),
        *[("Set", item) for item in manifest["sets"]],
        *[("Plug-in", plugin) for plugin in manifest["plugins"]],
        ("Digest of the model", manifest["digest"]),
        ("Versions", ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())),
        ("Machine", f"{machine['system']}, {machine['processor']}, {count(machine['cores'], 'core')}"),
        ("Started", manifest["started"]),
    ]
