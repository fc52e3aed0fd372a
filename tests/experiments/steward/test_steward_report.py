"""The report of a steward: its numbers, its page and its data."""

import json
import re
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pandas as pd
import pytest

from experiments.catalogue import load_components
from experiments.config import load
from experiments.exits import USAGE
from experiments.provenance import ROOT
from experiments.steward import Report, assess, json_schema, propose

CHANGE = "protocols.lending.reserves.ETH.liquidation_threshold=0.835"
SCHEMA = ROOT / "docs" / "steward.schema.json"
SMALL = ("run.ticks=30", "agents.borrowers.count=60", "agents.noise.count=5", "record.networks=[0]")


class Made:
    """A folder with outcomes that are known: (points, replications)."""

    path = "made"

    def __init__(self, bad, liquidated, profit):
        keys = [(point, number) for point in range(bad.shape[0]) for number in range(bad.shape[1])]
        self.runs = pd.DataFrame(keys, columns=["point", "replication"])
        self.runs["status"] = "ok"
        self.runs["bad_debt_usd"], self.runs["liquidated_usd"] = bad.ravel(), liquidated.ravel()
        self.profit = profit

    def steps(self, columns):
        ends = self.runs[["point", "replication"]]
        rows = [
            ends.assign(**{"tick": tick, "lending.utilisation.USD": 0.4 + 0.2 * tick, "liquidators.wealth": wealth})
            for tick, wealth in ((0, 1e6), (1, 1e6 + self.profit.ravel()))
        ]
        return pd.concat([row.assign(other=1.0) for row in rows])[["point", "replication", *columns]]

    def table(self, name):
        assert name == "edges"
        ends = self.runs[["point", "replication"]].assign(tick=0)
        debt = ends.assign(holder="lending", issuer="borrowers", token="lending.debt.USD", usd=4e6)
        backing = ends.assign(holder="borrowers", issuer="lending", token="lending.receipt.ETH", usd=1e7)
        idle = ends.assign(holder="depositors", issuer="lending", token="lending.receipt.ETH", usd=9e9)
        return pd.concat([debt, backing, idle])


@pytest.fixture(scope="module")
def study():
    load_components()
    return propose(load("phase_diagram"), CHANGE, runs=60, many=3)


@pytest.fixture(scope="module")
def numbers(study):
    rng = np.random.default_rng(1)
    bad = rng.lognormal(9.0, 1.0, 60) * np.array([1.0, 2.0, 5.0])[:, None]
    liquidated = rng.lognormal(14.0, 0.3, 60) + np.array([0.0, 1e5, 3e5])[:, None]
    profit = np.array([1e4, 2e4, 3e4])[:, None] + rng.normal(0.0, 10.0, 60)
    return bad, liquidated, profit


@pytest.fixture(scope="module")
def found(study, numbers):
    return assess(study, Made(*numbers))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of a small market through the command."""
    from typer.testing import CliRunner

    from experiments.cli import app

    place = tmp_path_factory.mktemp("steward") / "out"
    sets = [word for item in SMALL for word in ("--set", item)]
    words = ["steward", "phase_diagram", "--change", CHANGE, "--runs", "2", "--frontier", "2", "--workers", "1", *sets]
    result = CliRunner().invoke(app, [*words, "--out", str(place)])
    assert result.exit_code == 0, result.output
    return place, words


def measures(found):
    return {measure.name: measure for measure in found.measures}


def test_tails_are_quantiles_over_runs(found, numbers):
    bad, liquidated, _ = numbers
    rows = measures(found)
    assert rows["var95"].now.value == pytest.approx(np.quantile(bad[1], 0.95))
    assert rows["var99"].proposed.value == pytest.approx(np.quantile(bad[2], 0.99))
    assert rows["lar95"].proposed.value == pytest.approx(np.quantile(liquidated[2], 0.95))
    assert rows["es99"].now.value >= rows["var99"].now.value >= rows["var95"].now.value


def test_differences_are_between_the_two_measures(found):
    for measure in found.measures:
        assert measure.difference.value == pytest.approx(measure.proposed.value - measure.now.value, abs=1e-9)


def test_intervals_hold_their_estimates_and_are_open_where_runs_are_too_few(found):
    rows = measures(found)
    for name in ("liquidated", "profit", "bad_debt", "under_water"):
        for estimate in (rows[name].now, rows[name].proposed, rows[name].difference):
            assert estimate.low <= estimate.value <= estimate.high
    assert rows["var95"].difference.low <= rows["var95"].difference.value <= rows["var95"].difference.high
    assert rows["var99"].now.high is None and rows["es99"].difference.high is None


def test_common_random_numbers_make_the_difference_sharper_than_the_measures(found):
    profit = measures(found)["liquidated"]
    assert profit.difference.value == pytest.approx(2e5)
    assert profit.difference.high - profit.difference.low < 1e-3 * (profit.now.high - profit.now.low)


def test_shares_profit_and_usage(found, numbers):
    rows = measures(found)
    assert rows["under_water"].proposed.value == pytest.approx(np.mean(numbers[0][2] > 0.01 * 4e6))
    assert rows["profit"].now.value == pytest.approx(numbers[2][1].mean())
    assert rows["utilisation"].now.value == pytest.approx(0.5)
    assert rows["usage"].now.value == pytest.approx(0.4), "depositors without debt are no collateral"


def test_the_frontier_has_every_value_and_says_which_are_beaten(found):
    assert [point.value for point in found.frontier] == [0.825, 0.83, 0.835]
    assert [point.changes for point in found.frontier] == [1, 0, 1]
    assert [point.unbeaten for point in found.frontier] == [True, False, False], "usage is the same, loss is not"
    assert found.frontier[1].from_now.var95.value == 0.0


def test_failed_runs_are_left_out(study, numbers):
    folder = Made(*numbers)
    folder.runs.loc[folder.runs["replication"] == 3, "status"] = "failed"
    kept = np.delete(numbers[0][1], 3)
    assert measures(assess(study, folder))["var95"].now.value == pytest.approx(np.quantile(kept, 0.95))


def test_the_published_schema_is_the_one_in_use():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json.loads(json.dumps(json_schema()))
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_the_data_keep_the_published_schema(written):
    place, _ = written
    data = json.loads((place / "steward.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
    report = Report.model_validate(data)
    assert report.change.now == 0.83 and report.change.proposed == 0.835
    assert {measure.name for measure in report.measures} >= {"var95", "var99", "lar95", "es99", "profit", "utilisation"}


def test_the_schema_refuses_what_is_no_report(written):
    data = json.loads((written[0] / "steward.json").read_text(encoding="utf-8"))
    for broken in (data | {"level": 1.5}, data | {"extra": 1}, {**data, "measures": [{"name": "var95"}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, json_schema())


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.outside, self.ids = [], []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("src", "href", "action", "data") and not re.match(r"#|data:", value or ""):
                self.outside.append((tag, value))
            if name == "id":
                self.ids.append(value)


def test_the_page_is_one_file_that_needs_nothing_else(written):
    page = (written[0] / "steward.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.outside == [] and "@import" not in page and "url(http" not in page
    assert len(links.ids) == len(set(links.ids))
    for words in ("ETH liquidation threshold 83% to 83.5%", "VaR95", "LaR95", "Loss against usage"):
        assert words in page


def test_started_again_nothing_is_run_and_the_numbers_are_the_same(written):
    from typer.testing import CliRunner

    from experiments.cli import app

    place, words = written
    before = (place / "steward.json").read_bytes()
    result = CliRunner().invoke(app, [*words, "--out", str(place)])
    assert result.exit_code == 0 and "6 of them kept" in result.output.replace("\n", " ")
    assert json.loads(before)["measures"] == json.loads((place / "steward.json").read_bytes())["measures"]


def test_a_proposal_out_of_reach_ends_with_exit_code_2():
    from typer.testing import CliRunner

    from experiments.cli import app

    result = CliRunner().invoke(app, ["steward", "phase_diagram", "--change", CHANGE.replace("0.835", "0.84")])
    assert result.exit_code == USAGE and "applies per change" in result.output


@pytest.mark.slow
def test_quickstart_from_83_to_84(tmp_path):
    """Acceptance 7 of issue 4."""
    from typer.testing import CliRunner

    from experiments.cli import app

    words = ["steward", "quickstart", "--change", CHANGE.replace("0.835", "0.84"), "--changes", "2", "--runs", "2"]
    result = CliRunner().invoke(app, [*words, "--frontier", "2", "--workers", "2", "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "out" / "steward.json").read_text(encoding="utf-8"))
    jsonschema.validate(data, json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert data["market"] == "quickstart" and data["runs"]["failed"] == 0
    links = Links()
    links.feed((tmp_path / "out" / "steward.html").read_text(encoding="utf-8"))
    assert links.outside == []


@pytest.mark.parametrize("shortfall", [False, True], ids=["quantile", "shortfall"])
def test_differences_of_tails_cover_or_are_left_open(shortfall):
    from scipy.stats import norm

    from experiments.steward.measures import _tail_gap

    rng, spread = np.random.default_rng(0), 1.5
    tail = np.exp(spread**2 / 2) * norm.cdf(spread - norm.ppf(0.95)) / 0.05
    truth = 0.3 * (tail if shortfall else np.exp(spread * norm.ppf(0.95)))
    for runs in (20, 200):
        draws = [np.exp(spread * rng.normal(size=(1, runs))) for _ in range(60)]
        found = [_tail_gap(losses, 1.3 * losses, 0.95, shortfall, 0.95) for losses in draws]
        assert np.mean([gap.low <= truth <= gap.high for gap in found]) > 0.85
        assert all(np.isfinite(gap.high) is np.bool_(runs == 200) for gap in found)
    same = _tail_gap(draws[0], draws[0], 0.95, shortfall, 0.95)
    assert (same.low, same.value, same.high) == (0.0, 0.0, 0.0)
