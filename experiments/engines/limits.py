"""What a run may use, and what is said of one whose process died."""

import signal
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from experiments.wording import duration


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Wall seconds and bytes of resident memory that one run may use; None for no limit."""

    seconds: float | None = None
    memory: int | None = None

    def broken(self, seconds: float, process: int) -> str | None:
        """Why a run must be stopped after so many seconds in a process of this id; None if it may go on."""
        if self.seconds is not None and seconds > self.seconds:
            return f"killed at its time limit of {duration(self.seconds)}"
        if self.memory is not None and resident(process) > self.memory:
            return f"killed at its memory limit of {size(self.memory)}"
        return None


def resident(process: int) -> int:
    """Bytes of memory a process holds at this moment; 0 if there is no such process."""
    statm = Path(f"/proc/{process}/statm")
    if statm.parent.parent.joinpath("self").exists():
        try:
            return int(statm.read_text().split()[1]) * _page()
        except OSError:
            return 0
    asked = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=False)
    return int(asked.stdout.strip() or 0) * 1024


@cache
def _page() -> int:
    import resource

    return resource.getpagesize()


def cause(code: int | None) -> str:
    """How a process of this exit code ended; negative codes are signals."""
    if code is None:
        return "vanished"
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"killed by signal {-code}"


def size(count: float) -> str:
    """Bytes in the largest decimal unit: "2 GB", "350 MB"."""
    for scale, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"
