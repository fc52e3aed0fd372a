"""Account state: arrays with one entry per account, empty until a population is endowed."""

from dataclasses import field
from typing import Any

import numpy as np


def column(dtype: type = np.float64) -> Any:
    """A dataclass field that holds account state and is no setting."""
    return field(default_factory=lambda: np.empty(0, dtype), init=False)
