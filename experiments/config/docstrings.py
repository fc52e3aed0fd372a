"""What docstrings say about a class and about each of its settings."""

import ast
import inspect
import re
import textwrap
from dataclasses import fields, is_dataclass
from itertools import pairwise

_HEADING = re.compile(r"^(Settings|Attributes|Parameters)\n-+\n", re.MULTILINE)
_ENTRY = re.compile(r"(?:^|(?<=\. ))(\w+(?:, \w+)*): ", re.MULTILINE)
"""An entry starts a line or, on the line of another, follows its full stop."""


def description(cls: type) -> str:
    """The class docstring without its list of settings, as one paragraph for each of its own."""
    text = _docstring(cls)
    heading = _HEADING.search(text)
    paragraphs = (text[: heading.start()] if heading else text).strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def setting_descriptions(cls: type) -> dict[str, str]:
    """Setting -> what it is, from texts below the fields and from lists in the class docstrings, bases included."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if is_dataclass(base):
            found |= _listed(base) | _below_fields(base)
    return found


def _docstring(cls: type) -> str:
    # A dataclass without a docstring gets its signature as one, which says nothing.
    text = cls.__dict__.get("__doc__") or ""
    return "" if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text)


def _listed(cls: type) -> dict[str, str]:
    """Entries such as "drift, trend: rate of growth" under a heading."""
    text = _docstring(cls)
    heading = _HEADING.search(text)
    if heading is None:
        return {}
    known = {field.name for field in fields(cls)}
    entries = [entry for entry in _ENTRY.finditer(text, heading.end()) if known.issuperset(entry[1].split(", "))]
    ends = [entry.start() for entry in entries[1:]] + [len(text)]
    return {
        name: " ".join(text[entry.end() : end].split())
        for entry, end in zip(entries, ends, strict=True)
        for name in entry[1].split(", ")
    }


def _below_fields(cls: type) -> dict[str, str]:
    """Texts that stand alone below an annotated field."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for field, text in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            value = ast.literal_eval(text.value) if isinstance(text.value, ast.Constant) else None
            if isinstance(value, str):
                found[field.target.id] = " ".join(value.split())
    return found
