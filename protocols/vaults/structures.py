"""Straddles, strangles and iron condors, long or short, rolled every epoch."""

from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Gt, Lt

from protocols.vaults.epoch import Vault
from protocols.vaults.options import OptionDesk, OptionSettings
from sim.fields import Positive
from sim.intents import Act
from sim.quotes import OptionsQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

Delta = Annotated[float, Gt(0.0), Lt(1.0)]


@component("protocol", "structure_vault")
class StructureVault(OptionSettings, Vault):
    """Holds money and sells (or buys) straddles, strangles or iron condors."""

    risk = "IV shift"

    accepts = (*Vault.accepts, Act.BID)

    structure: Literal["straddle", "strangle", "condor"] = "straddle"
    side: Literal["short", "long"] = "short"
    delta: Delta = 0.20
    """Absolute delta of a strangle's options and of a condor's inner ones; a straddle is at the money."""
    wing_delta: Delta = 0.08
    """Of a condor's outer options."""
    size: Positive = 0.5
    """Underlyings' worth per unit of net assets; of condors, the largest loss before premium."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.structure == "condor" and not self.wing_delta < self.delta:
            return [("wing_delta", f"found {self.wing_delta:g}; wings lie further out than delta = {self.delta:g}")]
        return []

    def declare(self, world: "World") -> None:
        """Declare the vault's tokens and open its desk at the venue."""
        super().declare(world)
        self.trader = OptionDesk(self, self, world)

    def choose(self, desk: OptionDesk, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """Calls, then puts; of a condor the wings as well."""
        inner = 0.5 if self.structure == "straddle" else self.delta
        sign = -1 if self.side == "short" else 1
        legs = [(desk.leg(quote, is_call, inner), sign) for is_call in (True, False)]
        if self.structure == "straddle":  # one strike
            put = legs[1][0]
            same = (quote.strike == quote.strike[legs[0][0]]) & (quote.expiry == quote.expiry[put]) & ~quote.is_call
            legs[1] = int((same & (quote.underlying == desk.base_asset)).argmax()), sign
        if self.structure == "condor":
            legs += [(desk.leg(quote, is_call, self.wing_delta), -sign) for is_call in (True, False)]
            # Where strikes are too far apart for wings, the vault stays with nothing rather than with naked shorts.
            if len({series for series, _ in legs}) < len(legs):
                legs = [(series, 0) for series, _ in legs]
        return [series for series, _ in legs], [ratio for _, ratio in legs]

    def units(self, desk: OptionDesk, quote: OptionsQuote, series: list[int], net: int) -> int:
        """By the spot, or for condors by the wider wing."""
        price = float(quote.spot[series[0]])
        if self.structure == "condor":
            pairs = ((series[0], series[2]), (series[1], series[3]))
            price = max(abs(float(quote.strike[a] - quote.strike[b])) for a, b in pairs)
        return desk.units_of(net * self.size * desk.asset_usd, price)
