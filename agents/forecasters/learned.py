"""Forecasters that learn from examples."""

import importlib
from dataclasses import field
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.fields import DataFile
from sim.forecasting import Forecaster
from sim.math.forecast.regression import Learned, train
from sim.registry import component

Setting = float | int | str | bool
GRADIENT_BOOSTING = "sklearn.ensemble:GradientBoostingRegressor"


@component("forecaster", "learned")
class LearnedForecaster(Forecaster):
    """A regressor trained once on a table of prices and shared by all accounts whose settings are the same.

    Any class of scikit-learn's kind will do, with `fit` and `predict`; gradient boosting if none is named, for which
    the extra `learning` has to be installed. It learns mean squares over some windows relative to the longest, so the
    table's interval need not be the run's tick.
    """

    data: DataFile
    """CSV of prices at equal intervals, oldest first; the last column counts, the first row is its heading."""
    regressor: str = GRADIENT_BOOSTING
    """Class as "module:name"."""
    arguments: dict[str, Setting] = field(
        default_factory=lambda: {"n_estimators": 100, "max_depth": 2, "learning_rate": 0.05, "random_state": 0}
    )
    """What the class is made with. Give a random state to one that draws, or runs will differ."""
    windows: Annotated[list[Annotated[int, Ge(1)]], MinLen(2)] = field(default_factory=lambda: [1, 4, 12, 48])
    """Returns whose mean squares are looked at, rising; the last is what the others are relative to."""
    horizon: Annotated[int, Ge(1)] = 1
    """Returns ahead that are learned; the forecast is the same for any horizon."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = []
        if self.windows != sorted(set(self.windows)):
            found.append(("windows", f"found {self.windows}; each must be longer than the one before"))
        if self.regressor.count(":") != 1:
            found.append(("regressor", f'found "{self.regressor}"; write "module:class"'))
        return found

    def expect(self, returns: NDArray[np.float64], horizon: int) -> float:
        """Per return."""
        return self.learned.forecast(returns)

    @property
    def learned(self) -> Learned:
        """The trained regressor; trained at the first call with these settings in this process.

        Raises ConfigError if the class cannot be made or the table is too short.
        """
        return _trained(
            str(self.data), self.regressor, tuple(sorted(self.arguments.items())), tuple(self.windows), self.horizon
        )


@lru_cache(maxsize=16)
def _trained(
    data: str, regressor: str, arguments: tuple[tuple[str, Setting], ...], windows: tuple[int, ...], horizon: int
) -> Learned:
    module, _, name = regressor.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(**dict(arguments))
        prices = np.loadtxt(data, delimiter=",", skiprows=1, usecols=-1, dtype=str).astype(np.float64)
        return train(made, np.diff(np.log(prices)), windows, horizon)
    except ImportError as error:
        extra = "; pip install 'spillover[learning]' has scikit-learn" if module.startswith("sklearn") else ""
        raise ConfigError(f'forecaster learned: regressor "{regressor}" does not import: {error}{extra}') from error
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigError(f'forecaster learned: regressor "{regressor}" on {data}: {error}') from error
