"""Diversify or specialise (Beale and others 2011): the sign of the effect on joint failures depends on the tails.

Five institutions and five independent assets with Student-t returns; an institution fails when it loses more than an
asset does in the worst tenth of cases. Institutions are allocators of the project that hold what the fixed or the
equal-weight rule tells them; weights are read off the ledger by the metrics' own balance sheets.
"""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import t as student

from sim.metrics.balance_sheets import BalanceSheetsMetric
from sim.sheets import sheets
from tests.town import table
from tests.worlds import make_world, run

ASSETS = [f"A{i}" for i in range(5)]
LAND = """
[[assets]]
name = "{name}"
price = 100.0
decimals = 8
[[processes]]
name = "{name}"
kind = "gbm"
assets = ["{name}"]
volatility = 0.0
"""
COINS = "".join(LAND.format(name=name) for name in ASSETS)
ETH = '[[processes]]\nname = "eth"\nkind = "gbm"\nassets = ["ETH"]\nvolatility = 0.0\n'
BOOKS = '[[protocols]]\nname = "market"\nkind = "depth_market"\n' + "".join(
    f'[[protocols.books]]\nasset = "{name}"\ndaily_volatility = 0.05\ndaily_volume = 1e7\n' for name in ASSETS
)
RULES = {
    "specialise": [f'{{ kind = "fixed", targets = {{ {name} = 1.0 }} }}' for name in ASSETS],
    "diversify": ['{ kind = "equal_weight" }'] * 5,
}
DRAWS = {1.5: 1_000_000, 3.0: 1_000_000, 30.0: 4_000_000}
BATCH = 500_000


class Failures(NamedTuple):
    """Probability of one failure, mean squared number of failures at once, probability that all five fail."""

    probability: float
    square: float
    joint: float


def failures(failed):
    """Of (draws, institutions) who failed."""
    count = np.count_nonzero(failed, axis=1)
    return Failures(count.mean() / 5, (count * count).mean(), (count == 5).mean())


@pytest.fixture(scope="module")
def built():
    """A world of five institutions for each strategy, after one tick in which no price moved."""
    worlds = {}
    for strategy, rules in RULES.items():
        institutions = [
            table(
                "allocator",
                f'count = 1\nassets = {ASSETS}\nrule = {rule}\ntrigger = {{ kind = "calendar", every = "1h" }}\n'
                'venues = ["market"]\nwealth_usd = { total = 1e6 }\n',
                name=f"institution{i}",
            )
            for i, rule in enumerate(rules)
        ]
        worlds[strategy] = make_world(COINS, ETH, BOOKS, *institutions, sets=("chain.allowance=0.0",))
        run(worlds[strategy], 1)
    return worlds


def weights(world):
    """(institutions, assets) shares of equity in each of the five assets."""
    now = sheets(world)
    columns = [world.tokens[name].index for name in ASSETS]
    return now.held[:, columns] / now.equity[:, None]


@pytest.fixture(scope="module")
def outcome(built):
    """Failures by degrees of freedom and strategy, of the same returns."""
    found = {}
    holds = {strategy: weights(world) for strategy, world in built.items()}
    for dof, draws in DRAWS.items():
        rng, threshold = np.random.default_rng(round(10 * dof)), student.ppf(0.9, dof)
        parts = {strategy: [] for strategy in holds}
        for _ in range(draws // BATCH):
            losses = -rng.standard_t(dof, (BATCH, 5))
            for strategy, held in holds.items():
                parts[strategy].append(failures(losses @ held.T > threshold))
        found[dof] = {strategy: Failures(*np.mean(rows, axis=0)) for strategy, rows in parts.items()}
    return found


def test_rules_hold_what_the_strategies_say(built):
    assert weights(built["specialise"]) == pytest.approx(np.eye(5), abs=1e-6)
    assert weights(built["diversify"]) == pytest.approx(np.full((5, 5), 0.2), abs=1e-6)


def test_metrics_tell_the_strategies_apart(built):
    alone, alike = (BalanceSheetsMetric().final(built[strategy]) for strategy in ("specialise", "diversify"))
    for i in range(5):
        assert alone[f"effective_n.institution{i}"] == pytest.approx(1.0, abs=1e-5)
        assert alike[f"effective_n.institution{i}"] == pytest.approx(5.0, abs=1e-5)
        assert alike[f"hhi.institution{i}"] == pytest.approx(0.2, abs=1e-6)
    assert alone["cosine_overlap"] == pytest.approx(0.0, abs=1e-5)
    assert alike["cosine_overlap"] == pytest.approx(1.0, abs=1e-9)
    # A million of one owner in each book, or fifths of it of five owners in all: the same loss if all sell.
    assert alike["overlap_top_eigenvalue"] == pytest.approx(alone["overlap_top_eigenvalue"], rel=1e-3)
    assert alone["aggregate_vulnerability"] == alike["aggregate_vulnerability"] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("dof", DRAWS)
def test_a_specialist_fails_in_a_tenth_of_cases_and_on_its_own(outcome, dof):
    found = outcome[dof]["specialise"]
    assert found.probability == pytest.approx(0.1, rel=0.03)
    assert found.square == pytest.approx(0.70, rel=0.03)
    assert found.joint < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("dof", "probability", "last"), [(1.5, 0.057, 5e-4), (3.0, 0.018, 5e-4), (30.0, 0.0025, 5e-5)])
def test_the_diversified_fail_less_often_and_all_at_once(outcome, dof, probability, last):
    """Published figures are rounded; half of their last digit is allowed beside 3%."""
    found = outcome[dof]["diversify"]
    assert found.probability == pytest.approx(probability, abs=0.03 * probability + last)
    assert found.joint == pytest.approx(found.probability, rel=1e-9)
    assert found.square == pytest.approx(25.0 * found.probability, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("dof", "square"), [(1.5, 1.43), (3.0, 0.44), (30.0, 0.06)])
def test_sign_of_the_effect_on_joint_failures_flips_with_the_tail(outcome, dof, square):
    found = outcome[dof]["diversify"]
    assert found.square == pytest.approx(square, abs=0.03 * square + 5e-3)
    assert (found.square > outcome[dof]["specialise"].square) == (dof < 2.0)
