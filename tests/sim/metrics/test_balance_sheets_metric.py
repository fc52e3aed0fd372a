"""Vulnerability, overlap and concentration as a run records them; the closed forms are in tests/validation."""

import math

import numpy as np
import pytest

from sim.metrics.balance_sheets import LOOKS, BalanceSheetsMetric, assess
from sim.sheets import Sheets, price_impact, sheets
from tests.town import history, table
from tests.worlds import DEPTH, WILD, make_world, people, run

WHOLE = ("aggregate_vulnerability", "rebalancing_eigenvalue", "overlap_top_eigenvalue", "cosine_overlap")
PARTS = ("systemicness", "indirect_vulnerability", "hhi", "effective_n")


def of(world):
    return next(metric for metric in world.metrics if isinstance(metric, BalanceSheetsMetric))


def test_columns_are_those_of_the_whole_and_of_every_population():
    world = history()
    found = of(world).final(world)
    names = [actor.population.name for actor in world.actors]
    maxima = {"aggregate_vulnerability_max", "rebalancing_eigenvalue_max"}
    assert set(found) == {*WHOLE, *maxima, *(f"{part}.{name}" for part in PARTS for name in names)}
    assert all(set(WHOLE) <= set(row) for row in world.recorder.steps)


def test_outcomes_are_means_and_maxima_of_samples():
    world = history()
    found, rows = of(world).final(world), world.recorder.steps
    for name in WHOLE:
        assert found[name] == pytest.approx(np.mean([row[name] for row in rows]))
    assert found["aggregate_vulnerability_max"] == max(row["aggregate_vulnerability"] for row in rows)
    parts = sum(value for name, value in found.items() if name.startswith("systemicness."))
    assert parts == pytest.approx(found["aggregate_vulnerability"], rel=1e-9)


def test_sheets_are_not_drawn_up_more_than_needed(monkeypatch):
    looks = []
    monkeypatch.setattr("sim.metrics.balance_sheets.sheets", lambda world: looks.append(1) or sheets(world))
    world = make_world(WILD, DEPTH, people("long", ETH=10.0), sets=("run.ticks=300", "record.checks='sampled'"))
    run(world)
    assert len(looks) == LOOKS
    assert all(row["cosine_overlap"] != row["cosine_overlap"] for row in world.recorder.steps)
    assert of(world).final(world)["hhi.long"] == pytest.approx(1.0)


def test_a_bought_twin_doubles_the_overlap_and_not_the_concentration():
    world = history()
    now, impact = sheets(world), price_impact(world)
    twice = Sheets(
        [*now.names, *(f"{name}_2" for name in now.names)], *(np.tile(u, (2, 1)) for u in (now.held, now.owed))
    )
    once, both = assess(now, now.felt(impact)), assess(twice, now.felt(impact))
    assert both["overlap_top_eigenvalue"] == pytest.approx(2.0 * once["overlap_top_eigenvalue"])
    assert both["aggregate_vulnerability"] == pytest.approx(2.0 * once["aggregate_vulnerability"])
    assert both["rebalancing_eigenvalue"] == pytest.approx(2.0 * once["rebalancing_eigenvalue"])
    for name in now.names:
        assert both[f"hhi.{name}"] == once[f"hhi.{name}"] == pytest.approx(1.0 / once[f"effective_n.{name}"])


def test_who_has_nothing_is_no_number_and_no_error():
    now = Sheets(["rich", "poor"], np.array([[5.0, 5.0], [0.0, 0.0]]), np.zeros((2, 2)))
    found = assess(now, np.array([0.0, 1e-4]))
    assert math.isnan(found["hhi.poor"])
    assert math.isnan(found["cosine_overlap"])
    assert found["aggregate_vulnerability"] == 0.0
    empty = assess(Sheets([], np.zeros((0, 2)), np.zeros((0, 2))), np.zeros(2))
    assert set(empty) == set(WHOLE)
    assert math.isnan(empty["aggregate_vulnerability"])


def test_cap_weights_and_least_variance_concentrate_where_equal_weights_do_not():
    """Four assets of which one is large and one is calm; holdings as opened and kept for a day."""
    names, volatility = ("A", "B", "C", "D"), (0.2, 0.8, 0.8, 0.8)
    supply = {"A": 1.0, "B": 7.0, "C": 1.0, "D": 1.0}
    rules = {
        "equal": 'kind = "equal_weight"',
        "cap": f'kind = "market_cap", supply = {{ {", ".join(f"{name} = {size}" for name, size in supply.items())} }}',
        "calm": 'kind = "minimum_variance", estimator = "sample", window = "8h"',
    }
    coins = "".join(
        f'[[assets]]\nname = "{name}"\nprice = 100.0\ndecimals = 8\n[[processes]]\nname = "{name}"\nkind = "gbm"\n'
        f'assets = ["{name}"]\nvolatility = {risk}\n'
        for name, risk in zip(names, volatility, strict=True)
    )
    books = "".join(
        f'[[protocols.books]]\nasset = "{name}"\ndaily_volatility = 0.05\ndaily_volume = 1e7\n' for name in names
    )
    crowd = [
        table(
            "allocator",
            f'count = 2\nassets = {list(names)}\nrule = {{ {rule} }}\nvenues = ["market"]\n'
            'trigger = { kind = "calendar", every = "1h" }\nwealth_usd = { total = 1e6 }\n',
            name=name,
        )
        for name, rule in rules.items()
    ]
    still = WILD.replace("volatility = 2.0", "volatility = 0.0")
    world = make_world(still, coins, DEPTH, books, *crowd, sets=("run.ticks=144", "chain.allowance=0.0"))
    run(world)
    found = of(world).final(world)
    assert found["hhi.equal"] == pytest.approx(0.25, abs=0.01)
    assert found["effective_n.equal"] == pytest.approx(4.0, abs=0.1)
    assert found["hhi.cap"] == pytest.approx((0.7**2 + 3 * 0.1**2), abs=0.02)
    assert found["effective_n.calm"] < 0.6 * found["effective_n.equal"]
