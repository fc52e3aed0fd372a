"""`spillover bench`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from experiments.provenance import ROOT
from sim.errors import ConfigError


def main(names: Sequence[str], as_json: bool) -> int:
    """Run the named benchmarks, or all; the exit code. Raises ConfigError outside a source checkout."""
    if not (ROOT / "benchmarks" / "run.py").is_file():
        raise ConfigError(
            f'no benchmarks beside the code in "{ROOT}": they come with the source checkout, not with the installed '
            "package; run `spillover bench` from a checkout after `pip install -e .`"
        )
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return int(import_module("benchmarks.run").main(names, as_json))
