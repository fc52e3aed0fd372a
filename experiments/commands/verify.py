"""`spillover verify`."""

from pathlib import Path

from experiments.commands import console
from experiments.exits import INVARIANT, OK
from experiments.store.verify import verify
from experiments.wording import count


def main(place: Path, as_json: bool) -> int:
    """Hash the parts of a folder again; the exit code."""
    verdict = verify(place)
    if as_json:
        console.emit({"files": verdict.files, "damaged": verdict.damaged})
    else:
        for name, why in verdict.damaged.items():
            console.complain(f"{place}/{name}: {why}")
        said = f"{count(len(verdict.damaged), 'problem')}" if verdict.damaged else "all as they were written"
        console.show(f"{place}: {count(verdict.files, 'file')} compared, {said}")
    return INVARIANT if verdict.damaged else OK
