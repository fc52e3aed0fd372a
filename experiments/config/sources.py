"""Finding, reading and joining config files into one located tree."""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path

from experiments.config.merge import merge
from experiments.config.nodes import Node, duplicates, located
from experiments.config.positions import positions
from experiments.config.problems import ConfigProblems, Origin, Problem, found
from sim.errors import ConfigError, suggestion

PRESETS = Path(__file__).resolve().parents[1] / "configs"
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def presets() -> list[str]:
    """Names of the shipped configs, sorted; files that start with "_" only serve to be extended."""
    return sorted(path.stem for path in PRESETS.glob("*.toml") if not path.name.startswith("_"))


def find(name: str, folder: Path) -> Path:
    """The file of a config named by a path, relative to `folder`, or by a preset.

    Raises ConfigError with the nearest preset or file name if there is none.
    """
    path = folder / name
    if path.is_file():
        return path.resolve()
    preset = PRESETS / f"{name.removesuffix('.toml')}.toml"
    if Path(name).name == name and preset.is_file():
        return preset
    beside = [entry.name for entry in path.parent.glob("*.toml")] if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, n=1) if path.suffix else []
    if near:
        raise ConfigError(f'no config file "{name}"; did you mean "{path.with_name(near[0]).name}"?')
    raise ConfigError(f'no config file or preset "{name}"{suggestion(name, presets())}, or a path to a .toml file')


def shown(path: Path) -> str:
    """A file as the user would name it: relative below the working directory, absolute elsewhere."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def read(path: Path) -> Node:
    """Parse one file into located nodes; ConfigProblems with line and column if it is no TOML."""
    source = Origin(shown(path), path.parent, 1, 1)
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return located(tomllib.loads(text), positions(text), source)
    except UnicodeDecodeError as error:
        before = path.read_bytes()[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        bad = Problem(Origin(source.source, path.parent, line, column), "", "found bytes that are not UTF-8 text")
        raise ConfigProblems([bad]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigProblems([_syntax(str(error), text, source)]) from None


def _syntax(message: str, text: str, source: Origin) -> Problem:
    lines = text.split("\n")
    place = _PLACE.search(message)
    line, column = len(lines), len(lines[-1]) + 1
    if place and place[1]:
        line, column = int(place[1]), int(place[2])
    found = lines[line - 1].strip()
    what = f"not TOML: {_PLACE.sub('', message)}; found `{found}`" if found else f"not TOML: {_PLACE.sub('', message)}"
    return Problem(Origin(source.source, source.folder, line, column), "", what)


def assemble(path: Path, problems: list[Problem], chain: tuple[Path, ...] = ()) -> Node:
    """A file joined with the files it extends, innermost first. chain: the files that led here."""
    tree = read(path)
    problems.extend(duplicates(tree))
    base = tree.value.pop("extends", None)
    if base is None:
        return tree
    if not isinstance(base.value, str):
        text = f"{found(base.value)}; must be the path of a .toml file or the name of a preset"
        raise ConfigProblems([Problem(base.at, "extends", text)])
    try:
        inherited = find(base.value, path.parent)
    except ConfigError as error:
        raise ConfigProblems([Problem(base.at, "extends", str(error))]) from None
    if inherited in (*chain, path):
        circle = " -> ".join(step.name for step in (*chain, path, inherited))
        text = f"a cycle of files that extend each other: {circle}; one of them must not extend"
        raise ConfigProblems([Problem(base.at, "extends", text)])
    return merge(assemble(inherited, problems, (*chain, path)), tree, problems)
