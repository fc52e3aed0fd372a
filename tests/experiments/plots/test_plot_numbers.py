"""Titles and stacks carry the numbers of the data."""

import numpy as np
import pytest

from experiments import plots
from experiments.plots import RunView, health
from experiments.plots.attribution import headline, main_source
from experiments.plots.sources import attribution
from experiments.plots.timeline import bin_sums, time_bins
from experiments.store import open_folder
from sim.flows import Motive
from tests.run_folders import DT, TICKS, MadeUp, small_run


@pytest.fixture(scope="module")
def made():
    return RunView(MadeUp())


def parts_of(run, asset="ETH"):
    return attribution(run.flows, asset, run.world["reference"][asset], run.ticks)


def real():
    return RunView(open_folder(small_run()))


@pytest.mark.parametrize("asset", ["ETH", "BTC"])
def test_both_stacks_sum_to_the_recorded_price_move(asset):
    run = real()
    parts = parts_of(run, asset)
    ticks, price = run.steps["tick"].to_numpy(), run.series(f"price.{asset}")
    recorded = np.log(price / price[0])
    assert np.abs(recorded).max() > 0.02
    for stack in (parts.gross, parts.net):
        summed = stack.sum(axis=1)
        assert np.allclose(summed, parts.move, rtol=0, atol=1e-12)
        assert np.allclose(summed[ticks] - summed[ticks[0]], recorded, rtol=0, atol=1e-9)


def test_what_recovers_is_charged_to_who_pushed(made):
    parts = parts_of(made)
    nobodys = parts.net[:, parts.motives.index(Motive.RECOVERY)]
    assert np.abs(nobodys).max() < 1e-12
    pushed = parts.net[:, parts.motives.index(Motive.LIQUIDATION)]
    closed_form = [sum(-0.005 * 0.9 ** (t - s) for s in range(12, min(t, 21) + 1)) for t in range(TICKS)]
    assert np.allclose(pushed, closed_form, rtol=0, atol=1e-12)


def test_points_of_all_motives_sum_to_the_fall_of_the_table(made):
    parts = parts_of(made)
    assert parts.fall == pytest.approx(made.outcome("drawdown.ETH"), abs=1e-12)
    assert sum(parts.points(motive) for motive in parts.motives) == pytest.approx(parts.fall, abs=1e-12)


def test_attribution_title(made):
    standing = sum(-0.005 * 0.9 ** (21 - s) for s in range(12, 22))
    fall = 1 - np.exp(-0.10 + standing)
    expected = 100 * fall * standing / (-0.10 + standing)
    assert plots.picture(made, "attribution").caption.title == (
        f"Liquidations added {expected:.1f} points to a {100 * fall:.1f}% fall of ETH"
    )


@pytest.mark.parametrize(
    ("motive", "size", "words"),
    [
        ("liquidation", -0.05, "Liquidations added"),
        ("market_making", +0.02, "Market makers took 1.9 points off"),
        ("rebalancing", -0.02, "Rebalancing added"),
        ("noise", 0.0, "All of the 9.5% fall of ETH came from outside"),
    ],
)
def test_attribution_title_names_who_did_it(motive, size, words):
    flows = MadeUp().flows()
    flows = flows[flows["motive"] == "fundamental"]
    extra = flows[flows["tick"] == 15].assign(motive=motive, population="savers", dlog=size)
    both = attribution(type(flows)(np.concatenate([flows, extra]), columns=flows.columns), "ETH", "market", TICKS)
    assert words in headline(both, main_source(both))


def test_attribution_title_of_a_rising_price():
    flows = MadeUp().flows()
    flows = flows[flows["motive"] == "fundamental"].assign(dlog=0.01)
    parts = attribution(flows, "ETH", "market", TICKS)
    assert headline(parts, main_source(parts)) == "ETH never fell and ended 10.5% up"


def test_price_title(made):
    market, outside = made.outcome("drawdown.ETH"), made.outcome("exogenous_drawdown.ETH")
    title = plots.picture(made, "price").caption.title
    assert outside == pytest.approx(1 - np.exp(-0.1))
    assert (
        title
        == f"ETH fell {100 * market:.1f}%, {100 * (market - outside):.1f} points more than its fundamentals (9.5%)"
    )


def test_liquidations_title_and_note(made):
    caption = plots.picture(made, "liquidations").caption
    assert caption.title == "$20M was liquidated in 30 calls, leaving $100k of bad debt"
    assert caption.note == "The busiest hour, from 02:00 UTC, saw 60% of all calls."


def test_health_title(made):
    title = plots.picture(made, "health").caption.title
    assert title == "2 of 8 borrowers ended without debt, 1 below a health factor of 1"


@pytest.mark.parametrize(
    ("before", "after", "gone", "title"),
    [
        ([1.2, 2.0], [], 2, "All 2 borrowers ended without debt"),
        ([1.2, 1.4, 2.0], [1.1], 2, "2 of 3 borrowers ended without debt, none below a health factor of 1"),
        ([1.2, 2.0], [0.9, 0.95], 0, "2 of 2 borrowers ended below a health factor of 1"),
        ([1.2, 2.0], [1.1, 1.3], 0, "No borrower ended below a health factor of 1; the median went from 1.60 to 1.20"),
        ([], [1.5], 0, "0 of 1 borrower ended below a health factor of 1"),
    ],
)
def test_health_title_says_what_happened(before, after, gone, title):
    assert health.headline([health.Healths("pool", np.array(before), np.array(after), gone)]) == title


def test_network_title_and_samples(made):
    picture = plots.picture(made, "network")
    assert picture.caption.title == "Claims and debts shrank by 19%, from $800 to $650"
    panels = [axes.get_title() for axes in picture.figure.axes]
    assert panels == ["tick 0 (0.2 h)\n$800 in all", "tick 20 (3.5 h)\n$740 in all", "tick 119 (20.0 h)\n$650 in all"]


def test_network_at_chosen_ticks(made):
    panels = plots.picture(made, "network", at=(18, 22)).figure.axes
    assert [axes.get_title().split(" ")[1] for axes in panels] == ["20"]


def test_one_run_has_no_bands(made):
    picture = plots.picture(made, "fan")
    assert picture.caption.title.startswith("One run, so no spread")
    assert "run.replications" in picture.caption.note
    assert all(len(axes.lines) == 1 and not axes.collections for axes in picture.figure.axes)


@pytest.mark.parametrize(("runs", "bands"), [(4, 0), (6, 2), (24, 2)])
def test_bands_need_runs_enough(runs, bands):
    picture = plots.picture(RunView(MadeUp(runs)), "fan")
    assert [len(axes.collections) for axes in picture.figure.axes] == [bands, bands]
    assert f"{runs} runs" in picture.caption.title


def test_bands_are_the_quantiles_over_runs():
    run = RunView(MadeUp(24))
    upper = plots.picture(run, "fan").figure.axes[0]
    prices = np.stack([run.folder.steps(r)["price.ETH"].to_numpy() for r in range(24)])
    outer = upper.collections[0].get_datalim(upper.transData)
    assert outer.y0 == pytest.approx(np.quantile(prices, 0.05, axis=0).min())
    median = next(line for line in upper.lines if line.get_linewidth() > 1.5)
    assert np.allclose(median.get_ydata(), np.quantile(prices, 0.5, axis=0))


def test_several_runs_get_an_interval_and_the_footer_says_which_is_shown():
    run = RunView(MadeUp(runs=24, failed=2))
    for name in ("price", "attribution", "liquidations"):
        assert "in 24 runs: median" in plots.picture(run, name).caption.note
    assert run.footer.endswith("seed 7 · 26 runs, 2 failed · shown: replication 0")


@pytest.mark.parametrize("ticks", [1, 7, 150, 151, 1440, 10_000])
@pytest.mark.parametrize("dt", [12.0, 60.0, 600.0, 3600.0])
def test_bins_cover_the_run_and_are_few(ticks, dt):
    bins = time_bins(ticks, dt)
    assert bins.edges.size - 1 <= 150
    assert bins.edges[0] == 0.0
    assert bins.edges[-1] == pytest.approx(ticks * dt / 3600)
    assert (np.diff(bins.edges) > 0).all()


def test_bins_lose_nothing(made):
    for most in (10, 150):
        sums = bin_sums(made, "liquidated_usd", time_bins(TICKS, DT, most))
        assert sums.sum() == pytest.approx(20e6)
