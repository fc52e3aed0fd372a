"""Primary risks: what a strategy is exposed to first of all."""

from sim.registry import kinds, lookup

RISKS = {
    "directional": "the price falls, or rises against what is held",
    "liquidation": "a position is closed by force because its collateral no longer carries it",
    "counterparty": "a venue or issuer does not pay, or takes the winning position away",
    "smart contract": "a protocol that keeps the funds fails or freezes",
    "impermanent loss": "a pool sells what rises and buys what falls",
    "tail": "a rare large move costs more than many small gains earned",
    "IV shift": "implied volatility moves, or is not what is then realised",
    "inventory": "the price moves before a quote's fill can be passed on",
    "execution": "an opportunity is gone or its order fails, and its cost is lost",
}
"""Name -> meaning."""
FAMILIES = ("population", "protocol")
"""Families of strategies."""


def primary_risks() -> dict[str, str]:
    """Kind of strategy -> its primary risk, for the registered kinds of `FAMILIES` that declare one."""
    declared = {kind: getattr(lookup(family, kind), "risk", "") for family in FAMILIES for kind in kinds(family)}
    return {kind: risk for kind, risk in declared.items() if risk}
