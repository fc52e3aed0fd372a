"""Known dates of other people's auctions, such as the weekly sale of options by vaults."""

from dataclasses import dataclass

from sim.fields import Duration, When
from sim.units import SECONDS_PER_YEAR
from sim.views import View

WEEK = Duration(7 * 86_400.0)


@dataclass(frozen=True, kw_only=True)
class Auctions:
    """When auctions take place: at one tick, and then evenly spaced."""

    first: When
    """Tick of the first."""
    every: Duration = WEEK
    """Time between two."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return [] if self.every > 0.0 else [("every", "found 0; give the time between two auctions")]

    def until(self, view: View) -> float:
        """Seconds to the next auction; 0 in its tick."""
        away = self._away(view)
        return away if away >= 0.0 else away % self.every

    def since(self, view: View) -> float:
        """Seconds since the last auction; infinite before the first."""
        away = self._away(view)
        return float("inf") if away > 0.0 else -away % self.every

    def _away(self, view: View) -> float:
        return round((self.first - view.tick) * view.dt_years * SECONDS_PER_YEAR, 3)
