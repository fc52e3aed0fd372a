"""The report: one offline page whose slider replays the network, checked in a real browser."""

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from experiments.plots import RunView
from experiments.report import command, render, write
from experiments.report_tables import observed_rows
from experiments.store import open_folder
from experiments.wording import percent, usd
from tests.run_folders import MadeUp, small_run

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=4000",
    "--dump-dom",
]
needs_browser = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="no Chromium on this machine; required where CI is set"
)


class Page(HTMLParser):
    """Start tags with their attributes, and the text of the page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def path():
    return write(small_run())


@pytest.fixture(scope="module")
def page(path):
    return Page(path.read_text(encoding="utf-8"))


def test_is_one_small_file_in_the_folder(path):
    assert path == small_run() / "report.html"
    assert path.stat().st_size < 5_000_000
    assert not list(path.parent.glob("*.staged"))


def test_asks_nothing_of_any_network(path, page):
    text = path.read_text(encoding="utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"'<)]*", text))
    assert {address for address in addresses if "www.w3.org" not in address} == set()
    for tag, attributes in page.tags:
        for key in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            value = attributes.get(key) or "#"
            assert value.startswith(("#", "data:,")), (tag, key, value)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|importScripts)\b", text)


def test_shows_every_outcome_and_population(page):
    run = RunView(open_folder(small_run()))
    for words in (
        percent(run.outcome("drawdown.ETH")),
        usd(run.outcome("liquidated_usd")),
        f"{run.outcome('liquidations'):,.0f}",
        percent(run.outcome("borrowers.return")),
        *(population["name"] for population in run.world["populations"]),
        run.folder.manifest["digest"],
        "spillover run quickstart --out small",
    ):
        assert words in page.text, words


def test_every_picture_is_there_with_its_text(page):
    figures = [figure["id"] for figure in page.of("figure")]
    assert figures == [
        f"picture-{name}" for name in ("price", "attribution", "liquidations", "health", "network", "fan", "losses")
    ]
    pictures = [svg for svg in page.of("svg") if svg.get("role") == "img"]
    assert len(pictures) == len(figures) - 1 + 2  # nobody's losses were passed on
    assert all(len(svg["aria-label"]) > 30 for svg in pictures)


def test_ids_are_unique_and_labels_meet_their_fields(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {label["for"] for label in page.of("label")} <= set(ids)
    used = set(re.findall(r"(?:href=\"|url\()#([\w-]+)", (small_run() / "report.html").read_text(encoding="utf-8")))
    assert used <= set(ids)


def test_explains_the_largest_liquidation(page):
    assert "Why the largest liquidation happened" in page.text
    assert re.search(r"was liquidated on lending at tick \d+", page.text)


def test_names_are_escaped():
    folder = MadeUp()
    folder.name = "</script><script>alert(1)</script>"
    folder.frames["edges"] = folder.edges().replace("savers", "</script><b>")
    text = render(RunView(without_liquidations(folder)))
    assert "<script>alert" not in text
    assert "</script><b>" not in text


def test_failed_runs_are_listed_and_several_runs_have_intervals():
    page = Page(render(RunView(without_liquidations(MadeUp(runs=24, failed=2)))))
    assert "Replication 25: ValueError: lost 1" in page.text
    assert "24 finished, 2 failed" in page.text
    assert "Median 5% 95%" in page.text


def test_a_folder_without_a_finished_run_still_has_a_page():
    page = Page(render(RunView(MadeUp(runs=0, failed=3))))
    assert "No run of this folder has finished (3 runs failed)" in page.text
    assert "Replication 0: ValueError: lost 0" in page.text
    assert page.of("input") == []


@pytest.mark.parametrize(("value", "verdict"), [(12e6, "agrees"), (50e6, "differs")])
def test_what_really_happened_stands_beside_the_run(value, verdict):
    folder = MadeUp()
    record = {"name": "liquidated_usd", "value": value, "factor": 2.0, "distance": None, "source": "an archive"}
    folder.manifest["config"]["observed"] = [record]
    (row,) = observed_rows(RunView(folder))
    assert row == {
        "name": "Liquidated",
        "observed": usd(value),
        "run": "$20M",
        "verdict": f"{verdict} (asked: within a factor 2)",
        "source": "an archive",
    }


@pytest.mark.parametrize(
    ("words", "source", "expected"),
    [
        (["/x/bin/spillover", "run", "a b.toml"], "a b.toml", "spillover run 'a b.toml'"),
        (["pytest", "-q"], "quickstart", "spillover run quickstart --set run.seed=3"),
        (["pytest", "-q"], "", ""),
    ],
)
def test_command_that_reproduces_the_folder(words, source, expected):
    assert command({"command": words, "source": source, "sets": ["run.seed=3"], "plugins": []}) == expected


def without_liquidations(folder):
    """The made-up folder has no event log to explain a liquidation from."""
    folder.runs["liquidations"] = 0.0
    return folder


# In the browser ------------------------------------------------------------------------------------------------------


def dom(path, profile, tick=0):
    """The page as Chromium sees it, opened at a tick, after its scripts have run."""
    words = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"{path.as_uri()}#tick={tick}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return Page(done.stdout)


def network(page):
    """USD of every link and radius of every node, as drawn."""
    links = [float(group["data-usd"]) for group in page.of("g") if "data-usd" in group]
    nodes = [circle["r"] for circle in page.of("circle") if circle.get("class") in ("node", "protocol")]
    return links, nodes


@needs_browser
def test_the_slider_replays_the_network(path, tmp_path):
    ticks = sorted(set(open_folder(small_run()).edges()["tick"]))
    first, later = (dom(path, tmp_path / str(tick), tick) for tick in (ticks[0], ticks[4] + 1))
    for page, place in ((first, 0), (later, 4)):
        assert page.of("html")[0]["data-script-errors"] == ""
        assert page.of("input")[0]["aria-valuetext"].startswith(f"Tick {ticks[place]:,} (")
        assert f"Tick {ticks[place]:,} (" in page.text
        assert "liquidations so far" in page.text
    assert network(first) != network(later)
    assert len(network(first)[0]) == len(network(later)[0]) >= 8
    assert all(usd >= 0 for usd in network(first)[0])


ACTIONS = """
<script>
const slider = document.getElementById("replay-tick"), seen = document.documentElement.dataset;
slider.value = 3;
slider.dispatchEvent(new Event("input"));
seen.moved = document.getElementById("replay-network").dataset.tick;
document.getElementById("replay-play").click();
seen.playing = document.getElementById("replay-play").textContent;
</script>
"""


@needs_browser
def test_moving_the_slider_and_playing(path, tmp_path):
    acted = tmp_path / "acted.html"
    acted.write_text(path.read_text(encoding="utf-8").replace("</body>", f"{ACTIONS}</body>"), encoding="utf-8")
    page, ticks = dom(acted, tmp_path / "profile"), sorted(set(open_folder(small_run()).edges()["tick"]))
    root, drawing = page.of("html")[0], next(svg for svg in page.of("svg") if svg.get("id") == "replay-network")
    assert root["data-script-errors"] == ""
    assert root["data-moved"] == str(ticks[3])
    assert root["data-playing"] == "Pause"
    assert int(drawing["data-tick"]) > ticks[3]
