"""Covered calls: hold a coin, sell calls on all of it every epoch (Ribbon's Theta Vault)."""

from typing import Annotated

from annotated_types import Gt, Lt

from protocols.vaults.options import OptionVault
from sim.fields import Share
from sim.quotes import OptionsQuote
from sim.registry import component


@component("protocol", "covered_call_vault")
class CoveredCallVault(OptionVault):
    """Holds a coin and sells out-of-the-money calls on it, one for every coin at most."""

    delta: Annotated[float, Gt(0.0), Lt(1.0)] = 0.10
    """Of the calls sold."""
    share_sold: Share = 1.0
    """Calls per coin."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.asset != self.underlying:
            return [("asset", f"calls on {self.underlying} are covered by {self.underlying}, not by {self.asset}")]
        return []

    def choose(self, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """The call nearest to the delta."""
        return [quote.series(self.base_asset, True, self.years(), self.delta)], [-1]

    def units(self, quote: OptionsQuote, series: list[int], net: int) -> int:
        """One call per coin."""
        return int(net * self.share_sold)
