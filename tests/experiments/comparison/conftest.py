"""Tournaments: a small one that is really run, and invented ones whose answers are known."""

import pandas as pd
import pytest

from experiments.analysis.study import Study
from experiments.catalogue import load_components
from experiments.config import load
from experiments.design import plan
from experiments.run import run_once

SMALL = [
    "run.ticks=48",
    "record.every=6",
    "record.networks=[0]",
    "agents.eth_borrowers.count=30",
    "agents.sol_borrowers.count=10",
    "agents.longs.count=10",
    "agents.btc_longs.count=10",
    "agents.noise.count=10",
    "agents.momentum.count=10",
    "sweep.replications=3",
    """sweep.axes."agents.adopters.rule"=[
        { label = "sleepers", value = { kind = "market_cap",
            supply = { BTC = 20e6, ETH = 120e6, SOL = 600e6, LINK = 700e6 } } },
        { label = "equal_weight", value = { kind = "equal_weight" } },
        { label = "twin", value = { kind = "fixed", targets = { BTC = 0.25, ETH = 0.25, SOL = 0.25, LINK = 0.25 } } },
        { label = "volatility_target", value = { kind = "volatility_target", window = "2h", half_life = "1h" } },
    ]""".replace("\n", " "),
    """sweep.axes.adoption=[
        { label = "0%", set = { "agents.adopters.count" = 0, "agents.holders.count" = 20 } },
        { label = "100%", set = { "agents.adopters.count" = 20, "agents.holders.count" = 0 } },
    ]""".replace("\n", " "),
    """sweep.axes.shock=[{ label = "ETH -30%", set = {
        "processes.btc.knots" = [["2h", 0.0], ["3h", -0.26]], "processes.eth.knots" = [["2h", 0.0], ["3h", -0.357]],
        "processes.sol.knots" = [["2h", 0.0], ["3h", -0.45]], "processes.link.knots" = [["2h", 0.0], ["3h", -0.4]]
    } }]""".replace("\n", " "),
]
"""Eight hours of the preset, with few people, the same rule under two names, and the benchmark as a rule."""


def run_all(*sets):
    """The study of the small tournament, computed here."""
    load_components()
    drawn = plan(load("tournament", [*SMALL, *sets]))
    rows = []
    for point, replication in drawn.runs():
        result = run_once(drawn.config(point), replication, digest="test")
        rows.append(result.row({}) | {"point": point.index} | {f"param.{k}": v for k, v in point.params.items()})
    return Study(pd.DataFrame(rows), drawn.describe(), "small", 11)


@pytest.fixture(scope="session")
def small():
    """With impact."""
    return run_all()


@pytest.fixture(scope="session")
def frictionless():
    """Orders move no price."""
    return run_all("protocols.market.impact=false")


def axis(name, values):
    """As the manifest describes a listed axis."""
    return {"name": name, "values": list(values), "scale": "linear", "numeric": False}


@pytest.fixture(scope="session")
def invented():
    """Make a study from rules, shares and a function of (rule, share, other values, seed) to outcomes."""

    def make(rules, shares, outcomes, seeds=20, others=None, rule_axis="rule"):
        others = others or {}
        axes = {rule_axis: rules, "adoption": shares} | others
        rows, point = [], 0
        for number in range(_size(axes)):
            place = _place(axes, number)
            for seed in range(seeds):
                row = {f"param.{name}": value for name, value in place.items()}
                identity = {
                    "point": point,
                    "replication": seed,
                    "seed": 0,
                    "status": "ok",
                    "run_key": f"{point}-{seed}",
                }
                rows.append(row | identity | outcomes(place, seed))
            point += 1
        sweep = {
            "method": "grid",
            "axes": [axis(*item) for item in axes.items()],
            "replications": seeds,
            "points": point,
        }
        return Study(pd.DataFrame(rows), sweep, "invented", 5)

    return make


def _size(axes):
    size = 1
    for values in axes.values():
        size *= len(values)
    return size


def _place(axes, number):
    place = {}
    for name, values in reversed(axes.items()):
        number, here = divmod(number, len(values))
        place[name] = values[here]
    return dict(reversed(place.items()))
