"""Settings of a pooled lending market: its reserves, its efficiency modes and the version of its liquidation rules.

Each settings class has `check()`, which returns one (field, message) for every value the protocol would refuse. The
limits are those of Aave's PoolConfigurator and DefaultReserveInterestRateStrategyV2.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from sim.errors import ConfigError, suggestion
from sim.fields import AssetName, NonNegative, Share

Faults = list[tuple[str, str]]
MAX_RATE = 10.0
"""Highest borrow rate at full utilisation, per year."""
OPTIMAL_RANGE = (0.01, 0.99)


@dataclass(frozen=True, kw_only=True)
class ReserveSettings:
    """One asset of a lending market. The default rates are those of USDC on Aave v3 Ethereum, mid-2025.

    Attributes
    ----------
    ltv: debt a new loan may have per dollar of this collateral.
    liquidation_threshold: weight of this collateral in the health factor.
    liquidation_bonus: extra collateral a liquidator receives per dollar repaid (0.05 is 5%).
    protocol_fee: part of the bonus, not of the whole seizure, that goes to the treasury.
    reserve_factor: part of the borrowers' interest that goes to the treasury.
    base_rate, slope1, slope2, optimal_utilisation: see `rates.borrow_rate`; per year.
    supply_cap, borrow_cap: whole tokens; None is unlimited.
    borrowable, collateral: whether the asset may be borrowed, and counts as collateral at all.
    debt_ceiling: USD that may be borrowed against this asset in isolation mode (until Aave v3.6), as reports state it;
        the pool does not enforce it. None is no isolation.
    """

    asset: AssetName
    ltv: Share
    liquidation_threshold: Share
    liquidation_bonus: NonNegative
    protocol_fee: Share = 0.10
    reserve_factor: Share = 0.10
    base_rate: NonNegative = 0.0
    slope1: NonNegative = 0.055
    slope2: NonNegative = 0.35
    optimal_utilisation: Annotated[float, Ge(OPTIMAL_RANGE[0]), Le(OPTIMAL_RANGE[1])] = 0.92
    supply_cap: NonNegative | None = None
    borrow_cap: NonNegative | None = None
    borrowable: bool = True
    collateral: bool = True
    debt_ceiling: NonNegative | None = None

    def check(self) -> Faults:
        """Every setting Aave would refuse, as (field, message); empty if all is well."""
        faults = _outside_unit(self, "ltv", "liquidation_threshold", "protocol_fee", "reserve_factor")
        if self.collateral:
            faults += _threshold_faults(self.ltv, self.liquidation_threshold, self.liquidation_bonus)
        return faults + self._rate_faults() + self._limit_faults()

    def _rate_faults(self) -> Faults:
        faults: Faults = []
        low, high = OPTIMAL_RANGE
        if not low <= self.optimal_utilisation <= high:
            faults.append(("optimal_utilisation", f"{self.optimal_utilisation:g} is outside [{low:g}, {high:g}]"))
        if self.slope2 < self.slope1:
            faults.append(("slope2", f"{self.slope2:g} is below slope1 = {self.slope1:g}; the second must be steeper"))
        if min(self.base_rate, self.slope1, self.slope2) < 0.0:
            faults.append(("base_rate", "base_rate, slope1 and slope2 must not be negative"))
        top = self.base_rate + self.slope1 + self.slope2
        if top > MAX_RATE:
            faults.append(("slope2", f"rate at full utilisation is {top:g} a year; at most {MAX_RATE:g} is allowed"))
        return faults

    def _limit_faults(self) -> Faults:
        limits = {name: getattr(self, name) for name in ("supply_cap", "borrow_cap", "debt_ceiling")}
        return [
            (name, f"{value:g} is negative; leave it out for no limit")
            for name, value in limits.items()
            if value is not None and value < 0.0
        ]


@dataclass(frozen=True, kw_only=True)
class EModeCategory:
    """Efficiency mode: a set of assets that move together and may be lent against each other at higher limits.

    An account in the category uses these three numbers for its collateral among `collateral`, the reserve's own
    numbers for any other, and may borrow only what is in `borrowable` (Aave v3.2 to v3.5).
    """

    label: str
    ltv: Share
    liquidation_threshold: Share
    liquidation_bonus: NonNegative
    collateral: tuple[AssetName, ...]
    borrowable: tuple[AssetName, ...]

    def check(self) -> Faults:
        """Every setting Aave would refuse, as (field, message); empty if all is well."""
        faults = _outside_unit(self, "ltv", "liquidation_threshold")
        faults += _threshold_faults(self.ltv, self.liquidation_threshold, self.liquidation_bonus)
        if self.ltv == 0.0:
            faults.append(("ltv", "0 would let nobody borrow in this category"))
        if not self.collateral:
            faults.append(("collateral", "is empty: name at least one asset that the category lifts"))
        return faults


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """How much of an account may be liquidated and what happens to debt that nothing backs.

    Attributes
    ----------
    version: name of the protocol version these numbers come from.
    close_factor: part of the debt one liquidation may repay.
    close_on: what that part is of: the account's "total" debt, or its debt in the one "reserve" that is repaid.
    full_close_health: at or below this health factor everything may be repaid; 0 for never.
    full_close_below: USD; with less collateral or less debt than this in its reserve, everything may be repaid.
    min_leftover: USD; a liquidation that leaves both some debt and some collateral must leave this much of each.
    protocol_fee: whether the treasury takes its part of the bonus.
    deficit: whether debt of an account without collateral is burned and booked as the reserve's deficit, or stays.
    """

    version: str
    close_factor: Share
    close_on: Literal["total", "reserve"]
    full_close_health: Share
    full_close_below: NonNegative
    min_leftover: NonNegative
    protocol_fee: bool
    deficit: bool

    def check(self) -> Faults:
        """Every setting that would make liquidation impossible or meaningless, as (field, message)."""
        faults: Faults = []
        if not 0.0 < self.close_factor <= 1.0:
            faults.append(("close_factor", f"{self.close_factor:g} is outside (0, 1]"))
        if self.close_on not in ("total", "reserve"):
            faults.append(("close_on", f'unknown "{self.close_on}"{suggestion(self.close_on, ["reserve", "total"])}'))
        if not 0.0 <= self.full_close_health < 1.0:
            faults.append(("full_close_health", f"{self.full_close_health:g} is outside [0, 1)"))
        if min(self.full_close_below, self.min_leftover) < 0.0:
            faults.append(("min_leftover", "min_leftover and full_close_below must not be negative"))
        left = self.full_close_below * (1.0 - self.close_factor)
        if self.close_factor < 1.0 and self.min_leftover > left:
            faults.append(
                (
                    "min_leftover",
                    f"{self.min_leftover:g} is above {left:g}, what the smallest partial close leaves; "
                    "raise full_close_below or lower min_leftover",
                )
            )
        return faults


AAVE_V2 = RuleSet(
    version="aave_v2", close_factor=0.5, close_on="reserve", full_close_health=0.0, full_close_below=0.0,
    min_leftover=0.0, protocol_fee=False, deficit=False,
)  # fmt: skip
AAVE_V3_3 = RuleSet(
    version="aave_v3.3", close_factor=0.5, close_on="total", full_close_health=0.95, full_close_below=2_000.0,
    min_leftover=1_000.0, protocol_fee=True, deficit=True,
)  # fmt: skip
RULE_SETS = {rules.version: rules for rules in (AAVE_V2, AAVE_V3_3)}


def rule_set(version: str) -> RuleSet:
    """The rules of a protocol version; ConfigError with the nearest name if there is no such version."""
    if version not in RULE_SETS:
        raise ConfigError(f'unknown lending version "{version}"{suggestion(version, sorted(RULE_SETS))}')
    return RULE_SETS[version]


def _outside_unit(settings: ReserveSettings | EModeCategory, *names: str) -> Faults:
    values = {name: getattr(settings, name) for name in names}
    return [(name, f"{value:g} is outside [0, 1]") for name, value in values.items() if not 0.0 <= value <= 1.0]


def _threshold_faults(ltv: float, threshold: float, bonus: float) -> Faults:
    faults: Faults = []
    if threshold <= 0.0:
        faults.append(("liquidation_threshold", "0 backs no debt; set collateral = false if that is meant"))
    if ltv > threshold:
        faults.append(
            ("ltv", f"{ltv:g} is above liquidation_threshold = {threshold:g}: a new loan could be liquidated at once")
        )
    if bonus <= 0.0:
        faults.append(("liquidation_bonus", f"{bonus:g} pays no liquidator; it must be above 0"))
    if threshold * (1.0 + bonus) > 1.0 + 1e-12:
        faults.append(
            (
                "liquidation_threshold",
                f"{threshold:g} times (1 + liquidation_bonus) is {threshold * (1 + bonus):g}, "
                f"above 1: liquidation would leave bad debt; at most {1 / (1 + bonus):.4f} with this bonus",
            )
        )
    return faults
