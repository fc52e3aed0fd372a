"""How long the command line takes: `spillover --help`, and a warm `spillover run quickstart` with its report.

Wall time of whole processes, as a user waits for them; the bare interpreter and one that imports NumPy stand beside.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.harness import Disagreement, Figure, Report

NAME = "commands"
TITLE = "Commands, wall time of whole processes"
HELP_TARGET, RUN_TARGET = 0.4, 10.0
"""Seconds."""
COMMAND = (sys.executable, "-m", "experiments.cli")
PRODUCTS = ("manifest.json", "runs.parquet", "report.html")
"""What a finished run leaves in its folder."""


def seconds(arguments: tuple[str, ...], repetitions: int) -> list[float]:
    """Wall seconds of each of several processes. Raises Disagreement if one does not end well."""
    found = []
    for _ in range(repetitions):
        start = perf_counter()
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        found.append(perf_counter() - start)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise Disagreement(f"`{' '.join(arguments)}` ended with {done.returncode}: {' '.join(said)}")
    return found


def quickstart(preset: str, sets: tuple[str, ...], repetitions: int) -> list[float]:
    """Wall seconds of whole runs, the first of which warms the caches; Disagreement if a product is missing."""
    times = []
    for turn in range(repetitions + 1):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            items = [part for item in sets for part in ("--set", item)]
            taken = seconds((*COMMAND, "run", preset, "--out", str(out), *items), 1)
            missing = [name for name in PRODUCTS if not (out / name).is_file()]
            if missing:
                raise Disagreement(f"`spillover run {preset}` left no {', '.join(missing)}")
        times += taken if turn else []
    return times


def run(scale: float = 1.0) -> Report:
    """Help and a full run; with a small scale the run is skipped, because it cannot be made smaller."""
    repetitions = max(1, round(5 * min(scale, 1.0)))
    bare = seconds((sys.executable, "-c", "pass"), repetitions)
    numpy = seconds((sys.executable, "-c", "import numpy"), repetitions)
    helped = seconds((*COMMAND, "--help"), repetitions)
    figures = [
        _figure("python -c pass", bare),
        _figure("python -c 'import numpy'", numpy),
        _figure("spillover --help", helped, HELP_TARGET),
    ]
    if scale >= 1.0:
        whole = quickstart("quickstart", (), 3)
        figures.append(_figure("spillover run quickstart, warm, with report", whole, RUN_TARGET))
    agreed = f"every process ended well, every run left {', '.join(PRODUCTS)}"
    return Report(NAME, TITLE, figures, agreed)


def _figure(label: str, times: list[float], target: float | None = None) -> Figure:
    return Figure(label, float(np.median(times)), "s", target, at_most=True, detail=f"best {min(times):.3g}")
