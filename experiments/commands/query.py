"""`spillover query`."""

from typing import TYPE_CHECKING

from experiments.commands import console
from experiments.exits import OK
from experiments.store import SweepFolder, open_folder
from experiments.wording import count
from sim.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

SHOWN = 50
"""Rows printed unless JSON is asked for."""
GAP = 3
"""Columns of a terminal between two of a table."""


def main(place: str, query: str, as_json: bool) -> int:
    """Answer an SQL query over a sweep; the exit code."""
    folder = open_folder(place)
    if not isinstance(folder, SweepFolder):
        raise ConfigError(f'"{place}" holds a single run; query takes the folder of a sweep')
    if not query.strip():
        raise ConfigError('the query is empty; such as "select point, status from runs"')
    answer = folder.sql(query)
    if as_json:
        console.emit(answer.to_dict(orient="records"))
        return OK
    names = [str(name) for name in answer.columns]
    rows = [[_shown(value) for value in row] for row in answer.head(SHOWN).itertuples(index=False)]
    console.show(*_tables(count(len(answer), "row"), names, rows))
    if len(answer) > SHOWN:
        console.complain(f"the first {SHOWN} rows; --json prints all")
    return OK


def _tables(title: str, names: list[str], rows: list[list[str]]) -> "list[RenderableType]":
    """One table; where that is too wide, one below the other for each row."""
    columns = zip(names, *rows, strict=True)
    if sum(max(map(len, column)) + GAP for column in columns) <= console.console().width + GAP:
        return [console.table(title, names, rows)]
    parts: list[RenderableType] = [title]
    for number, row in enumerate(rows):
        parts += ["", console.table(f"row {number}", ["", " "], list(zip(names, row, strict=True)))]
    return parts


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
