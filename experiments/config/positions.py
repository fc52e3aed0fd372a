"""Line and column of every key and value of a TOML document.

tomllib gives values without positions. This scanner runs after tomllib has accepted the text, so it may assume valid
TOML 1.0 and only has to find where things begin. Both must see the same paths: a property test holds them together.
"""

import re
import tomllib
from bisect import bisect_right
from typing import NamedTuple

Path = tuple[str | int, ...]

_SPACE = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_PART = re.compile(r'[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'")
_TEXT = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"""(?:"{0,2})' + r"|'''[\s\S]*?'''(?:'{0,2})" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'"
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


class Spot(NamedTuple):
    """(line, column), both from 1, where a key (or list item, or table header) and its value begin."""

    key: tuple[int, int]
    value: tuple[int, int]


def positions(text: str) -> dict[Path, Spot]:
    """Where each key path of a valid TOML document begins.

    text: the document with newlines as "\\n". Keys of the result are paths as in the parsed document: table keys are
    texts, items of arrays are numbers.
    """
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines = [0, *(m.end() for m in re.finditer("\n", text))]
        self.last: dict[Path, int] = {}
        self.spots: dict[Path, Spot] = {}

    def scan(self) -> dict[Path, Spot]:
        table: Path = ()
        self.skip(_GAP)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text[self.at] == "[":
                table = self.header(1)
            else:
                self.pair(table)
            self.skip(_GAP)
        return self.spots

    def header(self, brackets: int) -> Path:
        """Read [a.b] or [[a.b]]; returns the path of the table that it opens."""
        start = self.at
        self.at += brackets
        *outer, (final, _) = self.key()
        path: Path = ()
        for part, at in outer:
            path = self.enter((*path, part), at)
        path = (*path, final)
        if brackets == 2:
            self.mark(path, start)
            self.last[path] = self.last.get(path, -1) + 1
            path = (*path, self.last[path])
        self.spots[path] = Spot(self.place(start), self.place(start))
        self.skip(_SPACE)
        self.at += brackets
        return path

    def enter(self, path: Path, at: int) -> Path:
        """Step into a table named on the way; into the newest item where it is an array of tables."""
        self.mark(path, at)
        return (*path, self.last[path]) if path in self.last else path

    def pair(self, table: Path) -> None:
        """Read key = value."""
        *outer, (final, start) = self.key()
        for part, at in outer:
            table = (*table, part)
            self.mark(table, at)
        self.at += 1
        self.skip(_SPACE)
        self.value((*table, final), start)

    def key(self) -> list[tuple[str, int]]:
        """Read a dotted key; returns its parts and where they begin."""
        parts = []
        while True:
            self.skip(_SPACE)
            start = self.at
            token = self.skip(_PART)
            parts.append((tomllib.loads(f"k={token}")["k"] if token[0] in "\"'" else token, start))
            self.skip(_SPACE)
            if self.text[self.at] != ".":
                return parts
            self.at += 1

    def value(self, path: Path, key: int) -> None:
        """Read one value of any type and mark it and all that it holds."""
        self.spots[path] = Spot(self.place(key), self.place(self.at))
        first = self.text[self.at]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        else:
            self.skip(_TEXT if first in "\"'" else _SCALAR)

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.another("]"):
            self.value((*path, index), self.at)
            index += 1

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while self.another("}"):
            self.pair(path)

    def another(self, closing: str) -> bool:
        """Step to the next item, over a comma if there is one; False at the closing bracket, which is consumed."""
        self.skip(_GAP)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_GAP)
        if self.text[self.at] != closing:
            return True
        self.at += 1
        return False

    def mark(self, path: Path, at: int) -> None:
        """Note a table that is only passed through, unless it has a place already."""
        self.spots.setdefault(path, Spot(self.place(at), self.place(at)))

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match.group()

    def place(self, at: int) -> tuple[int, int]:
        line = bisect_right(self.lines, at)
        return line, at - self.lines[line - 1] + 1
