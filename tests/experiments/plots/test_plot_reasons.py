"""What cannot be drawn says why, and mistakes say what is allowed."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from experiments import plots
from experiments.plots import RunView
from sim.errors import ConfigError, UnknownKind
from tests.run_folders import MadeUp

ROOT = Path(__file__).resolve().parents[3]


def reason(name, **frames):
    return plots.picture(RunView(MadeUp(**frames)), name).reason


def test_no_lending_no_health():
    accounts = pd.DataFrame({"owner": ["savers"], "replication": [0]})
    assert reason("health", accounts=accounts) == "no protocol of this run lends, so no account has a health factor"


def test_nobody_owes_anything():
    accounts = MadeUp().accounts().tail(2)
    assert reason("health", accounts=accounts) == "no account owed anything at either end of the run"


def test_no_network_was_sampled():
    assert "record.networks" in reason("network", edges=MadeUp().edges()[:0])


def test_nothing_was_liquidated():
    steps = MadeUp().steps().assign(liquidated_usd=0.0, bad_debt_usd=0.0)
    assert reason("liquidations", steps=steps) == "nothing was liquidated and no bad debt arose in this run"


def test_an_asset_without_a_market_has_no_flows():
    folder = MadeUp()
    folder.world["reference"] = {}
    assert plots.picture(RunView(folder), "attribution").reason == (
        "ETH trades on no venue of this run, so its price is exogenous"
    )


def test_unknown_names_come_with_the_nearest(tmp_path):
    with pytest.raises(UnknownKind, match=r'unknown plot kind "prise"; did you mean "price"\?'):
        plots.draw(MadeUp(), "prise", tmp_path / "p.svg")
    with pytest.raises(ConfigError, match=r'no prices of "ETHH" in this folder; did you mean "ETH"\?'):
        plots.draw(MadeUp(), "price", tmp_path / "p.svg", asset="ETHH")
    with pytest.raises(ConfigError, match=r'cannot write a picture as ".pdf" \(.*p.pdf\); allowed: .svg, .png'):
        plots.draw(MadeUp(), "price", tmp_path / "p.pdf")
    with pytest.raises(ConfigError, match=r"no finished run 3 in made-up"):
        RunView(MadeUp(), replication=3)
    assert list(tmp_path.iterdir()) == []


def test_a_path_without_a_suffix_gets_both_formats(tmp_path):
    plots.draw(MadeUp(), "price", tmp_path / "deep" / "price")
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["price.png", "price.svg"]


def test_names_come_in_the_order_of_the_story():
    assert plots.names()[:6] == ["price", "attribution", "liquidations", "health", "network", "fan"]


def test_listing_plots_loads_no_drawing_library():
    libraries = "{'matplotlib', 'pandas', 'networkx'}"
    code = f"import sys; from experiments import plots; plots.names(); print(sorted({libraries} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
