"""The inside of a worker process: one run at a time, until the coordinator closes the pipe or is gone."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from enum import IntEnum
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

from experiments.catalogue import load_components

Result = TypeVar("Result", covariant=True)


class Job(Protocol[Result]):
    """What workers do; it is pickled and sent to each of them once."""

    @property
    def plugins(self) -> tuple[str, ...]:
        """Paths of plug-in files."""

    def perform(self, task: Any, progress: Callable[[], None]) -> Result:
        """Compute one run, calling `progress` after each tick."""

    def saved(self, task: Any, process: int) -> Result | None:
        """The result that a process, dead before it could say so, had put away; None if it had not come so far."""

    def lost(self, task: Any, cause: str) -> Result:
        """What stands for a run whose process died twice. cause: how it died the second time."""


class Word(IntEnum):
    """What a worker says; a result or an error follows the last two."""

    READY = 0
    DONE = 1
    RAISED = 2


def serve(pipe: Connection, plugins: tuple[str, ...], job: bytes, counts: Any, slot: int, stop: Any) -> None:
    """Answer tasks. Interrupts are the coordinator's business; a worker whose coordinator is gone goes too.

    counts: ticks done, a number per worker, then runs begun, a number per worker; this one counts in `slot`. stop: set
    when runs must be given up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_outlive_nobody, daemon=True).start()

    def tick() -> None:
        if stop.value:
            raise KeyboardInterrupt
        counts[slot] += 1

    try:
        load_components(plugins)
        held: Job[Any] = pickle.loads(job)
        pipe.send((Word.READY, None))
        while True:
            task = pipe.recv()
            counts[len(counts) // 2 + slot] += 1
            pipe.send((Word.DONE, held.perform(task, tick)))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except Exception as error:
        pipe.send((Word.RAISED, _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error itself if it survives pickling, otherwise one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _outlive_nobody() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
