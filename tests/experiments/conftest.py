"""Small configs with real components, folders made from them, and the command line as tests call it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.catalogue import load_components
from experiments.cli import app
from experiments.config import Config, load
from experiments.provenance import ROOT
from experiments.run import run

TOY = """\
# Noise traders and a market. Nobody borrows.
[run]
name = "toy"
ticks = 40
dt = "1min"
seed = 7
replications = 2

[record]
checks = "every"
networks = [0, 20]

[[assets]]
name = "USD"
price = 1.0
numeraire = true

[[assets]]
name = "ETH"
price = 2000.0
decimals = 8

[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 2.0

[[protocols]]
name = "market"
kind = "depth_market"

[[protocols.books]]
asset = "ETH"
daily_volume = 20000
daily_volatility = 0.04
half_life = "30min"

[[agents]]
name = "noise"
kind = "noise"
count = 20
assets = ["ETH"]
venues = ["market"]
trades_per_day = 500
"""

CRASH = (
    TOY.replace("ticks = 40", "ticks = 90")
    .replace("replications = 2", "replications = 1")
    .replace("daily_volume = 20000", "daily_volume = 200000")
    .replace('"toy"', '"crash"')
    + """
[[protocols]]
name = "lending"
kind = "pooled_lending"

[[protocols.reserves]]
asset = "ETH"
ltv = 0.8
liquidation_threshold = 0.83
liquidation_bonus = 0.05

[[protocols.reserves]]
asset = "USD"
ltv = 0.75
liquidation_threshold = 0.78
liquidation_bonus = 0.05

[[oracles]]
name = "feed"
kind = "push"
asset = "ETH"
latency = "1min"

[[shocks]]
name = "slump"
kind = "price_jump"
at = 20
asset = "ETH"
size = -0.12

[[shocks]]
name = "relapse"
kind = "price_jump"
at = 45
asset = "ETH"
size = -0.06

[[agents]]
name = "depositors"
kind = "depositors"
count = 20
protocol = "lending"
asset = "USD"
deposit_usd = { total = 60e6, spread = 0.5 }

[[agents]]
name = "borrowers"
kind = "borrowers"
count = 150
protocol = "lending"
collateral = "ETH"
debt = "USD"
venue = "market"
debt_usd = { total = 40e6, spread = 1.0 }
health = [[0.0, 1.04], [0.5, 1.25], [1.0, 2.0]]

[[agents]]
name = "liquidators"
kind = "liquidators"
count = 5
protocol = "lending"
venues = ["market"]
"""
)


@pytest.fixture
def config(tmp_path) -> Callable[..., Config]:
    """Load a config from text, with `path=value` items."""
    load_components()

    def make(*sets: str, text: str = TOY) -> Config:
        (tmp_path / "made.toml").write_text(text)
        return load(tmp_path / "made.toml", sets)

    return make


@pytest.fixture(scope="session")
def crash(tmp_path_factory) -> Path:
    """The output folder of CRASH: a slump, a relapse, and the liquidations they lead to."""
    load_components()
    folder = tmp_path_factory.mktemp("crash")
    (folder / "crash.toml").write_text(CRASH)
    return run(load(folder / "crash.toml"), folder / "out")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """The working directory; it holds toy.toml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.toml").write_text(TOY)
    return tmp_path


@pytest.fixture
def spillover(home, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in the working directory: exit code, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([str(word) for word in words], prog_name="spillover")
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call


@pytest.fixture
def child_environment(monkeypatch) -> dict[str, str]:
    """Environment of child processes, which find the project as they would if it were installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return dict(os.environ)
