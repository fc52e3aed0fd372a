"""What a venue of options lists: underlyings, the surface they start from, and orders of several legs."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt, MinLen

from sim.fields import AssetName, Duration, NonNegative, OracleName, Positive

DAY = 86_400.0
TWO_DAYS, FIVE_DAYS = Duration(2 * DAY), Duration(5 * DAY)
BelowOne = Annotated[float, Gt(0.0), Lt(1.0)]


@dataclass(frozen=True, kw_only=True)
class SurfaceSettings:
    """How an underlying's implied volatility starts and moves. Volatilities are per square root of a year.

    Attributes
    ----------
    atm: volatility at the forward, 30 days ahead. skew, curvature: see sim.pricing.svi.smile.
    term: power of (years / 30 days) by which the level differs between expiries; above -0.5 so that calendars hold.
    premium: how far the level stands above realised volatility in the long run.
    half_life: of the level's way back there. realised_half_life: of squared returns in realised volatility.
    sticky: whether a strike or a delta keeps its volatility when the spot moves.
    spot_vol: change of the level per unit of log return, on top of that.
    vega_pressure: change of the level of an expiry per `vega_capacity` of vega that customers hold net.
    skew_pressure: change of its skew per `vega_capacity` of vega they hold net one standard deviation above the spot.
    vega_capacity: USD per 1.0 of volatility. pressure_half_life: dealers pass the risk on.
    """

    atm: Positive = 0.7
    skew: float = -0.1
    curvature: Positive = 0.8
    term: Annotated[float, Gt(-0.5)] = 0.0
    premium: float = 0.05
    half_life: Duration = FIVE_DAYS
    realised_half_life: Duration = FIVE_DAYS
    sticky: Literal["strike", "delta"] = "delta"
    spot_vol: float = 0.0
    vega_pressure: NonNegative = 0.05
    skew_pressure: NonNegative = 0.02
    vega_capacity: Positive = 1e6
    pressure_half_life: Duration = TWO_DAYS


@dataclass(frozen=True, kw_only=True)
class UnderlyingSettings:
    """An asset on which options are listed.

    Attributes
    ----------
    oracle: whose price is the index; the asset's reference market if None.
    settlement: "linear" pays the USD gain; "coin" pays it in the underlying, which then is the margin asset.
    strikes: shares of the spot at listing. deltas: of the call, in place of `strikes`.
    """

    asset: AssetName
    oracle: OracleName | None = None
    settlement: Literal["linear", "coin"] = "linear"
    surface: SurfaceSettings = field(default_factory=SurfaceSettings)
    strikes: Annotated[list[Positive], MinLen(1)] = field(default_factory=lambda: [0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2])
    deltas: list[BelowOne] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class StructureLeg:
    """One option of a structure: the listed strike nearest to a delta, or to a share of the spot.

    expiry: how many expiries after the one of the order's token.
    """

    option: Literal["call", "put"]
    ratio: int = 1
    delta: BelowOne | None = None
    moneyness: Positive | None = None
    expiry: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, kw_only=True)
class Structure:
    """Options that are bought (or sold: the other way round) together or not at all."""

    name: str
    legs: Annotated[list[StructureLeg], MinLen(1)]


def default_structures() -> list[Structure]:
    """Straddle, strangle, iron condor (bought for a credit), protective put and risk reversal, in this order."""
    leg = StructureLeg
    return [
        Structure(name="straddle", legs=[leg(option="call", moneyness=1.0), leg(option="put", moneyness=1.0)]),
        Structure(name="strangle", legs=[leg(option="call", delta=0.25), leg(option="put", delta=0.25)]),
        Structure(
            name="iron_condor",
            legs=[
                leg(option="call", ratio=-1, delta=0.25),
                leg(option="call", delta=0.10),
                leg(option="put", ratio=-1, delta=0.25),
                leg(option="put", delta=0.10),
            ],
        ),
        Structure(name="protective_put", legs=[leg(option="put", delta=0.25)]),
        Structure(name="risk_reversal", legs=[leg(option="call", delta=0.25), leg(option="put", ratio=-1, delta=0.25)]),
    ]
