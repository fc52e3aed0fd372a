"""Output folders for tests: a small real run on disk, and made-up ones in memory whose every number is known."""

import atexit
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import numpy as np
import pandas as pd

from experiments.catalogue import load_components
from experiments.config import load
from experiments.run import run
from experiments.store.manifest import Request

SMALL = (
    "agents.borrowers.count=200",
    "agents.btc_borrowers.count=50",
    "agents.longs.count=50",
    "agents.noise.count=60",
    "agents.momentum.count=20",
    "agents.depositors.count=40",
    "agents.liquidity_providers.count=10",
    "record.checks=off",
)
PLUNGE = ("run.ticks=180", 'processes.eth.knots=[["1h", 0.0], ["1h2min", -1.0]]')
"""Settings that make borrowers lose more than they have."""
TICKS, DT = 120, 600.0
OPEN = 2000.0
HALF = {"borrowers": 300.0, "savers": 500.0}


@cache
def small_run(*sets: str) -> Path:
    """The quickstart crash with a twentieth of its accounts, run once per session. sets: further settings."""
    load_components()
    words = ["/somewhere/bin/spillover", "run", "quickstart", "--out", "small"]
    request = Request(source="quickstart", sets=SMALL + sets, command=tuple(words))
    place = Path(mkdtemp(prefix="spillover-"))
    atexit.register(rmtree, place, ignore_errors=True)
    return run(load("quickstart", SMALL + sets), place / "small", request=request)


class MadeUp:
    """A folder in memory, with the interface of experiments.store.Folder.

    By default ETH falls 10 log points from outside and 5 more through liquidations, which the market then recovers.
    """

    def __init__(self, runs: int = 1, failed: int = 0, **frames: pd.DataFrame) -> None:
        self.path = Path("made-up")
        self.name = "made up"
        self.world = world()
        self.manifest = manifest(runs, failed)
        self.frames = frames
        rows = [_outcomes(self._steps(r), r) for r in range(runs)]
        lost = [{"replication": runs + r, "status": "failed", "error": f"ValueError: lost {r}"} for r in range(failed)]
        self.runs = pd.DataFrame([*rows, *lost])
        self.replications = list(range(runs))
        self.interrupted = False

    def time(self, tick):
        return datetime.fromisoformat(self.world["start"]) + timedelta(seconds=tick * DT)

    def steps(self, replication=None):
        return self._pick("steps", self._steps, replication)

    def flows(self, replication=None):
        return self._pick("flows", flows, replication)

    def edges(self, replication=None):
        return self._pick("edges", edges, replication)

    def accounts(self, replication=None):
        return self._pick("accounts", accounts, replication)

    def _pick(self, name, make, replication):
        if name in self.frames:
            return self.frames[name]
        wanted = self.replications if replication is None else [replication]
        return pd.concat([make(number).assign(replication=number) for number in wanted], ignore_index=True)

    def _steps(self, replication):
        return self.frames["steps"] if "steps" in self.frames else steps(replication)


def world():
    return {
        "ticks": TICKS,
        "dt": DT,
        "start": "2021-05-19T00:00:00+00:00",
        "assets": ["USD", "ETH"],
        "reference": {"ETH": "market"},
        "tokens": [
            {"name": "USD", "kind": "base"},
            {"name": "ETH", "kind": "base"},
            {"name": "pool.receipt.USD", "kind": "claim"},
            {"name": "pool.debt.USD", "kind": "debt"},
        ],
        "protocols": [{"name": "market", "kind": "depth_market"}, {"name": "pool", "kind": "pooled_lending"}],
        "populations": [
            {"name": "borrowers", "kind": "borrowers", "lo": 3, "hi": 11},
            {"name": "savers", "kind": "depositors", "lo": 11, "hi": 13},
        ],
        "owners": [],
        "shocks": [{"name": "big_jump", "kind": "price_jump", "at": 40, "asset": "ETH"}],
    }


def manifest(runs, failed):
    return {
        "name": "made up",
        "runs": {"requested": runs + failed, "finished": runs, "failed": failed},
        "config": {"run": {"seed": 7}, "observed": []},
        "command": ["/bin/spillover", "run", "my file.toml"],
        "source": "my file.toml",
        "sets": [],
        "plugins": [],
        "digest": "d" * 64,
        "versions": {"python": "3.11"},
        "machine": {"system": "Linux", "processor": "a processor", "cores": 2},
        "started": "2026-01-01T00:00:00+00:00",
    }


def flows(replication):
    """Outside falls in ticks 10 to 19, liquidations in 12 to 21; a tenth of what they displaced recovers per tick."""
    rng, displaced, rows = np.random.default_rng(replication), 0.0, []
    for tick in range(TICKS):
        rows.append((tick, "external", "recovery", -0.1 * displaced))
        displaced *= 0.9
        rows.append((tick, "external", "fundamental", -0.01 if 10 <= tick < 20 else 0.0))
        pushed = -0.005 * (1 + 0.2 * replication) if 12 <= tick < 22 else 0.0
        noise = 0.0005 * rng.standard_normal() if replication else 0.0
        rows += [(tick, "liquidators", "liquidation", pushed), (tick, "savers", "noise", noise)]
        displaced += pushed + noise
    frame = pd.DataFrame(rows, columns=["tick", "population", "motive", "dlog"])
    return frame[frame["dlog"] != 0].assign(asset="ETH", venue="market")


def steps(replication):
    by_tick = flows(replication).groupby(["tick", "motive"])["dlog"].sum().unstack(fill_value=0.0)
    log_price = by_tick.sum(axis=1).reindex(range(TICKS), fill_value=0.0).cumsum()
    outside = by_tick["fundamental"].reindex(range(TICKS), fill_value=0.0).cumsum()
    struck = np.where((np.arange(TICKS) >= 12) & (np.arange(TICKS) < 22), 1.0, 0.0)
    return pd.DataFrame(
        {
            "tick": np.arange(TICKS),
            "price.ETH": OPEN * np.exp(log_price.to_numpy()),
            "exogenous.ETH": OPEN * np.exp(outside.to_numpy()),
            "liquidations": 3.0 * struck,
            "liquidated_usd": 2e6 * struck,
            "bad_debt_usd": 1e5 * struck * (np.arange(TICKS) == 20),
            "replication": replication,
        }
    )


def edges(replication):
    """Savers lend 500 to the pool throughout; borrowers owe 300 and, by the last sample, half of it."""
    rows = []
    for tick, share in ((0, 1.0), (20, 0.8), (TICKS - 1, 0.5)):
        rows += [
            (tick, "savers", "pool", "pool.receipt.USD", HALF["savers"]),
            (tick, "pool", "borrowers", "pool.debt.USD", HALF["borrowers"] * share),
        ]
    return pd.DataFrame(rows, columns=["tick", "holder", "issuer", "token", "usd"])


def accounts(replication):
    """Eight borrowers, of whom two end without debt and one below a health factor of 1; two savers."""
    before = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 2.0, 4.0, np.inf, np.inf]
    after = [0.9, 1.05, np.inf, np.inf, 1.3, 1.4, 1.8, 3.5, np.inf, np.inf]
    owner = ["borrowers"] * 8 + ["savers"] * 2
    return pd.DataFrame({"owner": owner, "pool.opening_health": before, "pool.closing_health": after})


def _outcomes(frame, replication):
    row = {"replication": replication, "status": "ok", "error": None, "ledger_residual": 0.0}
    for column in ("liquidations", "liquidated_usd", "bad_debt_usd"):
        if column in frame:
            row[column] = float(frame[column].sum())
    for column, outcome in (("price.ETH", "drawdown.ETH"), ("exogenous.ETH", "exogenous_drawdown.ETH")):
        if column in frame:
            path = frame[column].to_numpy()
            row[outcome] = float(np.max(1.0 - path / np.maximum.accumulate(path)))
    row |= {"busiest_hour": 2.0, "busiest_hour_share": 0.6}
    for name in HALF:
        row |= {f"{name}.{key}": 0.1 for key in ("return", "volatility", "max_drawdown", "cvar95", "ruined_share")}
    return row
