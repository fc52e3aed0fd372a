"""Twenty synthetic records with known depth and volatility, each calibrated.

`python -m tests.validation.parameter_recovery` measures all of them, tests/validation/test_parameter_recovery.py one.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from experiments.calibration import Fit, Task, calibrate
from experiments.catalogue import load_components
from experiments.config import Config, load

TRUTH = {"processes.eth.volatility": 0.6, "protocols.market.books.ETH.daily_volume": 2e4}
RECORDS = 20
FIRST = 1000
"""Replication that is the first record; the calibration's own runs are replications from 0 on."""
MARKET = """
[run]
name = "recovery"
dt = "1min"
ticks = 1200
seed = 11
[record]
checks = "off"
networks = []
[chain]
allowance = 0.0

[[assets]]
name = "USD"
numeraire = true
price = 1.0
[[assets]]
name = "ETH"
price = 3000.0
decimals = 8

[[processes]]
name = "eth"
kind = "gbm"
assets = ["ETH"]
volatility = 0.6

[[protocols]]
name = "market"
kind = "depth_market"
[[protocols.books]]
asset = "ETH"
daily_volatility = 0.027
daily_volume = 2e4
half_life = "1min"

[[agents]]
name = "noise"
kind = "noise"
count = 60
assets = ["ETH"]
venues = ["market"]
trades_per_day = 600.0
size_usd = 1e3
size_spread = 0.3
wealth_usd = { median = 2e7, spread = 0.5 }
"""
STUDY = """
[calibrate]
method = "gauss_newton"
seeds = 10
held_out_seeds = 2
steps = 3

[[calibrate.parameters]]
path = "processes.eth.volatility"
low = 0.2
high = 1.8
start = 0.8
scale = "log"

[[calibrate.parameters]]
path = "protocols.market.books.ETH.daily_volume"
low = 4e3
high = 1e5
start = 3e4
scale = "log"

[[calibrate.moments]]
name = "realised volatility"
steps = "price.ETH"
statistic = "volatility"
log = true
value = {volatility!r}

[[calibrate.moments]]
name = "displacement"
outcome = "mispricing_rms.ETH"
log = true
value = {displacement!r}
"""


@dataclass(frozen=True)
class Recovery:
    """One record's calibration. errors: relative, of volatility and depth. covers: whether the intervals do."""

    number: int
    errors: tuple[float, ...]
    covers: tuple[bool, ...]


def market(folder: Path, name: str, more: str = "") -> Config:
    place = folder / f"{name}.toml"
    place.write_text(MARKET + more)
    return load(place)


def recover(number: int, folder: Path, workers: int = 1) -> tuple[Recovery, Fit]:
    """Make the record of a number with the true values, then fit from a start that is 33% and 50% off."""
    load_components()
    blank = Task.of(market(folder, "blank", STUDY.format(volatility=1.0, displacement=1.0)))
    _, (volatility, displacement), error = blank.perform((tuple(TRUTH.values()), FIRST + number))
    assert not error
    record = {"volatility": blank.wanted[0].back(volatility), "displacement": blank.wanted[1].back(displacement)}
    fit = calibrate(Task.of(market(folder, f"record{number}", STUDY.format(**record))), folder / "runs", workers)
    pairs = [(found, TRUTH[found.path]) for found in fit.parameters]
    errors = tuple(found.value / true - 1.0 for found, true in pairs)
    return Recovery(number, errors, tuple(found.low <= true <= found.high for found, true in pairs)), fit


def main(numbers: range = range(RECORDS)) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            found, fit = recover(number, Path(folder))
            intervals = [(round(p.low / TRUTH[p.path], 3), round(p.high / TRUTH[p.path], 3)) for p in fit.parameters]
            errors = [round(error, 4) for error in found.errors]
            sys.stdout.write(f"{number} errors {errors} covers {found.covers} intervals/truth {intervals}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(range(*map(int, sys.argv[1:])) if len(sys.argv) > 1 else range(RECORDS))
