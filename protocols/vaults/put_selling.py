"""Cash-secured puts: hold money, sell puts that it could pay for in full."""

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


@component("protocol", "put_selling_vault")
class PutSellingVault(OptionSettings, Vault):
    """Holds money and sells out-of-the-money puts, one for every strike's worth of money at most."""

    risk = "tail"

    accepts = (*Vault.accepts, Act.BID)

    delta: Annotated[float, Gt(0.0), Lt(1.0)] = 0.10
    """Absolute delta of the puts sold."""
    share_sold: Share = 1.0
    """Strikes sold over money held."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.asset == self.underlying:
            return [("asset", f"puts on {self.underlying} are secured by money, not by {self.asset}")]
        return []

    def declare(self, world: "World") -> None:
        """Declare the vault's tokens and open its desk at the venue."""
        super().declare(world)
        self.trader = OptionDesk(self, self, world)

    def choose(self, desk: OptionDesk, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """The put nearest to the delta."""
        return [desk.leg(quote, False, self.delta)], [-1]

    def units(self, desk: OptionDesk, quote: OptionsQuote, series: list[int], net: int) -> int:
        """One put per strike."""
        return desk.units_of(net * self.share_sold * desk.asset_usd, float(quote.strike[series[0]]))
