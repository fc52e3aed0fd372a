"""The exposure network: sizes, layout, names that do not collide, and what a page gets to replay it."""

import numpy as np
import pandas as pd
import pytest

from experiments import plots
from experiments.plots import RunView
from experiments.plots.exposures import exposures
from experiments.plots.replay import replay
from experiments.store import open_folder
from tests.run_folders import MadeUp, small_run


def star(protocols, holders):
    """A folder in which every holder has a claim on one of the protocols and owes it something."""
    folder = MadeUp()
    pools = [f"pool_{i}" for i in range(protocols)]
    rows = []
    for i in range(holders):
        pool = pools[i % protocols]
        rows += [(0, f"holder_{i}", pool, "pool.receipt.USD", 10.0 + i), (0, pool, f"holder_{i}", "pool.debt.USD", 5.0)]
    folder.frames["edges"] = pd.DataFrame(rows, columns=["tick", "holder", "issuer", "token", "usd"])
    folder.world["protocols"] = [{"name": name, "kind": "pooled_lending"} for name in pools]
    folder.world["populations"] = [
        {"name": f"holder_{i}", "kind": "depositors", "lo": i, "hi": i + 1} for i in range(holders)
    ]
    return RunView(folder)


def test_sizes_are_the_larger_side_and_totals_keep_every_dollar():
    network = exposures(RunView(MadeUp()))
    sizes = dict(zip(network.nodes, network.sizes[0], strict=True))
    assert sizes == {"pool": 500.0, "borrowers": 300.0, "savers": 500.0}
    assert network.total.tolist() == [800.0, 740.0, 650.0]


def test_graph_runs_from_holder_to_who_owes():
    graph = exposures(RunView(MadeUp())).graph(0)
    assert sorted(graph.edges(keys=True, data="usd")) == [
        ("pool", "borrowers", "debt", 300.0),
        ("savers", "pool", "claim", 500.0),
    ]


def test_slivers_are_left_out_and_counted():
    edges = MadeUp().edges()
    edges.loc[len(edges)] = [0, "borrowers", "pool", "pool.receipt.USD", 0.1, 0]
    network = exposures(RunView(MadeUp(edges=edges)))
    assert len(network.links) == 2
    assert network.hidden == 1


@pytest.mark.parametrize(("protocols", "holders"), [(1, 1), (1, 3), (1, 9), (2, 6), (3, 9), (4, 12)])
def test_nodes_keep_apart_and_stay_where_they_are(protocols, holders):
    first, second = exposures(star(protocols, holders)), exposures(star(protocols, holders))
    assert np.array_equal(first.places, second.places)
    gaps = np.hypot(*(first.places[:, None] - first.places).transpose(2, 0, 1))
    assert gaps[~np.eye(len(gaps), dtype=bool)].min() > 0.2
    assert np.hypot(*first.places.T).max() <= 1 + 1e-9


@pytest.mark.parametrize(
    "run",
    [star(1, 4), star(1, 9), star(2, 6), star(3, 9), "real"],
    ids=["1x4", "1x9", "2x6", "3x9", "real"],
)
def test_names_do_not_collide(run):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    run = RunView(open_folder(small_run())) if run == "real" else run
    figure = plots.picture(run, "network").figure
    FigureCanvasAgg(figure).draw()
    boxes = [text.get_window_extent() for axes in figure.axes for text in axes.texts]
    assert len(boxes) >= 5
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_replay_carries_price_and_liquidations_so_far():
    data = replay(RunView(MadeUp()))
    assert data["ticks"] == [0, 20, 119]
    assert data["times"][1] == "2021-05-19 03:20 UTC"
    assert data["liquidations"] == [0, 27, 30]
    assert data["liquidated"] == [0.0, 18e6, 20e6]
    assert data["price"][0] == 2000.0
    assert [node["name"] for node in data["nodes"]] == ["pool", "borrowers", "savers"]
    links = {(link["from"], link["to"], link["kind"]): i for i, link in enumerate(data["links"])}
    assert [row[links[0, 1, "debt"]] for row in data["usd"]] == [300.0, 240.0, 150.0]


def test_no_network_no_replay():
    assert replay(RunView(MadeUp(edges=MadeUp().edges()[:0]))) is None
