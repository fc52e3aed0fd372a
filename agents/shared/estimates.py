"""What rules believe about risk and return: settings, estimates, and what stands in for a history that is too short."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from sim.errors import ConfigError, suggestion
from sim.fields import AssetName, Duration, Positive, Share
from sim.interfaces import AllocationRule, AllocatorView
from sim.math.covariance import sample_covariance, shrink_to_constant_correlation, shrink_to_identity
from sim.math.means import bayes_stein_mean, ewma_mean, james_stein_mean

Floats = NDArray[np.float64]
RIDGE = 1e-6
"""Share of the mean variance that is added to the diagonal of a singular covariance."""
DAY = Duration(86_400.0)
_SINGULAR = 1e-10
"""Least over largest eigenvalue below which a covariance counts as singular."""
_ESTIMATORS: dict[str, Callable[[Floats], Floats]] = {
    "sample": sample_covariance,
    "ledoit_wolf": lambda returns: shrink_to_identity(returns).covariance,
    "constant_correlation": lambda returns: shrink_to_constant_correlation(returns).covariance,
}


def unknown(place: str, names: Iterable[str], assets: list[AssetName]) -> list[tuple[str, str]]:
    """A fault for each name that is none of the allocator's assets."""
    return [
        (place, f'the allocator does not hold "{name}"{suggestion(name, list(assets))}')
        for name in names
        if name not in assets
    ]


def not_one(place: str, shares: Iterable[float]) -> list[tuple[str, str]]:
    """A fault if shares do not sum to one."""
    total = sum(shares)
    return [] if abs(total - 1.0) <= 1e-9 else [(place, f"found a sum of {total:.6g}; must be 1")]


class History(NamedTuple):
    """The window as far as the run is old: log returns (m, k) per tick, the share of the window, decay per tick."""

    returns: Floats
    known: float
    decay: float


@dataclass(kw_only=True, eq=False)
class Estimating(AllocationRule):
    """A rule that looks at the covariance of returns.

    Two substitutes are counted as fallbacks: `short_history` where the run is younger than the window, and
    `singular_covariance` where returns are fewer than assets or linearly dependent, or a price stands still.
    """

    estimator: Literal["ewma", "sample", "ledoit_wolf", "constant_correlation"] = "ewma"
    """About zero and discounted; about the mean; or that shrunk to equal variances, or to equal correlations."""
    window: Duration = DAY
    """Over which returns are looked at, at least two ticks."""
    half_life: Duration | None = None
    """Age at which a return counts half for the "ewma" estimator and mean; all count the same if none."""
    prior: Positive = 0.7
    """Volatility per year, uncorrelated, that stands in for the part of the window before the run."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        found = []
        if self.window <= 0.0:
            found.append(("window", f"found {self.window:g} s; must be at least two ticks"))
        if self.half_life is not None and self.half_life <= 0.0:
            found.append(("half_life", f"found {self.half_life:g} s; must be above 0, or left out"))
        discounted = getattr(self, "mean", "") == "ewma"
        if discounted and self.half_life is None:
            found.append(("half_life", 'found none; mean "ewma" needs one, or take mean "sample"'))
        if self.estimator != "ewma" and self.half_life != type(self).half_life and not discounted:
            found.append(("half_life", f'estimator "{self.estimator}" counts all returns the same; take "ewma"'))
        return found

    def ticks(self, view: AllocatorView) -> int:
        """Ticks in the window; ConfigError if it is shorter than two."""
        ticks = view.ticks(self.window)
        if ticks < 2:
            kind = getattr(type(self), "kind", type(self).__name__)
            raise ConfigError(
                f"rule {kind}: a window of {self.window:g} s is {ticks} tick of this run; "
                "it takes at least two ticks to see a covariance, better several per asset"
            )
        return ticks

    def known(self, view: AllocatorView) -> float:
        """Share of the window that lies within the run."""
        ticks = self.ticks(view)
        return (len(view.view.history(view.indices[0], ticks)) - 1) / ticks

    def history(self, view: AllocatorView) -> History:
        """What the window shows of returns, and how fast it is forgotten."""
        decay = 1.0 if self.half_life is None else 0.5 ** (1.0 / view.ticks(self.half_life))
        return History(view.returns(self.ticks(view)), self.known(view), decay)

    def realised(self, view: AllocatorView) -> Floats:
        """(k, k) covariance per year, whatever it is; a history shorter than the window is counted."""
        ticks, known = self.ticks(view), self.known(view)
        if known < 1.0:
            self.note("short_history")
        if self.estimator == "ewma":
            half_life = None if self.half_life is None else view.ticks(self.half_life)
            found = view.covariance(ticks, half_life, self.prior)
        else:
            seen = _ESTIMATORS[self.estimator](view.returns(ticks)) / view.view.dt_years
            found = known * seen + (1.0 - known) * self.prior**2 * np.eye(len(view.assets))
        return found

    def covariance(self, view: AllocatorView) -> Floats:
        """(k, k) per year, positive definite: more is added to the diagonal of a singular one, which is counted."""
        covariance = self.realised(view)
        powers = np.linalg.eigvalsh(covariance)
        if powers[0] > _SINGULAR * powers[-1]:
            return covariance
        self.note("singular_covariance")
        mean = float(np.trace(covariance)) / len(covariance)
        return covariance + np.eye(len(covariance)) * (RIDGE * mean if mean > 0.0 else self.prior**2)


@dataclass(kw_only=True, eq=False)
class Boxed(AllocationRule):
    """A rule that spreads a given share of wealth, with upper bounds on weights."""

    invested: Share = 1.0
    """Share of wealth in all assets together."""
    largest: Annotated[float, Gt(0.0), Le(1.0)] = 1.0
    """Largest share of wealth in any asset."""
    caps: dict[AssetName, Share] = field(default_factory=dict)
    """Largest share of wealth in an asset that has a bound of its own."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Unknown assets, and bounds within which the wealth to invest has no room."""
        found = super().faults(assets) + unknown("caps", self.caps, assets)
        room = sum(min(self.largest, self.caps.get(name, 1.0)) for name in assets)
        if room < self.invested - 1e-9:
            place = "caps" if self.caps else "largest"
            text = f"found room for {room:.6g} of wealth in {len(assets)} assets; must be at least {self.invested:g}"
            found.append((place, f"{text}, the invested share: raise the bounds or lower invested"))
        return found

    def bounds(self, view: AllocatorView) -> Floats:
        """(k,) largest weights."""
        view.row(self.caps)
        return np.array([min(self.largest, self.caps.get(AssetName(name), 1.0)) for name in view.assets])


@dataclass(kw_only=True, eq=False)
class Expecting(AllocationRule):
    """A rule that looks at expected returns."""

    mean: Literal["sample", "ewma", "james_stein", "bayes_stein"] = "bayes_stein"
    """Of the window; discounted by half_life; shrunk to the grand mean; shrunk to that of the safest portfolio."""
    expected: dict[AssetName, float] = field(default_factory=dict)
    """Expected returns per year, 0 for those not named; estimated if nothing is given."""
    prior_mean: float = 0.0
    """Expected return per year of every asset for the part of the window before the run."""
    riskless: float = 0.0
    """Return per year of the numeraire."""

    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """Expected returns of unknown assets."""
        return super().faults(assets) + unknown("expected", self.expected, assets)

    def excess(self, view: AllocatorView, covariance: Floats, history: History) -> Floats:
        """(k,) expected return per year above the riskless one: mean log return plus half the variance."""
        if self.expected:
            return view.row(self.expected) - self.riskless
        dt = view.view.dt_years
        seen = self._mean(history, covariance * dt) / dt + 0.5 * np.diag(covariance)
        return history.known * seen + (1.0 - history.known) * self.prior_mean - self.riskless

    def _mean(self, history: History, covariance: Floats) -> Floats:
        returns = history.returns
        if not len(returns):
            return np.zeros(len(covariance))
        if self.mean == "ewma":
            return ewma_mean(returns, history.decay)
        plain: Floats = returns.mean(axis=0)
        if self.mean == "james_stein":
            return james_stein_mean(plain, covariance, len(returns)).mean
        return bayes_stein_mean(plain, covariance, len(returns)).mean if self.mean == "bayes_stein" else plain


def tiled(view: AllocatorView, row: Floats) -> Floats:
    """(n, k) the same weights for every account that asks."""
    return np.tile(row, (len(view.wealth), 1))
