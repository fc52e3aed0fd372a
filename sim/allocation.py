"""The extension points of allocators: rules say what to hold, triggers say when. See sim/interfaces.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError, SpilloverError, suggestion
from sim.fields import AssetName
from sim.units import SECONDS_PER_YEAR
from sim.views import View


@dataclass(kw_only=True, eq=False)
class AllocationRule:
    """Target weights of an allocator."""

    family: ClassVar[str] = "rule"

    # IMPLEMENT
    def weights(self, view: "AllocatorView") -> NDArray[np.float64]:
        """(n, k) shares of wealth in each of the allocator's assets; what is left stays in the numeraire."""
        raise SpilloverError(f"{type(self).__name__} does not define weights()")

    # OPTIONAL
    def faults(self, assets: list[AssetName]) -> list[tuple[str, str]]:
        """What is wrong with its settings for an allocator of these assets, as (field, message)."""
        return []

    # FREE
    fallbacks: dict[str, int] = field(default_factory=dict, init=False)
    """How many times it was asked for weights and could only give a substitute, by reason; see `note`."""

    def note(self, reason: str) -> None:
        """Count a substitute, for the outcome columns `rule_fallbacks.POPULATION` and `.REASON` below it."""
        self.fallbacks[reason] = self.fallbacks.get(reason, 0) + 1


@dataclass(frozen=True)
class AllocatorView:
    """What a rule sees of the accounts that ask it; they may be some or all of the population's.

    rows: (n,) their rows in the population, as in `view.health(...)[rows]`. current: (n, k) shares of wealth held now.
    wealth: (n,) USD. prices: (k,) USD. assets, indices: names and token indices; a deposit bears the name of its
    protocol and is the token of its receipts or shares. view: the population's whole view. start, peak: (n,) USD of
    wealth at the opening, and the most that any look has found; present wealth if nobody kept them.
    """

    rows: NDArray[np.int64]
    current: NDArray[np.float64]
    wealth: NDArray[np.float64]
    prices: NDArray[np.float64]
    assets: list[str]
    indices: list[int]
    view: View
    start: NDArray[np.float64] | None = None
    peak: NDArray[np.float64] | None = None

    @property
    def opening_wealth(self) -> NDArray[np.float64]:
        """(n,) USD at the opening."""
        return self.wealth if self.start is None else self.start

    @property
    def peak_wealth(self) -> NDArray[np.float64]:
        """(n,) USD, the most that any look has found, this one included."""
        return self.wealth if self.peak is None else np.maximum(self.peak, self.wealth)

    @property
    def drawdown(self) -> NDArray[np.float64]:
        """(n,) share of peak wealth that is lost, from 0 to 1."""
        peak = self.peak_wealth
        return np.clip(1.0 - self.wealth / np.where(peak > 0.0, peak, 1.0), 0.0, 1.0)

    def row(self, shares: Mapping[Any, float]) -> NDArray[np.float64]:
        """(k,) shares by asset name, zero for those not named; ConfigError if one is none of the allocator's."""
        for name in shares:
            if name not in self.assets:
                raise ConfigError(f'the allocator does not hold "{name}"{suggestion(name, self.assets)}')
        return np.array([shares.get(AssetName(name), 0.0) for name in self.assets])

    def ticks(self, seconds: float) -> int:
        """Whole ticks nearest to a duration, at least one."""
        return max(1, round(seconds / (self.view.dt_years * SECONDS_PER_YEAR)))

    def returns(self, ticks: int) -> NDArray[np.float64]:
        """(m, k) log returns per tick over the last `ticks` ticks, m <= ticks at the start of a run."""
        return np.diff(np.log([self.view.history(asset, ticks) for asset in self.indices])).T

    def volatility(self, ticks: int) -> NDArray[np.float64]:
        """(k,) realised volatility per year, root mean square of log returns over the window; zero without history."""
        return np.sqrt(np.diag(self.covariance(ticks)))

    def covariance(self, ticks: int, half_life: float | None = None, prior: float = 0.0) -> NDArray[np.float64]:
        """(k, k) realised covariance per year of log returns about zero; zero without history.

        half_life: ticks after which a return counts half; None: all count the same. prior: volatility per year that
        stands in, uncorrelated, for the part of the window before the run began; 0 leaves that part out.
        """
        returns = self.returns(ticks).T
        weight = np.exp2(-np.arange(ticks) / (half_life or np.inf))
        aged = weight[: returns.shape[1]][::-1]
        known = float(aged.sum())
        total = float(weight.sum()) if prior else max(known, 1.0)
        # Not a matrix product: BLAS does not promise the same bits on every machine.
        covariance = np.einsum("it,jt->ij", returns * aged, returns) / (total * self.view.dt_years)
        return covariance + np.diag([prior**2 * (1.0 - known / total)] * len(self.assets))


@dataclass(kw_only=True, eq=False)
class Trigger:
    """When an allocator looks at its target, and when it acts on it. Define one of the two, or both."""

    family: ClassVar[str] = "trigger"

    # OPTIONAL
    def due(self, view: View, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) which accounts look at their target now; asked every tick for all accounts, so it should be cheap.

        phase: (n,) place of each account in any period, in [0, 1), to spread turns over time.
        """
        return np.ones(phase.size, dtype=np.bool_)

    def fires(self, seen: AllocatorView, target: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n,) which of the accounts that looked now trade towards their target.

        target: (n, k) shares of wealth that they want in the end, however slowly they may trade.
        """
        return np.ones(len(target), dtype=np.bool_)
