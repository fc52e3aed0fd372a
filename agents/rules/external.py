"""Portfolio optimisers of other libraries."""

import importlib
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.shared.estimates import Estimating, tiled
from sim.errors import SpilloverError
from sim.fields import Share
from sim.interfaces import AllocatorView
from sim.registry import component

Floats = NDArray[np.float64]


@component("rule", "external")
class External(Estimating):
    """The weights of an object of another library, such as skfolio or PyPortfolioOpt.

    Three shapes of object will do: a function from returns to weights; a class with `fit(returns)` and then `weights_`
    (skfolio, scikit-learn); a class made from (expected returns, covariance) with a `method` that gives weights
    (PyPortfolioOpt). Returns are (m, k) log returns per tick, the other two per year. Answers may be arrays, or tables
    by column number. Where it fails or knows too little, assets get equal weights: `optimiser_failed`. Short positions
    are left out: `shorts_left_out`.
    """

    optimiser: str
    """Function or class as "module:name", such as "skfolio.optimization:InverseVolatility"."""
    method: str | None = None
    """Method that gives weights, such as "min_volatility"."""
    arguments: dict[str, float | int | str | bool] = field(default_factory=dict)
    """What a class is made with, besides the estimates."""
    invested: Share = 1.0
    """Share of wealth in all assets together; weights are scaled to it."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = super().check()
        if self.optimiser.count(":") != 1:
            found.append(("optimiser", f'found "{self.optimiser}"; write "module:name"'))
            return found
        try:
            _imported(self.optimiser)
        except ImportError as error:
            found.append(("optimiser", f'found "{self.optimiser}", which does not import: {error}'))
        return found

    def weights(self, view: AllocatorView) -> Floats:
        """(n, k) shares of wealth."""
        count, returns = len(view.assets), view.returns(self.ticks(view))
        row = self._asked(view, returns) if len(returns) > 1 else None
        if row is None or row.shape != (count,) or not np.isfinite(row).all() or not row.clip(0.0).sum() > 0.0:
            self.note("optimiser_failed" if len(returns) > 1 else "short_history")
            row = np.full(count, 1.0)
        if row.min() < -1e-6 * row.max():
            self.note("shorts_left_out")
        row = row.clip(0.0)
        return tiled(view, self.invested * row / row.sum())

    def _asked(self, view: AllocatorView, returns: Floats) -> Floats | None:
        made = self._made
        if self.method is not None:
            mean, method = returns.mean(axis=0) / view.view.dt_years, self.method
            given = mean, self.covariance(view)
            return self._solved(lambda: getattr(made(*given, **self.arguments), method)())
        if hasattr(made, "fit"):
            return self._solved(lambda: made(**self.arguments).fit(returns).weights_)
        return self._solved(lambda: made(returns, **self.arguments))

    def _solved(self, solve: Callable[[], Any]) -> Floats | None:
        """Its answer as an array; None if it found no solution. What is no matter of numbers stops the run."""
        try:
            answer = solve()
        except (ArithmeticError, ValueError, np.linalg.LinAlgError):
            return None
        except Exception as error:
            if any(base.__name__ == "OptimizationError" for base in type(error).__mro__):
                return None
            raise SpilloverError(f"rule external: {self.optimiser} failed: {type(error).__name__}: {error}") from error
        values = [answer[column] for column in sorted(answer)] if isinstance(answer, dict) else answer
        return np.asarray(values, dtype=np.float64).ravel()

    @cached_property
    def _made(self) -> Any:
        return _imported(self.optimiser)


def _imported(name: str) -> Any:
    """The function or class of "module:name". Raises ImportError."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError as error:
        raise ImportError(str(error)) from error
