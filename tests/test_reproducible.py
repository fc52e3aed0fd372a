"""The same run, bit for bit: without the compiler, with another hash seed, and with rows in another order."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import json
from tests.test_reproducible import fingerprint
from tests.town import history
print(json.dumps(fingerprint(history())))
"""


def fingerprint(world) -> dict[str, str]:
    """Hash of every array of a finished run."""
    from sim.events import COLUMNS

    flows = world.flows.table()
    arrays = {"balance": world.ledger.balance, "prices": world.prices.history, "values": world.prices.values}
    arrays |= {"journal": world.ledger.journal(), "event.value": world.events.value}
    arrays |= {f"event.{name}": world.events.column(name) for name in COLUMNS}
    arrays |= {f"flow.{name}": flows[name] for name in flows}
    steps = repr([sorted(row.items()) for row in world.recorder.steps])
    found = {name: hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for name, array in arrays.items()}
    return found | {"steps": hashlib.sha256(steps.encode()).hexdigest()}


def elsewhere(**environment: str) -> dict[str, str]:
    """The fingerprint of the town's run in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.jit
def test_plain_numpy_gives_the_bits_of_the_compiled_kernels():
    from tests.town import history

    assert elsewhere(NUMBA_DISABLE_JIT="1") == fingerprint(history())


def test_another_process_with_another_hash_seed_gives_the_same_bits():
    from tests.town import history

    assert elsewhere(PYTHONHASHSEED="4242", OMP_NUM_THREADS="1") == fingerprint(history())
