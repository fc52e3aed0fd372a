"""`spillover plot` and `spillover report`."""

from collections.abc import Sequence
from pathlib import Path

from experiments.commands import console
from experiments.exits import OK
from experiments.store import open_run
from experiments.store.layout import PLOTS
from sim.errors import ConfigError, suggestion


def plot(place: Path, name: str | None, out: Path | None, suffixes: Sequence[str], as_json: bool) -> int:
    """Draw one picture, or all of them, and print the paths. suffixes: of the files to write, without a dot."""
    folder = open_run(place)
    from experiments import plots

    names = plots.names()
    if name is not None and name not in names:
        raise ConfigError(f'no picture "{name}"{suggestion(name, names)}')
    target = out or place / PLOTS
    if target.exists() and not target.is_dir():
        raise ConfigError(f'--out "{target}" is a file; it takes a folder')
    target.mkdir(parents=True, exist_ok=True)
    run, drawn = plots.RunView(folder), {}
    for each in names if name is None else [name]:
        picture = plots.picture(run, each)
        if picture.reason:
            console.complain(f"{each} cannot be drawn: {picture.reason}")
            continue
        paths = [target / f"{each}.{suffix}" for suffix in suffixes]
        for path in paths:
            picture.save(path)
        drawn[each] = [str(path) for path in paths]
    if as_json:
        console.emit(drawn)
    else:
        console.show(*(path for paths in drawn.values() for path in paths))
    return OK


def report(place: Path, as_json: bool) -> int:
    """Write report.html and print its path."""
    open_run(place)
    from experiments import report as reports

    page = reports.write(place)
    if as_json:
        console.emit({"report": str(page)})
    else:
        console.show(str(page))
    return OK
