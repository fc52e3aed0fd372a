"""Covered calls: hold a coin, sell calls on all of it every epoch (Ribbon's Theta Vault)."""

from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt, Lt

from protocols.vaults.epoch import Vault
from protocols.vaults.options import OptionDesk, OptionSettings
from sim.fields import Share
from sim.intents import Act
from sim.quotes import OptionsQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World


@component("protocol", "covered_call_vault")
class CoveredCallVault(OptionSettings, Vault):
    """Holds a coin and sells out-of-the-money calls on it, one for every coin at most."""

    risk = "directional"

    accepts = (*Vault.accepts, Act.BID)

    delta: Annotated[float, Gt(0.0), Lt(1.0)] = 0.10
    """Of the calls sold."""
    share_sold: Share = 1.0
    """Calls per coin."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.asset != self.underlying:
            return [("asset", f"calls on {self.underlying} are covered by {self.underlying}, not by {self.asset}")]
        return []

    def declare(self, world: "World") -> None:
        """Declare the vault's tokens and open its desk at the venue."""
        super().declare(world)
        self.trader = OptionDesk(self, self, world)

    def choose(self, desk: OptionDesk, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """The call nearest to the delta."""
        return [desk.leg(quote, True, self.delta)], [-1]

    def units(self, desk: OptionDesk, quote: OptionsQuote, series: list[int], net: int) -> int:
        """One call per coin."""
        return int(net * self.share_sold)
