"""`spillover list`, `spillover schema` and `spillover --version`."""

from collections.abc import Sequence
from pathlib import Path

import typer

from experiments.commands import console
from experiments.exits import OK
from sim.errors import ConfigError, suggestion

PRESETS = "presets"


def components(family: str | None, plugins: Sequence[str] | None, as_json: bool) -> int:
    """Kinds of one family or of all, with the first line of what they say about themselves."""
    from experiments.catalogue import load_components
    from sim.registry import FAMILIES

    load_components(tuple(plugins or ()))
    known = [PRESETS, *FAMILIES]
    if family is not None and family not in known:
        raise ConfigError(f'no family "{family}"{suggestion(family, known)}')
    found = {name: _presets() if name == PRESETS else _kinds(name) for name in known if family in (None, name)}
    if as_json:
        console.emit(found)
        return OK
    about = {PRESETS: "configs that come with Spillover"} | FAMILIES
    for name, kinds in found.items():
        rows = [[f"  {kind}", text] for kind, text in kinds.items()] or [["  (none)", ""]]
        console.show(console.table(f"{name}: {about[name]}", ["", " "], rows))
    return OK


def schema(plugins: Sequence[str] | None, steward: bool = False) -> int:
    """The JSON Schema of config files, or of steward reports."""
    if steward:
        from experiments import steward as reports

        console.emit(reports.json_schema())
        return OK
    from experiments.catalogue import load_components
    from experiments.config import json_schema

    load_components(tuple(plugins or ()))
    console.emit(json_schema())
    return OK


def version() -> None:
    """The version of Spillover and of Python."""
    from experiments.provenance import versions

    found = versions()
    typer.echo(f"spillover {found['spillover']} (Python {found['python']})")
    raise typer.Exit


def _kinds(family: str) -> dict[str, str]:
    from sim.registry import kinds, lookup

    if family == "plot":
        from experiments import plots
        from experiments.plots import sweeps

        plots.names()
        sweeps.names()
    return {kind: _about(lookup(family, kind)) for kind in kinds(family)}


def _about(cls: type) -> str:
    """First line of its docstring, with the primary risk of a strategy."""
    from sim.registry import summary

    risk = getattr(cls, "risk", "")
    return f"{summary(cls)} [{risk} risk]" if risk else summary(cls)


def _presets() -> dict[str, str]:
    from experiments.config import PRESETS as FOLDER
    from experiments.config import presets

    return {name: _first_sentence(FOLDER / f"{name}.toml") for name in presets()}


def _first_sentence(path: Path) -> str:
    """What the comment at the top of a preset begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comment = []
    for line in lines:
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment).split(". ")[0].rstrip(".")
