"""Which sweep a folder belongs to."""

import hashlib
import json
from typing import Any

from experiments.config import canonical
from experiments.config.nodes import plain
from experiments.design import Plan

_IN_KEY = ("method", "samples", "replications", "seed", "levels", "keep", "stop", "axes", "points")
"""Settings of [sweep] that decide which runs are made, and what is kept of them."""


def sweep_key(plan: Plan, digest: str) -> str:
    """sha256 (hex) of what decides every stored byte of a sweep: base config, seed, [sweep], digest of the model.

    With an empty digest it says whether two sweeps ask for the same, whatever the code.
    """
    section: dict[str, Any] = plain(plan.base.document.value["sweep"])
    asked = {name: section.get(name) for name in _IN_KEY}
    words = json.dumps([canonical(plan.base), plan.base.run.seed, asked, digest], default=str)
    return hashlib.sha256(words.encode()).hexdigest()
