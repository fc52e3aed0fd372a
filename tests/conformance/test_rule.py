"""What every registered allocation rule must do; registering a class is opting in."""

from types import SimpleNamespace

import numpy as np
import pytest

import agents.rules  # noqa: F401  registers the rules of this project
from sim.interfaces import AllocationRule, AllocatorView
from sim.registry import kinds, lookup, summary
from sim.units import SECONDS_PER_YEAR

ASSETS = ["ETH", "BTC", "SOL"]
SUPPLY = {"ETH": 120e6, "BTC": 20e6, "SOL": 500e6}
NEEDED = {
    "fixed": lambda: {"targets": {"ETH": 0.4, "SOL": 0.3}},
    "market_cap": lambda: {"supply": SUPPLY},
    "index_tracking": lambda: {"units": SUPPLY, "largest": 0.6},
    "risk_budgets": lambda: {"budgets": {"ETH": 0.5, "BTC": 0.3, "SOL": 0.2}},
    "black_litterman": lambda: {"supply": SUPPLY},
    "liquidity_adjusted": lambda: {"venues": ["market"]},
    "overlap_penalised": lambda: {"venues": ["market"]},
    "cost_aware": lambda: {"base": lookup("rule", "inverse_volatility")()},
    "drawdown_control": lambda: {"base": lookup("rule", "inverse_volatility")(), "mandate": 0.5},
    "look_through": lambda: {"base": lookup("rule", "inverse_volatility")(), "caps": {"issuer": 0.2}},
    "shielded": lambda: {"base": lookup("rule", "inverse_volatility")()},
    "best_yield": lambda: {"yields": {"ETH": 0.03, "BTC": 0.01}},
    "leverage_loop": lambda: {"asset": "ETH", "protocol": "lending", "income": 0.04},
    "external": lambda: {"optimiser": "tests.agents.rules.optimisers:inverse_variance"},
}
"""Settings of rules that have no default."""


@pytest.fixture
def rule(kind):
    return lookup("rule", kind)(**NEEDED.get(kind, dict)())


def frozen(array):
    array.flags.writeable = False
    return array


class Market:
    """Sales lose a fee that differs by asset, and a little more the larger they are for its depth of 1,000 units."""

    def __init__(self, price, atom_prices, asset):
        self.price, self.fee = price, 0.001 * asset
        self._unit, self._atoms = atom_prices[asset] / atom_prices[0], 1e9

    def sell(self, amount):
        return amount * self._unit * (1.0 - self.fee)

    def sell_to(self, price):
        return self._atoms * (1.0 - price / self.price) * self.fee


def see(rows, assets=(0, 1, 2), ticks=3_000, wealth_scale=1.0, price_scale=1.0):
    """The view of some of 40 accounts on some of the assets; a function of its arguments alone."""
    rng = np.random.default_rng(5)
    path = price_scale * np.exp(np.cumsum(rng.standard_normal((ticks + 1, 3)) * [0.001, 0.002, 0.004], axis=0))
    current, wealth = rng.dirichlet(np.ones(4), 40)[:, :3], wealth_scale * rng.lognormal(10.0, 2.0, 40)
    prices = np.append(1.0, path[-1])
    view = SimpleNamespace(
        dt_years=60.0 / SECONDS_PER_YEAR,
        tick=ticks,
        history=lambda asset, ticks: frozen(path[-ticks - 1 :, asset - 1]),
        prices=frozen(prices),
        atom_prices=frozen(prices / 1e6),
        token=lambda name: ASSETS.index(name) + 1,
        supply=lambda asset: 10**12 * asset,
        balance=lambda asset: frozen(np.full(40, 10**6)),
        health=lambda protocol: frozen(np.where(np.arange(40) % 2, 1.01, 3.0)),
        reliance=lambda: {"issuer": frozen(np.array([0.0, 0.5, 0.0, 1.0]))},
        quotes={
            "lending": SimpleNamespace(borrow_rate=np.array([0.05]), reserve=lambda asset: 0),
            "market": SimpleNamespace(market=lambda asset: Market(prices[asset], prices / 1e6, asset)),
        },
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
        start=frozen(wealth[rows] * np.linspace(0.7, 1.6, 40)[rows]),
        peak=frozen(wealth[rows] * np.linspace(1.0, 2.0, 40)[rows]),
    )


EVERYONE = list(range(40))
pytestmark = pytest.mark.parametrize("kind", kinds("rule"))


def test_is_a_rule_that_says_what_it_does(kind, rule):
    assert isinstance(rule, AllocationRule)
    assert summary(type(rule)).endswith((".", ":"))


@pytest.mark.parametrize("ticks", [0, 1, 2, 50, 3_000])
def test_weights_are_a_portfolio_within_its_leverage_at_any_age_of_the_run(rule, ticks):
    weights = rule.weights(see(EVERYONE, ticks=ticks))
    assert weights.shape == (40, 3)
    assert np.isfinite(weights).all()
    assert (weights >= 0.0).all()
    assert (weights.sum(axis=1) <= getattr(rule, "max_leverage", 1.0) + 1e-9).all()


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
