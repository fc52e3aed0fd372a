"""Cash-secured puts: hold money, sell puts that it could pay for in full."""

from typing import Annotated

from annotated_types import Gt, Lt

from protocols.vaults.options import OptionVault
from sim.fields import Share
from sim.quotes import OptionsQuote
from sim.registry import component


@component("protocol", "put_selling_vault")
class PutSellingVault(OptionVault):
    """Holds money and sells out-of-the-money puts, one for every strike's worth of money at most."""

    delta: Annotated[float, Gt(0.0), Lt(1.0)] = 0.10
    """Absolute delta of the puts sold."""
    share_sold: Share = 1.0
    """Strikes sold over money held."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.asset == self.underlying:
            return [("asset", f"puts on {self.underlying} are secured by money, not by {self.asset}")]
        return []

    def choose(self, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """The put nearest to the delta."""
        return [quote.series(self.base_asset, False, self.years(), self.delta)], [-1]

    def units(self, quote: OptionsQuote, series: list[int], net: int) -> int:
        """One put per strike."""
        unit = 10.0 ** (self.exchange_decimals - self.decimals)
        return int(net * self.share_sold * self.asset_usd / float(quote.strike[series[0]]) * unit)
