"""What every registered allocation rule must do; registering a class is opting in."""

from types import SimpleNamespace

import numpy as np
import pytest

import agents.rules  # noqa: F401  registers the rules of this project
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import kinds, lookup, summary
from sim.units import SECONDS_PER_YEAR

ASSETS = ["ETH", "BTC", "SOL"]
NEEDED = {"fixed": {"targets": {"ETH": 0.4, "SOL": 0.3}}}
"""Settings of rules that have no default."""


@pytest.fixture
def rule(kind):
    return lookup("rule", kind)(**NEEDED.get(kind, {}))


def frozen(array):
    array.flags.writeable = False
    return array


def see(rows, assets=(0, 1, 2), ticks=3_000, wealth_scale=1.0, price_scale=1.0):
    """The view of some of 40 accounts on some of the assets; a function of its arguments alone."""
    rng = np.random.default_rng(5)
    path = price_scale * np.exp(np.cumsum(rng.standard_normal((ticks + 1, 3)) * [0.001, 0.002, 0.004], axis=0))
    current, wealth = rng.dirichlet(np.ones(4), 40)[:, :3], wealth_scale * rng.lognormal(10.0, 2.0, 40)
    view = SimpleNamespace(
        dt_years=60.0 / SECONDS_PER_YEAR, tick=ticks, history=lambda asset, ticks: frozen(path[-ticks - 1 :, asset - 1])
    )
    picked, names = list(assets), [ASSETS[i] for i in assets]
    return AllocatorView(
        rows=frozen(np.array(rows, dtype=np.int64)),
        current=frozen(current[rows][:, picked]),
        wealth=frozen(wealth[rows]),
        prices=frozen(path[-1, picked]),
        assets=names,
        indices=[i + 1 for i in assets],
        view=view,
    )


EVERYONE = list(range(40))
pytestmark = pytest.mark.parametrize("kind", kinds("rule"))


def test_is_a_rule_that_says_what_it_does(kind, rule):
    assert isinstance(rule, AllocationRule)
    assert summary(type(rule)).endswith((".", ":"))


@pytest.mark.parametrize("ticks", [0, 1, 2, 50, 3_000])
def test_weights_are_a_portfolio_without_leverage_at_any_age_of_the_run(rule, ticks):
    weights = rule.weights(see(EVERYONE, ticks=ticks))
    assert weights.shape == (40, 3)
    assert np.isfinite(weights).all()
    assert (weights >= 0.0).all()
    assert (weights.sum(axis=1) <= 1.0 + 1e-9).all()


def test_nobody_asking_gets_no_rows(rule):
    assert rule.weights(see([])).shape == (0, 3)


def test_asking_twice_gives_the_same(rule):
    assert np.array_equal(rule.weights(see(EVERYONE)), rule.weights(see(EVERYONE)))


def test_an_account_gets_its_own_weights_whoever_asks_with_it(rule):
    together = rule.weights(see(EVERYONE))
    order = np.random.default_rng(2).permutation(40)[:17]
    assert np.array_equal(rule.weights(see(order.tolist())), together[order])


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (2, 1, 0)])
def test_the_order_of_the_assets_does_not_matter(rule, order):
    assert rule.weights(see(EVERYONE, order)) == pytest.approx(rule.weights(see(EVERYONE))[:, order], rel=1e-12)


def test_units_of_money_do_not_matter(rule):
    plain = rule.weights(see(EVERYONE))
    assert rule.weights(see(EVERYONE, wealth_scale=1e3)) == pytest.approx(plain, rel=1e-12)
    assert rule.weights(see(EVERYONE, price_scale=1e-3)) == pytest.approx(plain, rel=1e-6)
