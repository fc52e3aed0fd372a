"""Every key path of every document gets its line and column."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.config.positions import Spot, positions

BARE = st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True)
QUOTED = st.sampled_from(['"a.b"', "'c d'", '"#"', '"\\u00e9\\""', "'='", '"]"', '""'])
SCALARS = st.sampled_from(
    ["0", "-1_000", "0xff", "1e6", "-0.5", "nan", "-inf", "true", "1979-05-27", "07:32:00", "1979-05-27 07:32:00Z"]
)
TEXTS = st.sampled_from(
    [
        '"plain"',
        '"a \\" ] } # ,"',
        "'back\\slash'",
        '""',
        "''",
        '"""many\nlines # ]\n  "quoted" \\""" end"""',
        '"""ends in quotes"""""',
        '""""begins"""',
        "'''literal\n''two'' # }\n'''",
        "'''ends'''''",
        '""""""',
        '"\\\\"',
        '"""\\\\"""',
    ]
)
SPACE = st.sampled_from(["", " ", "\t", "  "])
GAP = st.sampled_from(["", "\n", " # note = [1]\n", "\n\n  ", "# a\n# b\n", " "])


class Writer:
    """Writes a random document and notes, on its own, where each path begins."""

    def __init__(self, draw):
        self.draw, self.text = draw, ""
        self.spots: dict[tuple[str | int, ...], Spot] = {}
        self.taken: set[tuple[str | int, ...]] = set()

    @property
    def here(self):
        return self.text.count("\n") + 1, len(self.text) - (self.text.rfind("\n") + 1) + 1

    def put(self, strategy):
        self.text += self.draw(strategy)

    def fresh(self, path):
        """A key that is not used yet under a path: (as written, as parsed)."""
        key = self.draw(
            st.one_of(BARE, QUOTED)
            .map(lambda k: (k, next(iter(tomllib.loads(f"{k}=0")))))
            .filter(lambda pair: (*path, pair[1]) not in self.taken)
        )
        self.taken.add((*path, key[1]))
        return key

    def pair(self, path, depth):
        for _ in range(self.draw(st.integers(0, 2))):
            written, parsed = self.fresh(path)
            path = (*path, parsed)
            self.spots[path] = Spot(self.here, self.here)
            self.text += written
            self.put(SPACE)
            self.text += "."
            self.put(SPACE)
        written, parsed = self.fresh(path)
        start = self.here
        self.text += written
        self.put(SPACE)
        self.text += "="
        self.put(SPACE)
        self.value((*path, parsed), start, depth)

    def value(self, path, key, depth):
        self.spots[path] = Spot(key, self.here)
        shape = self.draw(st.sampled_from(["scalar", "text", "array", "table"] if depth else ["scalar", "text"]))
        if shape == "array":
            self.text += "["
            for index in range(self.draw(st.integers(0, 3))):
                self.put(GAP)
                self.value((*path, index), self.here, depth - 1)
                self.put(GAP)
                self.text += ","
            self.put(GAP)
            self.text += "]"
        elif shape == "table":
            self.text += "{"
            for index in range(self.draw(st.integers(0, 3))):
                self.text += "," * (index > 0)
                self.put(SPACE)
                self.pair(path, depth - 1)
            self.put(SPACE)
            self.text += "}"
        else:
            self.put(SCALARS if shape == "scalar" else TEXTS)

    def body(self, path):
        for _ in range(self.draw(st.integers(0, 3))):
            self.put(SPACE)
            self.pair(path, 2)
            self.put(st.sampled_from(["\n", " # note\n", "\n\n"]))

    def header(self, path, name, brackets):
        """One table header below `path`, which is written out as `name`."""
        self.put(SPACE)
        self.spots[path] = Spot(self.here, self.here)
        self.text += "[" * brackets
        self.put(SPACE)
        self.text += name
        self.put(SPACE)
        self.text += "]" * brackets + "\n"

    def document(self):
        self.put(GAP)
        if self.text and not self.text.endswith("\n"):
            self.text += "\n"
        self.body(())
        for _ in range(self.draw(st.integers(0, 3))):
            written, parsed = self.fresh(())
            if self.draw(st.booleans()):
                self.header((parsed,), written, 1)
                self.body((parsed,))
                self.subtable((parsed,), written)
                continue
            for index in range(self.draw(st.integers(1, 3))):
                before = self.spots.get((parsed,))
                self.header((parsed, index), written, 2)
                self.spots[(parsed,)] = before or self.spots[(parsed, index)]
                self.body((parsed, index))
                self.subtable((parsed, index), written)
        return self.text

    def subtable(self, path, written):
        """Perhaps a table below the current one, named through its parents."""
        if self.draw(st.booleans()):
            inner, parsed = self.fresh(path)
            self.header((*path, parsed), f"{written} . {inner}", 1)
            self.body((*path, parsed))


@st.composite
def documents(draw):
    writer = Writer(draw)
    return writer.document(), writer.spots


def paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, inner in items:
        yield from paths(inner, (*path, part))


@given(documents())
def test_every_path_has_its_place(document):
    text, expected = document
    found = positions(text)
    assert set(found) == set(paths(tomllib.loads(text)))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "path", "spot"),
    [
        ("a = 1", ("a",), Spot((1, 1), (1, 5))),
        ("\n  a.b   =  [ 1,\n 2 ]", ("a", "b", 1), Spot((3, 2), (3, 2))),
        ("[x.y]\nz = 1", ("x",), Spot((1, 2), (1, 2))),
        ("[x.y]\nz = 1\n[x]\n", ("x",), Spot((3, 1), (3, 1))),
        ("[[a]]\n[[a]]\n[a.b]\nc = 2", ("a", 1, "b", "c"), Spot((4, 1), (4, 5))),
        ("[[a]]\n[[a.b]]\n[[a]]\n[[a.b]]\n[[a.b]]\nc = 2", ("a", 1, "b", 1, "c"), Spot((6, 1), (6, 5))),
        ("a = 'ü' # ä\n'ö' = 2", ("ö",), Spot((2, 1), (2, 7))),
    ],
)
def test_places(text, path, spot):
    tomllib.loads(text)
    assert positions(text)[path] == spot
