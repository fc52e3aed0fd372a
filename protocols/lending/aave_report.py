"""Read a configuration report of Aave v3, as the DAO's helper scripts publish it for every proposal."""

from collections.abc import Mapping
from typing import Any

from protocols.lending.rules import EModeCategory, ReserveSettings
from sim.errors import ConfigError
from sim.fields import AssetName

BPS = 10_000
RAY = 10**27
CENTS = 100


def read_aave_report(report: Mapping[str, Any]) -> tuple[list[ReserveSettings], list[EModeCategory]]:
    """Reserves in the order of their on-chain id (of the report where it gives none), and e-mode categories by number.

    Reports of 2023 carry no rate strategies and no collateral maps: their reserves get the default rates, and the
    list of categories is empty. A frozen, paused or inactive reserve cannot be borrowed. Raises ConfigError if the
    report has no reserves.
    """
    if not report.get("reserves"):
        raise ConfigError(f'not an Aave report: no "reserves"; found {", ".join(sorted(report)) or "nothing"}')
    strategies = report.get("strategies", {})
    entries = sorted(report["reserves"].items(), key=lambda item: item[1].get("id", 0))
    reserves = [_reserve(entry, strategies.get(address)) for address, entry in entries]
    by_id = {int(entry.get("id", -1)): reserve.asset for (_, entry), reserve in zip(entries, reserves, strict=True)}
    modes = sorted(report.get("eModes", {}).values(), key=lambda mode: int(mode["eModeCategory"]))
    return reserves, [_category(mode, by_id) for mode in modes]


def _reserve(entry: Mapping[str, Any], strategy: Mapping[str, str] | None) -> ReserveSettings:
    usable = entry["isActive"] and not entry["isFrozen"] and not entry["isPaused"]
    return ReserveSettings(
        asset=AssetName(entry["symbol"]),
        ltv=entry["ltv"] / BPS,
        liquidation_threshold=entry["liquidationThreshold"] / BPS,
        liquidation_bonus=_bonus(entry["liquidationBonus"]),
        protocol_fee=entry["liquidationProtocolFee"] / BPS,
        reserve_factor=entry["reserveFactor"] / BPS,
        supply_cap=float(entry["supplyCap"]) or None,
        borrow_cap=float(entry["borrowCap"]) or None,
        borrowable=entry["borrowingEnabled"] and usable,
        collateral=entry["usageAsCollateralEnabled"],
        debt_ceiling=entry["debtCeiling"] / CENTS or None,
        **(_rates(strategy) if strategy else {}),
    )


def _rates(strategy: Mapping[str, str]) -> dict[str, float]:
    names = {
        "base_rate": "baseVariableBorrowRate",
        "slope1": "variableRateSlope1",
        "slope2": "variableRateSlope2",
        "optimal_utilisation": "optimalUsageRatio",
    }
    return {ours: int(strategy[theirs]) / RAY for ours, theirs in names.items()}


def _bonus(basis_points: int) -> float:
    return (basis_points - BPS) / BPS if basis_points else 0.0


def _category(mode: Mapping[str, Any], by_id: Mapping[int, AssetName]) -> EModeCategory:
    return EModeCategory(
        label=mode["label"],
        ltv=mode["ltv"] / BPS,
        liquidation_threshold=mode["liquidationThreshold"] / BPS,
        liquidation_bonus=_bonus(mode["liquidationBonus"]),
        collateral=_members(mode["collateralBitmap"], by_id),
        borrowable=_members(mode["borrowableBitmap"], by_id),
    )


def _members(bitmap: str, by_id: Mapping[int, AssetName]) -> tuple[AssetName, ...]:
    return tuple(name for number, name in sorted(by_id.items()) if int(bitmap) >> number & 1)
