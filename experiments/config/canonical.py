"""A loaded config as plain data: complete, resolved, and the same for every way of writing it."""

import json
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from experiments.config.loading import Config
from experiments.config.resolve_fields import DataPath
from experiments.config.sections import FAMILY_OF
from experiments.config.tables import Table

NOT_IN_KEY = ("name", "seed", "replications")
"""Settings of [run] that choose which runs are made, not what a run is."""


def resolve(config: Config) -> dict[str, Any]:
    """Every setting of a config as JSON-able data, defaults included.

    Moments are ticks, durations seconds, dates ISO texts in UTC; a data file stands as its name and the sha256 of its
    bytes, so that neither its folder nor its age matters.
    """
    sections: dict[str, Any] = {
        "run": vars(config.run),
        "record": vars(config.record),
        "chain": vars(config.chain),
        "assets": [vars(asset) for asset in config.assets],
        "correlations": [vars(pair) for pair in config.correlations],
        "observed": [vars(row) for row in config.observed],
    }
    for section, family in FAMILY_OF.items():
        sections[section] = list(config.tables[family])
    return {section: jsonable(value) for section, value in sections.items()}


def canonical(config: Config) -> str:
    """Compact JSON with sorted keys for the run key: equal for two configs exactly if they describe the same run.

    Left out are the run's name, its seed (the key adds seed words of its own), the number of replications, and what was
    observed in reality, which the run does not see.
    """
    resolved = resolve(config)
    del resolved["observed"]
    resolved["run"] = {key: value for key, value in resolved["run"].items() if key not in NOT_IN_KEY}
    return json.dumps(resolved, sort_keys=True, separators=(",", ":"), allow_nan=False)


def jsonable(value: Any) -> Any:
    """A setting as JSON-able data; infinity, which JSON lacks, is the text "inf" or "-inf"."""
    if isinstance(value, Table):
        name = getattr(type(value).validates_, "kind", None)
        kind = {"kind": name} if name is not None else {}
        return {key: jsonable(getattr(value, key)) for key in type(value).model_fields} | kind
    if isinstance(value, DataPath):
        return {"file": Path(value).name, "sha256": value.sha256}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    if hasattr(value, "items"):
        return {str(key): jsonable(item) for key, item in value.items()}
    return value
