"""How far a perpetual may trade from spot: He, Manela, Ross and von Wachter; Ackerer, Hugonnier and Jermann.

Longs pay kappa (F - S) per unit of time. A trader who holds spot against a short perpetual ties up its price at the
cash rate r, so no one gains where kappa (F - S) = r F: F / S = kappa / (kappa - r). A premium paid in full every 8
hours is kappa = 3 * 365 a year.
"""

import pytest

from protocols.perps.funding import PremiumAverage, funding_rate, premium, rate_over

KAPPA = 1095.0
INTERVAL = 1.0 / KAPPA
STEPS = 400


def closed_form(cash):
    return KAPPA / (KAPPA - cash)


def carry(ratio, cash, interest=0.0, clamp=0.0, hours=8.0):
    """Gain of spot against a short perpetual over 8 hours, per USD of spot, at F / S = ratio: funding less cash cost.

    Settled every `hours`; the perpetual's impact bid and ask are its price.
    """
    gain = 0.0
    for _ in range(round(8.0 / hours)):
        average = PremiumAverage()
        for _ in range(3):
            average.add(premium(100.0 * ratio, 100.0 * ratio, 100.0))
        gain += float(rate_over(funding_rate(average.take(), interest, clamp), hours))
    return gain - cash * ratio * INTERVAL


def settle(ratio, cash, cost=0.0, **rules):
    """Where F / S comes to rest: traders sell the perpetual while carry pays more than its cost, buy it when the
    opposite does, and stay away in between."""
    for _ in range(STEPS):
        gain = carry(ratio, cash, **rules)
        beyond = gain - cost if gain > cost else min(gain + cost, 0.0)
        ratio -= 0.5 * beyond
    return ratio


@pytest.mark.parametrize(("cash", "basis_points"), [(0.05, 0.4566), (0.10, 0.9133)])
@pytest.mark.parametrize("hours", [8.0, 1.0])
@pytest.mark.parametrize("start", [0.99, 1.0, 1.02])
def test_cash_and_carry_anchors_the_perpetual_above_spot(cash, basis_points, hours, start):
    ratio = settle(start, cash, hours=hours)
    assert ratio == pytest.approx(closed_form(cash), abs=1e-12)
    assert (ratio - 1.0) * 1e4 == pytest.approx(basis_points, abs=5e-5)


def test_the_anchor_is_spot_when_cash_is_free():
    assert settle(1.01, 0.0) == pytest.approx(1.0, abs=1e-12)
    assert closed_form(0.0) == 1.0


@pytest.mark.parametrize("cost", [1e-5, 2e-4])
def test_within_the_cost_of_trading_nobody_trades(cost):
    cash = 0.05
    slope = 1.0 - cash * INTERVAL
    low, high = ((1.0 + side * cost) / slope for side in (-1.0, 1.0))
    assert high - low == pytest.approx(2.0 * cost * closed_form(cash), rel=1e-9)
    for part in (0.01, 0.25, 0.5, 0.99):
        inside = low + part * (high - low)
        assert settle(inside, cash, cost) == inside
    assert settle(0.99, cash, cost) == pytest.approx(low, abs=1e-12)
    assert settle(1.01, cash, cost) == pytest.approx(high, abs=1e-12)


def test_the_clamp_leaves_a_band_of_premiums_where_funding_is_the_interest():
    """With Binance's interest and clamp, any premium within the clamp of the interest pays exactly the interest: where
    cash costs as much (10.95% a year), none of them is traded away."""
    rules = {"interest": 1e-4, "clamp": 5e-4}
    for ratio in (1.0 - 3e-4, 1.0, 1.0 + 5e-4):
        assert carry(ratio, 0.0, **rules) == pytest.approx(1e-4, abs=1e-15)
        assert settle(ratio, 0.1095 / ratio, **rules) == pytest.approx(ratio, abs=1e-9)
    assert carry(1.0 + 7e-4, 0.0, **rules) > 1e-4
    assert carry(1.0 - 5e-4, 0.0, **rules) < 1e-4
