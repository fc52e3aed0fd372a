"""Margin tiers: continuity, monotonicity, dYdX and Hyperliquid fractions, refused tables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.perps.tiers import (
    DYDX_TIERS,
    MarginTier,
    dydx_margins,
    half_of_initial,
    initial_margin,
    maintenance_margin,
    synthetix_margins,
    tier_table,
)
from sim.errors import ConfigError


@st.composite
def tables(draw):
    count = draw(st.integers(1, 6))
    begin = np.concatenate([[0.0], np.cumsum(draw(st.lists(st.floats(1.0, 1e6), min_size=count, max_size=count)))])
    rates = np.sort(draw(st.lists(st.floats(0.001, 0.2), min_size=count, max_size=count)))
    return tier_table(
        [
            MarginTier(from_usd=float(start), maintenance=float(rate), max_leverage=0.5 / float(rate))
            for start, rate in zip(begin[:count], rates, strict=True)
        ]
    )


def margin(notional, table):
    notional = np.atleast_1d(np.asarray(notional, dtype=np.float64))
    out = np.empty_like(notional)
    maintenance_margin(notional, *table[:3], out)
    return out


@given(tables())
def test_margin_is_continuous_where_tiers_begin(table):
    below = margin(np.nextafter(table.begin[1:], 0.0), table)
    assert margin(table.begin[1:], table) == pytest.approx(below, rel=1e-9)


@given(tables(), st.lists(st.floats(0.0, 1e7), min_size=2, max_size=20))
def test_margin_charges_each_slice_at_its_own_rate(table, notional):
    slices = np.diff(np.append(table.begin, np.inf))
    expected = [float(np.clip(size - table.begin, 0.0, slices) @ table.rate) for size in notional]
    assert margin(notional, table) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (np.diff(margin(np.sort(notional), table)) >= -1e-9).all()


@given(tables(), st.floats(1.0, 1e7))
def test_initial_margin_exceeds_maintenance(table, notional):
    assert initial_margin(notional, 1e3, table) > margin(notional, table)[0]


def test_leverage_is_limited_by_the_tier():
    table = tier_table([
        MarginTier(maintenance=0.01, max_leverage=50.0), MarginTier(from_usd=1e5, maintenance=0.05, max_leverage=10.0)
    ])  # fmt: skip
    assert initial_margin([5e4, 5e4, 2e5], [20.0, 100.0, 20.0], table).tolist() == [2500.0, 1000.0, 20_000.0]
    assert margin([5e4, 2e5], table) == pytest.approx([500.0, 2e5 * 0.05 - 4000.0])


@pytest.mark.parametrize(
    ("tiers", "text"),
    [
        ([], "found none"),
        ([MarginTier(from_usd=5.0, maintenance=0.01, max_leverage=50.0)], "the first begins at 5 USD; it must begin"),
        ([MarginTier(maintenance=0.05, max_leverage=20.0)], r"tier 1: maintenance 0.05 is not below .* 0.05 of lev"),
        (
            [
                MarginTier(maintenance=0.02, max_leverage=20.0),
                MarginTier(from_usd=9.0, maintenance=0.01, max_leverage=9),
            ],
            r"tier 2: .* found 9, 0.01, 9 after 0, 0.02, 20",
        ),
    ],
    ids=["empty", "late start", "maintenance above initial", "falling rate"],
)
def test_tables_that_make_no_sense_are_refused(tiers, text):
    with pytest.raises(ConfigError, match=text):
        tier_table(tiers)


def test_hyperliquid_maintenance_is_half_of_initial():
    assert half_of_initial([40.0, 3.0]) == pytest.approx([0.0125, 1.0 / 6.0])


@pytest.mark.parametrize(
    ("name", "initial", "maintenance"),
    [
        ("large", 0.02, 0.012),
        ("mid", 0.05, 0.03),
        ("small", 0.1, 0.05),
        ("long_tail", 0.2, 0.1),
        ("safety", 1.0, 0.2),
        ("isolated", 0.05, 0.03),
    ],
)
def test_dydx_margins_start_at_their_base_and_end_at_full_collateral(name, initial, maintenance):
    tier = DYDX_TIERS[name]
    interest = np.linspace(0.0, 2e8, 101)
    rising, constant = dydx_margins(interest, tier)
    assert rising[0] == initial
    assert constant == pytest.approx(np.full(101, maintenance))
    assert (np.diff(rising) >= 0.0).all()
    assert rising[-1] == (initial if name == "large" else 1.0)
    assert dydx_margins(0.5 * (tier.lower_cap + tier.upper_cap), tier)[0] == pytest.approx(
        initial if name == "large" else 0.5 * (1.0 + initial)
    )


def test_synthetix_margin_grows_with_size_up_to_a_maximum():
    initial, maintenance = synthetix_margins([0.0, -1e3, 1e9], 1e5, 2.0, 0.02, 0.5, 0.5)
    assert initial == pytest.approx([0.02, 0.04, 0.5])
    assert maintenance == pytest.approx([0.01, 0.02, 0.25])
