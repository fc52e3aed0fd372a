"""What is wrong with a config, one line for each mistake, all mistakes at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something was written.

    source: the file as the user would name it, or the --set item. folder: where its relative paths start.
    line, column: from 1; 0 for a --set item, which has neither.
    """

    source: str
    folder: Path
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. path: the setting, dotted, list items by name. text: what was found and what is allowed."""

    origin: Origin
    path: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.origin), self.path, self.text) if part)


class ConfigProblems(ConfigError):
    """All mistakes of one config, ordered by file, line and column; `problems` holds them as data."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        distinct = dict.fromkeys(problems)
        self.problems = sorted(distinct, key=lambda p: (p.origin.source, p.origin.line, p.origin.column))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def found(value: Any) -> str:
    """A value as messages show it."""
    if isinstance(value, str):
        return f'found "{value}" (text)'
    if isinstance(value, bool):
        return f"found {str(value).lower()}"
    if isinstance(value, dict | list):
        return "found a table" if isinstance(value, dict) else "found a list"
    return f"found {value}"
