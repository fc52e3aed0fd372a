"""A fit of the volatility of a toy market."""

import pytest

from experiments.calibration import Task
from experiments.catalogue import load_components
from experiments.config import load
from tests.experiments.conftest import TOY

FIT = """
[calibrate]
method = "{method}"
trials = 4
search_seeds = 2
seeds = 6
held_out_seeds = 4
steps = 3

[[calibrate.parameters]]
path = "processes.eth.volatility"
low = 0.5
high = 8.0
scale = "log"

[[calibrate.moments]]
name = "volatility"
steps = "exogenous.ETH"
statistic = "volatility"
log = true
value = 2.0
error = 0.1
{more}
"""


@pytest.fixture
def fit_config(tmp_path):
    """A config with [calibrate], made from a text that is added to it."""
    load_components()

    def make(more="", method="gauss_newton", text=FIT, sets=()):
        place = tmp_path / "fit.toml"
        place.write_text(TOY + text.format(more=more, method=method))
        return load(place, sets)

    return make


@pytest.fixture
def task(fit_config):
    """The same as a task."""
    return lambda *settings, **more: Task.of(fit_config(*settings, **more))
