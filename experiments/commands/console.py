"""What commands share: loading a config, printing tables and JSON."""

import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from experiments.config import Config

PLAIN_WIDTH = 110
"""Columns of tables that do not go to a terminal."""
WORD = 24
"""A first column that is no wider is never broken."""


def load(config: str, sets: Sequence[str] | None, plugins: Sequence[str] | None) -> "Config":
    """Register all components, then load a config. Raises ConfigError."""
    from experiments import config as configs
    from experiments.catalogue import load_components

    load_components(tuple(plugins or ()))
    return configs.load(config, tuple(sets or ()))


def console() -> "Console":
    """Where results go: stdout."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else PLAIN_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False)


def show(*parts: "RenderableType") -> None:
    """Print tables and texts to stdout; texts, such as paths, are never broken."""
    out = console()
    for part in parts:
        out.print(part, soft_wrap=isinstance(part, str))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "RenderableType":
    """A table below its title; the first column is text, the others are numbers unless their name ends with a space.

    A table whose columns have no names has no header.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    named = any(column.strip() for column in columns)
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=named, header_style="dim")
    whole = max((len(row[0]) for row in rows), default=0) <= WORD if columns else False
    for number, column in enumerate(columns):
        left = not number or column.endswith(" ")
        keep = whole and not number
        made.add_column(column, justify="left" if left else "right", overflow="fold", no_wrap=keep)
    for row in rows:
        made.add_row(*row)
    return Group(Text(title, style="bold"), made)


def emit(data: Any) -> None:
    """Print JSON to stdout; what is not a finite number is null."""
    typer.echo(json.dumps(jsonable(data), indent=2, ensure_ascii=False, allow_nan=False))


def complain(text: str) -> None:
    """Print a line to stderr."""
    typer.echo(text, err=True)


def jsonable(data: Any) -> Any:
    """Data that JSON can hold: keys are texts, numbers are plain, and what is not a finite number is null."""
    if isinstance(data, dict):
        return {str(key): jsonable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [jsonable(value) for value in data]
    if hasattr(data, "item"):
        return jsonable(data.item())
    return None if isinstance(data, float) and not math.isfinite(data) else data
