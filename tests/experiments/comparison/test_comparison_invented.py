"""Comparisons of invented tournaments whose answers are known."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.commands import compare as command
from experiments.compare import compare
from experiments.comparison.arena import Arena
from experiments.comparison.critical import crossing
from experiments.comparison.measures import certainty_equivalent
from experiments.comparison.ranking import chances, holm, rank
from experiments.plots import comparisons
from sim.errors import ConfigError

SHARES = ("0%", "25%", "50%", "100%")
HARM = {"kind": 0.0, "bad": 0.05, "worse": 0.10}
"""USD that everybody else loses per adopting USD."""


def market(place, seed, harm=None, bend=0.0):
    """Outcomes of one run: $100 in question, others lose in proportion, with noise that is the same for all rules."""
    rng = np.random.default_rng(seed)
    share = float(place["adoption"].rstrip("%")) / 100
    noise, jitter = rng.normal(0, 5.0), rng.normal(0, 0.01)
    harm = (harm or HARM)[place["rule"]] + jitter * ((harm or HARM)[place["rule"]] > 0)
    loss = 20.0 + noise + harm * 100 * share + bend * 100 * share * share
    outcomes = {
        "adopters.opening_usd": 100 * share,
        "adopters.profit_usd": -10 * share * (1 + harm),
        "holders.opening_usd": 100 * (1 - share),
        "holders.profit_usd": -10 * (1 - share),
        "others.opening_usd": 500.0,
        "others.profit_usd": -loss,
        "liquidated_usd": loss,
        "bad_debt_usd": 0.0,
        "feedback_gain.ETH": 0.5 + 10 * harm * share,
        "loop_gain.ETH": 10 * harm * share,
        "drawdown.ETH": 0.3 + harm * share,
        "mispricing_rms.ETH": 0.01 + harm * share,
        "excess_volatility.ETH": 1.0 + harm * share,
        "fall.ETH.fundamental": 0.3,
        "fall.ETH.rebalancing": harm * share,
        "held.others.USD": 100.0,
        "held.others.ETH": 400.0,
        "held.adopters.ETH": 90 * share,
    }
    for name in ("adopters", "holders"):
        outcomes |= {f"{name}.volatility": 0.5 + 0.1 * (name == "adopters"), f"{name}.max_drawdown": 0.3}
    return outcomes


@pytest.fixture(scope="module")
def found(invented):
    return compare(invented(tuple(HARM), SHARES, market))


def test_footprint_is_what_was_put_in(found):
    for rule, harm in HARM.items():
        for share in (0.25, 0.5, 1.0):
            interval = found.cell(rule, share, "loss").interval
            assert interval.low <= harm <= interval.high
            assert interval.value == pytest.approx(harm, abs=0.01)
        assert found.cell(rule, 0.0, "loss").interval.value == 0.0


def test_noise_that_all_share_cancels(found):
    gaps = found.arena.loss[2, -1, 0] - found.arena.loss[1, -1, 0]
    assert gaps.std() < 1e-9 < found.arena.loss[2, -1, 0].std()


def test_ranking_finds_the_order(found):
    assert [place.rule for place in found.footprint_ranking.places] == ["kind", "bad", "worse"]
    assert all((place.low, place.high) == (place.place, place.place) for place in found.footprint_ranking.places)
    assert found.footprint_ranking.alike == ()
    assert [place.rule for place in found.private_ranking.places] == ["worse", "bad", "kind"]


def test_the_first_dollars_do_what_the_last_do_in_a_straight_line(found):
    for margin in found.margins:
        assert margin.first.value == pytest.approx(HARM[margin.rule], abs=0.01)
        assert margin.difference.value == pytest.approx(0.0, abs=1e-9)


def test_bent_curves_show_at_the_margin(invented):
    bent = compare(invented(("kind",), SHARES, lambda place, seed: market(place, seed, bend=0.2)))
    [margin] = bent.margins
    assert margin.first.value == pytest.approx(0.05) and margin.last.value == pytest.approx(0.3)
    assert margin.difference.low > 0.0


def test_critical_share(found):
    worse = next(row for row in found.critical if row.rule == "worse")
    assert worse.share.low <= 0.5 <= worse.share.high and worse.reached == 1.0
    assert next(row for row in found.critical if row.rule == "kind").share.value == np.inf


@given(st.lists(st.floats(-2, 3), min_size=2, max_size=6))
def test_before_the_crossing_the_gain_is_below_one(gains):
    shares = np.linspace(0.0, 1.0, len(gains))
    place = crossing(shares, np.array(gains))
    inside = np.linspace(0.0, min(place, 1.0), 50, endpoint=False)
    if place > 0.0:
        assert (np.interp(inside, shares, gains) < 1.0 + 1e-9).all()
    if np.isfinite(place):
        assert np.interp(place, shares, gains) >= 1.0 - 1e-9


def test_diversity_is_the_difference_between_crowds(invented):
    def outcomes(place, seed):
        return market(place, seed, harm={"worse": 0.1 if place["crowd"] == "alike" else 0.04})

    crowded = compare(invented(("worse",), ("0%", "100%"), outcomes, others={"crowd": ("alike", "different")}))
    [row] = crowded.diversity
    assert row.alike.value == pytest.approx(0.1, abs=0.01) and row.effect.value == pytest.approx(-0.06)
    with pytest.raises(ConfigError, match="axis crowd: found 1 values"):
        compare(invented(("worse",), ("0%", "100%"), outcomes, others={"crowd": ("alike",)})).diversity  # noqa: B018


def test_order_of_mispricing(found, invented):
    study = found.arena.study
    assert compare(study, order=("kind", "bad", "worse")).ordered == "yes"
    assert compare(study, order=("worse", "bad")).ordered == "no"
    same = compare(invented(("bad", "worse"), SHARES, lambda p, s: market(p, s, harm={"bad": 0.1, "worse": 0.1})))
    assert compare(same.arena.study, order=("bad", "worse")).ordered == "not distinguishable"


def test_failed_runs_leave_a_gap_and_nothing_else(invented):
    study = invented(tuple(HARM), SHARES, market)
    runs = study.runs.copy()
    runs.loc[(runs["point"] == 7) & (runs["replication"] < 3), "status"] = "failed"
    holed = compare(type(study)(runs, study.sweep, study.name, study.seed))
    assert holed.cell("bad", 1.0, "loss").interval.count == 17
    assert holed.cell("worse", 1.0, "loss").interval == compare(study).cell("worse", 1.0, "loss").interval
    assert {place.value.count for place in holed.footprint_ranking.places} == {17}


def test_an_interrupted_sweep_ranks_the_rules_it_has(invented):
    study = invented(tuple(HARM), SHARES, market)
    runs = study.runs[study.runs["param.rule"] != "worse"]
    part = compare(type(study)(runs, study.sweep, study.name, study.seed))
    assert [place.rule for place in part.footprint_ranking.places] == ["kind", "bad"]
    assert part.cell("worse", 1.0, "loss") is None
    for name in comparisons.ORDER:
        assert comparisons.picture(part, name).reason == ""


def test_holm_is_the_textbook_one():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_never_lowers(p):
    p, adjusted = np.array(p), holm(np.array(p))
    assert (adjusted >= p).all() and (adjusted <= 1.0).all() and (adjusted <= np.minimum(1.0, p * p.size) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


def test_chances_are_even_under_the_null_and_small_far_from_it():
    rng = np.random.default_rng(3)
    p = chances(rng.normal(size=(400, 20)))
    assert 0.02 < (p < 0.05).mean() < 0.09
    assert chances(rng.normal(3.0, 1.0, (5, 20))).max() < 1e-3
    assert (
        chances(np.zeros((1, 9)))[0] == 1.0 and chances(np.ones((1, 9)))[0] < 1e-3 and chances(np.ones((1, 1)))[0] == 1
    )


def test_a_rule_twice_is_not_told_apart():
    values = np.random.default_rng(0).normal(size=(1, 12))
    ranking = rank("loss", ("a", "b"), np.concatenate([values, values]))
    assert ranking.like("a") == ["b"] and ranking.like("b") == ["a"]


@given(st.floats(-0.9, 3.0), st.floats(0.0, 0.05))
def test_certainty_equivalent_is_below_the_mean_and_sure_if_sure(mean, spread):
    returns = np.array([mean - spread, mean + spread])
    worth = float(certainty_equivalent(returns))
    assert worth <= mean + 1e-12
    assert float(certainty_equivalent(np.array([mean, mean]))) == pytest.approx(mean, abs=1e-9)


@pytest.mark.parametrize(
    ("rules", "shares", "axis", "text"),
    [
        (("a",), ("0%", "1%"), "thing", "no axis of rules (found thing, adoption)"),
        (("a",), ("10%", "50%"), "rule", "axis adoption: found 10%, 50%; a comparison needs a share of 0%"),
        (("a",), ("0%", "half"), "rule", 'axis adoption: found "half"; must be a share'),
    ],
    ids=["no rules", "no control", "no share"],
)
def test_what_is_no_tournament_says_why(invented, rules, shares, axis, text):
    study = invented(rules, shares, lambda place, seed: {"bad_debt_usd": 0.0}, rule_axis=axis)
    with pytest.raises(ConfigError) as caught:
        Arena(study)
    assert text in str(caught.value)


def test_missing_people_and_rules_are_named(invented, found):
    study = invented(("a",), ("0%", "1%"), lambda place, seed: {"x.profit_usd": 0.0})
    with pytest.raises(ConfigError, match='no population whose name begins with "adopters"'):
        compare(study)
    with pytest.raises(ConfigError, match='no rule "wrose" in this sweep; did you mean "worse"'):
        compare(found.arena.study, order=("wrose",))


@pytest.mark.parametrize("name", comparisons.ORDER)
def test_pictures_say_where_they_come_from(found, name, tmp_path):
    drawn = comparisons.picture(found, name)
    assert drawn.reason == ""
    texts = " ".join(text.get_text() for text in drawn.figure.texts)
    assert "240 runs, 0 failed" in texts and "seed 5" in texts and "20 paired seeds" in texts
    for axes in drawn.figure.axes:
        labels = (
            axes.get_xlabel()
            + axes.get_ylabel()
            + "".join(drawn.figure._supxlabel.get_text() if drawn.figure._supxlabel else "")
        )
        assert labels, name
    [path] = drawn.save(tmp_path / f"{name}.svg")
    assert path.read_bytes() == drawn.render(".svg")


def test_pictures_of_what_is_not_there_say_so(invented):
    bare = lambda place, seed: {k: v for k, v in market(place, seed).items() if not k.startswith(("fall.", "held."))}  # noqa: E731
    found = compare(invented(("bad", "kind"), ("0%", "100%"), bare))
    reasons = {name: comparisons.picture(found, name).reason for name in comparisons.ORDER}
    assert reasons["fall_by_rule"] == "no run has outcomes fall.ASSET.MOTIVE"
    assert reasons["holdings_overlap"] == "no run has outcomes held.POPULATION.ASSET"
    assert reasons["adoption_curves"] == "a curve needs two shares above 0%"
    assert reasons["rule_plane"] == reasons["rule_heat_map"] == ""


@pytest.mark.parametrize("name", comparisons.ORDER)
def test_one_seed_makes_a_picture_or_a_reason(invented, name, tmp_path):
    drawn = comparisons.picture(compare(invented(tuple(HARM), SHARES, market, seeds=1)), name)
    assert drawn.reason or all(path.read_bytes() for path in drawn.save(tmp_path / f"{name}.png"))


def test_one_seed_tells_no_rules_apart(invented):
    found = compare(invented(tuple(HARM), SHARES, market, seeds=1))
    assert len(found.footprint_ranking.alike) == len(found.footprint_ranking.pairs) == 3
    assert found.ordered == "not tested"


def test_the_command_writes_and_prints(found, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("experiments.analysis.open_study", lambda place: found.arena.study)
    assert command.main(tmp_path, 0.9, None, False, True) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["footprint_ranking"]["places"][0]["rule"] == "kind"
    assert json.loads((tmp_path / "plots" / "comparison.json").read_text()).items() <= printed.items()
    assert command.main(tmp_path, 0.95, ["bad", "worse"], False, False) == 0
    text = capsys.readouterr().out
    assert "order appears: yes" in text and "not distinguishable" in text
    with pytest.raises(ConfigError, match="--level: found 2"):
        command.main(tmp_path, 2.0, None, False, False)


def test_two_seeds_bound_no_place_and_no_tail(invented):
    few = compare(invented(tuple(HARM), SHARES, market, seeds=2))
    assert {(place.low, place.high) for place in few.footprint_ranking.places} == {(1, 3)}
    worth = few.cell("worse", 1.0, "certainty_equivalent")
    assert worth is None or (worth.interval.low, worth.interval.high) == (-np.inf, np.inf)
