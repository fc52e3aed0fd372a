"""What every registered picture must do; registering a class is opting in."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from experiments import plots
from experiments.plots import Plot, RunView
from experiments.store import open_folder
from sim.registry import lookup, summary
from tests.run_folders import PLUNGE, MadeUp, small_run

NAMES = plots.names()
pytestmark = pytest.mark.parametrize("name", NAMES)


SETS = {"losses": PLUNGE}
"""Settings of the runs that have what a picture shows, where the small quickstart has not."""


@pytest.fixture(scope="module")
def runs():
    """The real run of each picture."""
    return {name: RunView(open_folder(small_run(*SETS.get(name, ())))) for name in NAMES}


@pytest.fixture(scope="module")
def drawn(runs):
    """Each picture of its run, drawn once."""
    return {name: plots.picture(runs[name], name) for name in NAMES}


def texts(figure):
    """Everything written on a figure but tick labels, which may lie beyond the ends of their axis."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += [axes.title, axes._left_title, axes._right_title, *axes.texts]
        found += [axes.xaxis.label, axes.yaxis.label] if axes.axison else []
        found += axes.get_legend().findobj(type(axes.title)) if axes.get_legend() else []
    return [text for text in found if text.get_text().strip()]


def test_draws_a_real_run_with_a_number_in_its_title(drawn, name):
    picture = drawn[name]
    assert not picture.reason
    assert re.search(r"\d", picture.caption.title)
    assert picture.caption.title[0].isupper() or picture.caption.title[0] in "$0123456789"
    assert not picture.caption.title.endswith(".")
    assert picture.caption.note
    assert picture.caption.alt.endswith(".")


def test_every_axis_has_a_label(drawn, name):
    for axes in drawn[name].figure.axes:
        if axes.axison:
            assert axes.get_ylabel()
            spec = axes.get_subplotspec()
            assert axes.get_xlabel() or not spec.is_last_row()


def test_the_footer_names_run_seed_runs_and_failures(drawn, name):
    footers = [text.get_text() for text in texts(drawn[name].figure) if text.get_text().startswith("Spillover")]
    assert footers == ["Spillover · quickstart · seed 7 · 1 run, 0 failed"]


def test_no_text_leaves_the_picture(drawn, name):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = drawn[name].figure
    FigureCanvasAgg(figure).draw()
    assert len(texts(figure)) > 3
    for text in texts(figure):
        box = text.get_window_extent()
        assert box.x0 >= 0 and box.y0 >= 0, text.get_text()
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text.get_text()


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_run_gives_the_same_bytes(runs, name, suffix):
    first, second = (plots.picture(runs[name], name).render(suffix) for _ in range(2))
    assert first == second


def test_svg_is_small_and_stands_alone(drawn, name):
    svg = drawn[name].render(".svg")
    assert len(svg) < 500_000
    root = ElementTree.fromstring(svg)
    words = "".join(root.itertext())
    assert drawn[name].caption.title.split()[0] in words
    assert b"dc:date" not in svg
    links = re.findall(rb'(?:href|src)="([^"#][^"]*)"', svg)
    assert links == []


def test_gives_a_reason_instead_of_an_error_for_an_empty_run(name, tmp_path):
    made = MadeUp()
    steps = made.steps()[["tick", "replication"]]
    bare = MadeUp(steps=steps, **{table: getattr(made, table)()[:0] for table in ("flows", "edges", "accounts")})
    picture = plots.draw(bare, name, tmp_path / name)
    assert picture.reason
    assert picture.figure is None
    assert list(tmp_path.iterdir()) == []


def test_gives_a_reason_when_every_run_failed(name, tmp_path):
    picture = plots.draw(MadeUp(runs=0, failed=2), name, tmp_path / name)
    assert "2 runs failed" in picture.reason


def test_is_documented_and_has_the_common_base(name):
    cls = lookup("plot", name)
    assert issubclass(cls, Plot)
    assert len(summary(cls)) > 20
