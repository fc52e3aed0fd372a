import math
import re

import numpy as np
import pandas as pd
import pytest

from experiments.build import build
from experiments.catalogue import load_components
from experiments.config import load
from experiments.plots import gamma
from experiments.plots.gamma import Arm, Hedge
from sim.errors import ConfigError
from sim.pricing.black_scholes import GAMMA, price_and_greeks
from tests.run_folders import MadeUp

DAY = 86_400.0
RUNS, SAMPLES, EVERY = 6, 40, 4
STEPS = np.random.default_rng(5).standard_normal((RUNS, SAMPLES))


def folder(stretch, seed=7, runs=RUNS, failed=0):
    """Runs whose every return is that of the control times exp(stretch of the run)."""
    frames = []
    for number in range(runs):
        log = np.concatenate([[0.0], np.cumsum(0.01 * STEPS[number] * math.exp(stretch[number]))])
        ticks = EVERY * np.arange(log.size)
        frames.append(pd.DataFrame({"tick": ticks, "replication": number, "price.ETH": 100.0 * np.exp(log)}))
    made = MadeUp(runs=runs, failed=failed, steps=pd.concat(frames, ignore_index=True))
    made.manifest["config"] = {"run": {"seed": seed}, "record": {"every": EVERY}}
    return made


def arm(share, stretch, impact=True, **more):
    hedge = Hedge(share * 1e10, share, 600.0 * share if impact else 0.0, 4 * 3600.0)
    return Arm(hedge, folder(np.broadcast_to(stretch, RUNS), **more), impact)


def experiment(noise=0.0):
    around = noise * np.linspace(-1.0, 1.0, RUNS)
    doses = {-4e-4: 0.3, -2e-4: 0.1, 2e-4: -0.1, 4e-4: -0.2}
    return [
        *(arm(share, effect + around) for share, effect in doses.items()),
        *(arm(share, 0.0, impact=False) for share in doses),
        arm(0.0, 0.0),
        arm(0.0, 0.0, impact=False),
    ]


def test_realised_volatility_is_the_root_mean_square_return_per_year():
    found = gamma.realised(folder(np.zeros(RUNS)), "ETH")
    per_year = 365 * DAY / (EVERY * 600.0)
    assert found.to_numpy() == pytest.approx(0.01 * np.sqrt((STEPS**2).mean(axis=1) * per_year))


def test_samples_off_the_grid_do_not_count():
    whole = folder(np.zeros(RUNS))
    last = whole.steps().groupby("replication").tail(1).assign(tick=EVERY * SAMPLES + 1, **{"price.ETH": 1.0})
    ragged = folder(np.zeros(RUNS))
    ragged.frames["steps"] = pd.concat([whole.steps(), last], ignore_index=True)
    assert gamma.realised(ragged, "ETH").to_numpy() == pytest.approx(gamma.realised(whole, "ETH").to_numpy())


def test_the_effect_is_the_paired_difference_with_its_t_interval():
    changes = np.array([0.1, 0.2, 0.3, 0.25, 0.15, 0.2])
    found = gamma.effect(arm(1e-4, changes), arm(0.0, 0.0), "ETH")
    half = 2.570582 * changes.std(ddof=1) / math.sqrt(RUNS)  # t with 5 degrees of freedom, 97.5 %
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half))
    assert found.runs == RUNS


def test_a_run_that_is_missing_in_one_arm_leaves_no_pair():
    short = Arm(Hedge(1.0, 1e-4, 0.1, DAY), folder(np.full(RUNS, 0.1), runs=4, failed=2), True)
    assert gamma.effect(short, arm(0.0, 0.0), "ETH").runs == 4


def test_arms_of_other_seeds_single_runs_and_missing_controls_are_refused():
    control = arm(0.0, 0.0)
    with pytest.raises(ConfigError, match="pairs need one seed; made-up has 8, made-up 7"):
        gamma.effect(arm(1e-4, 0.1, seed=8), control, "ETH")
    with pytest.raises(ConfigError, match="share 1 finished replication; an interval needs two or more"):
        gamma.effect(arm(1e-4, 0.1, runs=1), control, "ETH")
    with pytest.raises(ConfigError, match="no arm without options among those with impact off"):
        gamma.effects([arm(1e-4, 0.1, impact=False), control], "ETH", impact=False)


def test_effects_come_by_dose():
    found = gamma.effects(experiment(), "ETH", impact=True)
    assert [one.hedge.share for one in found] == [-4e-4, -2e-4, 2e-4, 4e-4]
    assert [one.mean for one in found] == pytest.approx([0.3, 0.1, -0.1, -0.2])


@pytest.mark.parametrize("feedback", [-0.6, -0.2, 0.3, 1.5])
@pytest.mark.parametrize("hours", [1.0, 8.0])
def test_the_closed_form_is_the_variance_of_the_hedged_price(feedback, hours):
    horizon, rate, step = hours * 3600.0, math.log(2.0) / (4 * 3600.0), 5.0
    ages = np.arange(step / 2, 100 * 3600.0, step)  # response to a move of one, simulated forward
    answer = 1.0 - feedback / (1.0 + feedback) * np.exp(-rate / (1.0 + feedback) * ages)
    lag = round(horizon / step)
    within, before = answer[:lag], answer[lag:] - answer[:-lag]
    ratio = step * ((within**2).sum() + (before**2).sum()) / horizon
    assert gamma.closed_form(feedback, 4 * 3600.0, horizon) == pytest.approx(0.5 * math.log(ratio), rel=1e-3)


def test_the_closed_form_ends_where_there_is_no_feedback_and_no_memory():
    assert gamma.closed_form(0.0, DAY, 3600.0) == 0.0
    assert gamma.closed_form(0.25, 1e9, 3600.0) == pytest.approx(-math.log(1.25), rel=1e-4)
    assert gamma.closed_form(0.25, 60.0, 30 * DAY) == pytest.approx(0.0, abs=1e-4)


def built(straddles, impact="true"):
    load_components()
    legs = [f"agents.dealers.legs_held.{leg}.amount={straddles}" for leg in (0, 1)]
    return build(load("dealer_gamma", [*legs, f"protocols.market.impact={impact}"]))


def test_the_hedge_of_a_move_is_read_off_the_ledger():
    hedge = gamma.hedge_of_a_move(built(-1000), "dealers", "options", "market")
    spot, dealers = 3000.0, 20
    at_money = price_and_greeks(np.array([spot]), np.array([spot]), np.array([28 / 365]), np.array([0.516]))
    units = -2 * 1000 * dealers * float(at_money[0, GAMMA]) * 0.01 * spot
    assert hedge.usd == pytest.approx(units * spot, rel=0.01)
    assert hedge.share == pytest.approx(hedge.usd / spot / 2.9e6)
    assert -0.3 < hedge.feedback < -0.2
    assert hedge.half_life == 4 * 3600.0


def test_without_impact_a_hedge_moves_nothing():
    on, off = (
        gamma.hedge_of_a_move(built(500, impact), "dealers", "options", "market") for impact in ("true", "false")
    )
    assert (on.usd, on.share) == (off.usd, off.share)
    assert off.feedback == 0.0 < on.feedback


def test_a_hedge_elsewhere_than_in_a_depth_market_is_refused():
    with pytest.raises(ConfigError, match='"options" is no depth_market'):
        gamma.hedge_of_a_move(built(1), "dealers", "options", "options")


def test_the_picture_says_what_it_shows(tmp_path):
    picture = gamma.draw(experiment(noise=0.02), "ETH")
    assert picture.caption.title == (
        "Dealers short gamma add up to 35% to realised volatility, long gamma take up to 18% off; "
        "nothing without impact"
    )
    assert "6 pairs of runs" in picture.caption.note
    assert "exactly 0 in every pair" in picture.caption.note
    assert "-4.0 bp: 35.0%" in picture.caption.alt
    words = [text.get_text() for text in picture.figure.texts]
    assert "Spillover · made up · seed 7 · 60 runs in 10 arms, 0 failed" in words
    axes = picture.figure.axes[0]
    assert re.search(r"basis points of ETH's daily volume", axes.get_xlabel())
    assert "%" in axes.get_ylabel()
    assert [path.suffix for path in picture.save(tmp_path / "gamma")] == [".svg", ".png"]


def test_a_rest_without_impact_is_named():
    arms = [one for one in experiment() if one.impact] + [
        arm(4e-4, np.linspace(-0.01, 0.01, RUNS), impact=False),
        arm(0.0, 0.0, impact=False),
    ]
    picture = gamma.draw(arms, "ETH")
    assert re.search(r"at most 0\.\d% without impact$", picture.caption.title)
    assert "exactly" not in picture.caption.note
