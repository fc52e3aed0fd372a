"""Deleveraging as in Chitra (2025): the worked example, to the atom, under every rule."""

import numpy as np
import pytest

from protocols.perps.deleveraging import RULES, allocate, shortfall, top_survival

ATOMS = 10**9
EQUITY = (np.array([10.0, 5.0, 1.0, -3.0, -12.0]) * ATOMS).astype(np.int64)
PROFIT = (np.array([8.0, 4.0, 0.5]) * ATOMS).astype(np.int64)
KEYS = np.arange(3)
THETA = 0.4


def haircuts(rule, theta=THETA, cap=1.0):
    """Atoms taken of each winner's profit to cover a part theta of the deficit; the queue goes by profit."""
    return allocate(rule, int(theta * shortfall(EQUITY, PROFIT).deficit), PROFIT, PROFIT / ATOMS, KEYS, cap)


def test_the_venue_is_solvent_yet_cannot_deleverage_its_way_out():
    found = shortfall(EQUITY, PROFIT)
    assert [amount / ATOMS for amount in found] == [15.0, 12.5, 16.0]
    assert found.deficit < found.wealth
    assert found.deficit > found.capacity
    assert THETA * found.deficit <= found.capacity


def test_what_the_top_winner_keeps():
    kept = {rule: (PROFIT - haircuts(rule))[0] / ATOMS for rule in RULES}
    assert kept["pro_rata"] == pytest.approx(4.16, abs=1e-9)
    assert kept["integer_pro_rata"] == pytest.approx(4.16, abs=1e-9)
    assert kept["queue"] == pytest.approx(2.0, abs=1e-9)
    need, share = 6.0, 8.0 / 12.5
    assert kept["pro_rata"] - kept["queue"] == pytest.approx(need * (1.0 - share), abs=1e-9)
    assert need * (1.0 - share) == pytest.approx(2.16, abs=1e-12)


@pytest.mark.parametrize("theta", [0.1, 0.25, 0.4, 0.5])
def test_the_survival_gap_is_theta_times_what_the_others_hold(theta):
    # While the top winner alone can bear the need (theta * 15 <= 8).
    pro_rata, queue = (
        top_survival(PROFIT, haircuts(rule, theta), shortfall(EQUITY, PROFIT).deficit) for rule in ("pro_rata", "queue")
    )
    assert pro_rata - queue == pytest.approx(theta * (1.0 - 8.0 / 12.5), abs=1e-9)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("theta", [0.0, 0.4, 0.8, 1.0])
def test_the_budget_balances_as_far_as_profits_reach(rule, theta):
    taken = haircuts(rule, theta)
    assert taken.sum() == min(int(theta * 15 * ATOMS), int(12.5 * ATOMS))
    assert (taken <= PROFIT).all()


def test_every_rule_shares_the_same_haircut_differently():
    shares = {rule: (haircuts(rule, cap=0.5) / PROFIT).round(6).tolist() for rule in RULES}
    assert shares == {
        "queue": [0.75, 0.0, 0.0],
        "random_start": [0.75, 0.0, 0.0],
        "pro_rata": [0.48, 0.48, 0.48],
        "levered_pro_rata": [0.598131, 0.299065, 0.037383],
        "capped_pro_rata": [0.48, 0.48, 0.48],
        "integer_pro_rata": [0.48, 0.48, 0.48],
    }


def test_constant_severity_wipes_out_the_top_winner_as_venues_grow():
    """Pareto profits: under pro rata the top winner keeps (1 - h) b_n, which vanishes against a deficit that grows
    with n as n^(1/alpha - 1); under the queue it keeps nothing."""
    kept, sizes, alpha = [], [100, 10_000], 2.0
    for n in sizes:
        profit = (ATOMS * ((np.arange(n) + 0.5) / n) ** (-1.0 / alpha)).astype(np.int64)
        deficit = int(profit.sum())
        taken = {rule: allocate(rule, deficit // 2, profit, profit, np.arange(n)) for rule in ("pro_rata", "queue")}
        assert top_survival(profit, taken["queue"], deficit) == 0.0
        kept.append(top_survival(profit, taken["pro_rata"], deficit))
    slope = np.log(kept[1] / kept[0]) / np.log(sizes[1] / sizes[0])
    assert slope == pytest.approx(1.0 / alpha - 1.0, abs=0.05)
