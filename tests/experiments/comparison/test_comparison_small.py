"""What must hold of any tournament, on a small one that is really run."""

import numpy as np
import pytest

from experiments.compare import compare
from experiments.comparison.arena import Arena, gaps
from experiments.comparison.measures import PRIVATE, SYSTEMIC
from experiments.config import load
from experiments.design import plan


@pytest.fixture(scope="module")
def arena(small):
    assert len(small.failed) == 0, small.failed["error"].tolist()
    return Arena(small)


@pytest.mark.parametrize("measure", SYSTEMIC, ids=lambda measure: measure.name)
def test_nobody_adopting_has_no_footprint_at_all(arena, measure):
    values = measure.values(arena)[:, 0]
    assert np.isfinite(values).all()
    assert (values == values[:1]).all()
    assert (gaps(measure.values(arena))[:, 0] == 0.0).all()


@pytest.mark.parametrize("measure", SYSTEMIC, ids=lambda measure: measure.name)
def test_the_benchmark_as_a_rule_has_no_footprint(arena, measure):
    assert (measure.change(arena)[arena.rules.index("sleepers")] == 0.0).all()


def test_two_names_of_one_rule_give_the_same_numbers(small):
    found = compare(small)
    for cells in (found.systemic, found.private):
        one, other = (
            [(cell.share, cell.market, cell.measure, cell.interval) for cell in cells if cell.rule == rule]
            for rule in ("equal_weight", "twin")
        )
        assert one == other and len(one) > 3
    pair = next(p for p in found.footprint_ranking.pairs if {p.first, p.second} == {"equal_weight", "twin"})
    assert pair.difference.value == 0.0 and pair.p == 1.0 and not pair.distinct()


def test_with_impact_somebody_is_hurt_or_helped(arena):
    for measure in SYSTEMIC[:2] + SYSTEMIC[3:]:
        assert np.abs(measure.change(arena)[arena.rules.index("volatility_target"), -1]).min() > 0.0, measure.name


def test_without_impact_nobody_else_notices(frictionless):
    found = compare(frictionless)
    assert len(frictionless.failed) == 0
    for cell in found.systemic:
        assert cell.interval.low <= 0.0 <= cell.interval.high, cell
        assert abs(cell.interval.value) < 1e-6, cell
    moved = PRIVATE[0].change(found.arena)[found.arena.rules.index("equal_weight"), -1]
    assert np.abs(moved).min() > 0.0


def test_the_same_dollars_adopt_or_hold(arena):
    holders = arena.total(["holders.opening_usd"])
    assert arena.dollars[0] == 0.0
    assert arena.dollars[-1] == pytest.approx(holders[0, 0, 0, 0], rel=1e-6)


def test_profit_is_what_return_says(small):
    for name in ("eth_borrowers", "noise", "depositors"):
        rows = small.finished
        assert np.allclose(rows[f"{name}.profit_usd"] / rows[f"{name}.opening_usd"], rows[f"{name}.return"], atol=1e-9)


@pytest.mark.parametrize("asset", ["BTC", "ETH", "SOL", "LINK"])
def test_parts_of_a_fall_sum_to_it(small, asset):
    parts = small.finished[[name for name in small.runs if str(name).startswith(f"fall.{asset}.")]]
    assert np.allclose(parts.fillna(0.0).sum(axis=1), small.finished[f"drawdown.{asset}"], atol=1e-9)
    assert (parts[f"fall.{asset}.fundamental"] > 0.1).all()


def test_what_populations_hold_is_their_wealth_where_they_owe_nothing(small):
    held = small.finished[[name for name in small.runs if str(name).startswith("held.noise.")]].sum(axis=1)
    low = small.finished["noise.opening_usd"] + np.minimum(small.finished["noise.profit_usd"], 0.0)
    assert ((held > 0.95 * low) & (held < 1.05 * small.finished["noise.opening_usd"])).all()


def test_the_preset_is_as_large_as_promised():
    full = plan(load("tournament"))
    sizes = {axis.name: axis.size for axis in full.axes}
    assert sizes["agents.adopters.rule"] >= 14 and sizes["adoption"] == 4 and sizes["shock"] == 2
    assert full.replications == 40
    quick = plan(load("tournament", ["run.quick=true"]))
    assert quick.size <= 360 and {axis.name: axis.size for axis in quick.axes}["agents.adopters.rule"] >= 14
