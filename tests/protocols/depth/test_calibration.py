"""Fitted depth reproduces the quotes it was fitted on, from its constants alone and from the recorded table."""

import csv
import gzip
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from protocols.shared.depth.calibration import CALIBRATIONS, DepthCalibration, bucket_medians, fit_depth
from protocols.shared.depth.kernels import displacement

TABLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "depth" / "oneinch_quotes_2023-11.csv.gz"
ADDRESSES = {
    "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2": ("WETH", 18),
    "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599": ("WBTC", 8),
    "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48": ("USDC", 6),
    "0xdac17f958d2ee523a2206206994597c13d831ec7": ("USDT", 6),
    "0x0000000000085d4780b73119b644ae5ecd22b376": ("TUSD", 18),
}
PUBLISHED = [
    (0, 100, 0.0003),
    (500, 1_000, 0.0013),
    (2_000, 5_000, 0.0035),
    (5_000, 10_000, 0.0074),
    (10_000, 20_000, 0.012),
    (20_000, 50_000, 0.024),
    (50_000, 75_000, 0.064),
]
"""Median price impact of WETH sold for USDC by size in WETH, as published beside the table."""

pairs = pytest.mark.parametrize("fit", CALIBRATIONS.values(), ids=lambda fit: f"{fit.sold}-{fit.bought}")


@pytest.fixture(scope="module")
def quotes():
    """(sold, bought) -> columns amount in, amount out (whole tokens), price impact, time."""
    if not TABLE.exists():
        pytest.skip("the recorded quotes are not beside the project (../shared/data/depth)")
    columns: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    with gzip.open(TABLE, "rt") as file:
        for row in csv.DictReader(file):
            if row["src"] in ADDRESSES and row["dst"] in ADDRESSES:
                (sold, sold_decimals), (bought, bought_decimals) = ADDRESSES[row["src"]], ADDRESSES[row["dst"]]
                amounts = float(row["in_amount"]) / 10**sold_decimals, float(row["out_amount"]) / 10**bought_decimals
                entry = (*amounts, float(row["price_impact"]), float(row["timestamp"]))
                columns.setdefault((sold, bought), []).append(entry)
    return {pair: np.array(sorted(rows, key=lambda row: row[3])).T for pair, rows in columns.items()}


def edges(fit):
    return (fit.buckets[0][0], *(high for _, high, _, _ in fit.buckets))


def sizes_and_impacts(fit, quotes):
    paid, received, impact, _ = quotes[fit.sold, fit.bought]
    return (paid if fit.side < 0 else received), impact


@pairs
def test_constants_reproduce_their_buckets(fit):
    for _, _, size, impact in fit.buckets:
        assert fit.quoted_impact(size) == pytest.approx(impact, rel=0.3)


def test_constants_reproduce_the_published_buckets():
    fit = CALIBRATIONS["WETH", "USDC"]
    size_in = {(low, high): size for low, high, size, _ in fit.buckets}
    for low, high, impact in PUBLISHED:
        assert fit.quoted_impact(size_in[low, high]) == pytest.approx(impact, rel=0.3)


@pairs
def test_buckets_are_contiguous_and_ordered(fit):
    assert all(left[1] == right[0] for left, right in pairwise(fit.buckets))
    assert all(low < size <= high for low, high, size, _ in fit.buckets)


def test_only_the_product_with_volatility_and_volume_matters():
    fit = CALIBRATIONS["WETH", "USDC"]
    other = DepthCalibration(
        "WETH", "USDC", -1, fit.delta, fit.impact * 2**fit.delta / 3, fit.volatility * 3, fit.volume * 2, fit.offset,
        (), fit.epsilon / 2,
    )  # fmt: skip
    for size in (1.0, 1e3, 5e4):
        assert other.quoted_impact(size) == pytest.approx(fit.quoted_impact(size), rel=1e-12)


def test_depth_of_another_day_moves_with_volatility_and_volume():
    fit = CALIBRATIONS["WETH", "USDC"]
    calm, wild, thin = fit.depth(), fit.depth(volatility=2 * fit.volatility), fit.depth(volume=fit.volume / 2)
    assert displacement(5e3, wild) == pytest.approx(2 * displacement(5e3, calm), rel=1e-12)
    # The linear region is a part of the volume and shrinks with it, hence the tolerance.
    assert displacement(5e3, thin) == pytest.approx(2**fit.delta * displacement(5e3, calm), rel=1e-3)


def test_fit_finds_the_shape_that_made_the_quotes():
    truth = DepthCalibration("A", "B", 1, 0.7, 20.0, 0.03, 1e6, 2e-4, ())
    sizes = np.geomspace(1.0, 1e5, 400)
    impacts = np.array([truth.quoted_impact(size) for size in sizes])
    start = DepthCalibration("A", "B", 1, 1.0, 100.0, 0.03, 1e6, 1e-5, ())
    found = fit_depth(start, sizes, impacts, (0.0, 30.0, 300.0, 3e3, 3e4, math.inf))
    assert found.delta == pytest.approx(0.7, rel=0.01)
    assert found.impact == pytest.approx(20.0, rel=0.05)
    assert found.offset == pytest.approx(2e-4, rel=0.05)


# ---------------------------------------------------------------------------------------------- on the recorded table


def test_impact_is_that_of_the_average_price_against_the_best_of_its_sweep(quotes):
    for paid, received, impact, time in quotes.values():
        price, sweep = received / paid, np.cumsum(np.diff(time, prepend=time[0]) > 600)
        best = np.array([price[sweep == number].max() for number in range(sweep[-1] + 1)])
        np.testing.assert_allclose(impact, 1.0 - price / best[sweep], atol=1e-12)


@pairs
def test_constants_are_the_medians_and_the_fit_of_the_table(fit, quotes):
    sizes, impacts = sizes_and_impacts(fit, quotes)
    np.testing.assert_allclose(bucket_medians(sizes, impacts, edges(fit)), fit.buckets, rtol=1e-3)
    again = fit_depth(fit, sizes, impacts, edges(fit))
    assert again.delta == pytest.approx(fit.delta, rel=1e-3)
    assert again.quoted_impact(fit.buckets[2][2]) == pytest.approx(fit.quoted_impact(fit.buckets[2][2]), rel=2e-3)


@pytest.mark.parametrize(("low", "high", "published"), PUBLISHED)
def test_model_quotes_of_every_recorded_size_reproduce_the_buckets(low, high, published, quotes):
    fit = CALIBRATIONS["WETH", "USDC"]
    sizes, impacts = sizes_and_impacts(fit, quotes)
    inside = (sizes > low) & (sizes <= high)
    model = np.median([fit.quoted_impact(size) for size in sizes[inside]])
    assert np.median(impacts[inside]) == pytest.approx(published, rel=0.1)
    assert model == pytest.approx(published, rel=0.3)
