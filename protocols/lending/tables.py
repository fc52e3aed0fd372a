"""From settings, prices and indices to the arrays that the liquidation kernels read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from protocols.lending import liquidation_kernels as layout
from protocols.lending.rules import EModeCategory, ReserveSettings, RuleSet
from sim.errors import ConfigError, suggestion
from sim.fields import AssetName


def market_table(
    price: ArrayLike, decimals: ArrayLike, supply_index: ArrayLike, debt_index: ArrayLike
) -> NDArray[np.float64]:
    """What changes every tick, float64 (MARKET_FIELDS, reserves).

    Parameters
    ----------
    price: USD per whole token. decimals: of the asset. supply_index, debt_index: atoms per scaled atom. One each per
        reserve.
    """
    price, unit = np.asarray(price, dtype=np.float64), 10.0 ** np.asarray(decimals, dtype=np.float64)
    table = np.empty((layout.MARKET_FIELDS, price.size))
    table[layout.PRICE], table[layout.UNIT] = price, unit
    table[layout.SUPPLY_INDEX], table[layout.DEBT_INDEX] = supply_index, debt_index
    table[layout.COLL_VALUE] = table[layout.SUPPLY_INDEX] * price / unit
    table[layout.DEBT_VALUE] = table[layout.DEBT_INDEX] * price / unit
    return table


def terms_table(reserves: Sequence[ReserveSettings], categories: Sequence[EModeCategory] = ()) -> NDArray[np.float64]:
    """What governance sets per collateral, float64 (TERM_FIELDS, 1 + categories, reserves); category 0 is none.

    A category lifts limit, threshold and bonus of its own collateral, except that an asset which is no collateral
    outside any category is none inside, and one with a limit of 0 keeps it (Aave v3.2 to v3.5). Raises ConfigError if
    a category names an asset that is not listed, or an asset is listed twice.
    """
    place = {reserve.asset: r for r, reserve in enumerate(reserves)}
    if len(place) < len(reserves):
        names = [reserve.asset for reserve in reserves]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f'reserve "{twice}" is listed twice; each asset has one reserve per market')
    table = np.zeros((layout.TERM_FIELDS, 1 + len(categories), len(reserves)))
    for r, reserve in enumerate(reserves):
        if reserve.collateral:
            table[layout.LTV, :, r] = reserve.ltv
            table[layout.THRESHOLD, :, r] = reserve.liquidation_threshold
            table[layout.BONUS, :, r] = reserve.liquidation_bonus
            table[layout.FEE_SHARE, :, r] = reserve.protocol_fee
    for number, category in enumerate(categories, start=1):
        _lift(table[:, number], category, place)
    return table


def _lift(terms: NDArray[np.float64], category: EModeCategory, place: dict[AssetName, int]) -> None:
    for asset in (*category.collateral, *category.borrowable):
        if asset not in place:
            raise ConfigError(
                f'e-mode "{category.label}" names unlisted asset "{asset}"{suggestion(asset, list(place))}'
            )
    for r in (place[asset] for asset in category.collateral):
        if terms[layout.THRESHOLD, r] > 0.0:
            terms[layout.LTV, r] = category.ltv if terms[layout.LTV, r] > 0.0 else 0.0
            terms[layout.THRESHOLD, r] = category.liquidation_threshold
            terms[layout.BONUS, r] = category.liquidation_bonus


def rule_vector(rules: RuleSet) -> NDArray[np.float64]:
    """A rule set as float64 (RULE_FIELDS,); switches are 0 or 1, a health of 0 (never close fully) becomes -1."""
    vector = np.empty(layout.RULE_FIELDS)
    vector[layout.CLOSE_FACTOR] = rules.close_factor
    vector[layout.ON_TOTAL] = rules.close_on == "total"
    vector[layout.FULL_CLOSE_HEALTH] = rules.full_close_health if rules.full_close_health > 0.0 else -1.0
    vector[layout.FULL_CLOSE_BELOW] = rules.full_close_below
    vector[layout.MIN_LEFTOVER] = rules.min_leftover
    vector[layout.TAKES_FEE] = rules.protocol_fee
    vector[layout.BOOKS_DEFICIT] = rules.deficit
    return vector
