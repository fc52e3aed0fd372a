"""`spillover query`."""

from experiments.commands import console
from experiments.exits import OK
from experiments.store import SweepFolder, open_folder
from sim.errors import ConfigError

SHOWN = 50
"""Rows printed unless JSON is asked for."""


def main(place: str, query: str, as_json: bool) -> int:
    """Answer an SQL query over a sweep; the exit code."""
    folder = open_folder(place)
    if not isinstance(folder, SweepFolder):
        raise ConfigError(f'"{place}" holds a single run; query takes the folder of a sweep')
    answer = folder.sql(query)
    if as_json:
        console.emit(answer.to_dict(orient="records"))
        return OK
    rows = [[_shown(value) for value in row] for row in answer.head(SHOWN).itertuples(index=False)]
    console.show(console.table(f"{len(answer):,} rows", [str(name) for name in answer.columns], rows))
    if len(answer) > SHOWN:
        console.complain(f"the first {SHOWN} rows; --json prints all")
    return OK


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
