"""Rules that bound what stands on others, and rules of other libraries."""

from types import SimpleNamespace

import numpy as np
import pytest

from agents.rules.best_yield import BestYield
from agents.rules.external import External
from agents.rules.fixed import Fixed
from agents.rules.look_through import LookThrough
from agents.rules.shielded import Shielded
from sim.errors import ConfigError, SpilloverError
from sim.interfaces import AllocatorView

NAMES = ["ETH", "pool", "vault", "dollar"]
BASE = Fixed(targets={"ETH": 0.1, "pool": 0.3, "vault": 0.4, "dollar": 0.2})
STANDS = {
    "pool": np.array([0.0, 0.0, 1.0, 0.5, 0.0]),  # tokens: USD, ETH, receipt of pool, share of vault, dollar
    "vault": np.array([0.0, 0.0, 0.0, 1.0, 0.0]),
    "issuer": np.array([0.0, 0.0, 0.0, 0.25, 1.0]),
}


def view(stands=STANDS, n=3):
    world = SimpleNamespace(reliance=lambda: stands, quotes={})
    return AllocatorView(np.arange(n), np.zeros((n, 4)), np.ones(n), np.ones(4), NAMES, [1, 2, 3, 4], world)


def carried(weights, name, stands=STANDS):
    return weights @ stands[name][1:]


@pytest.mark.parametrize("seed", range(20))
def test_no_protocol_carries_more_than_its_cap_after_look_through(seed):
    rng = np.random.default_rng(seed)
    stands = {name: np.append(0.0, rng.random(4) * (rng.random(4) < 0.7)) for name in STANDS}
    weights = dict(zip(NAMES, rng.dirichlet(np.ones(4)).tolist(), strict=True))
    caps = dict(zip(STANDS, rng.uniform(0.02, 0.5, 3).tolist(), strict=True))
    cut = LookThrough(base=Fixed(targets=weights), caps=caps).weights(view(stands))
    assert (cut >= 0.0).all()
    assert (cut <= np.array(list(weights.values())) * (1.0 + 1e-12)).all()
    for name, cap in caps.items():
        assert carried(cut, name, stands).max() <= cap * (1.0 + 1e-12)


def test_a_cap_that_binds_is_used_up_and_leaves_the_others_alone():
    cut = LookThrough(base=BASE, caps={"pool": 0.2}).weights(view())
    assert carried(cut, "pool") == pytest.approx(np.full(3, 0.2))
    assert cut[0] == pytest.approx([0.1, 0.12, 0.16, 0.2])
    wide = LookThrough(base=BASE, caps={"pool": 0.5, "issuer": 1.0}).weights(view())
    assert wide == pytest.approx(BASE.weights(view()))


def test_a_protocol_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match=r'no protocol "pol" carries anything; did you mean "pool"'):
        LookThrough(base=BASE, caps={"pol": 0.2}).weights(view())


@pytest.mark.parametrize("limit", [0.05, 0.1, 0.2])
def test_the_default_of_any_counterparty_costs_a_shielded_account_at_most_its_limit(limit):
    shielded = Shielded(base=BASE, counterparty=limit, mixed=3).weights(view())
    open_ = BASE.weights(view())
    for name in STANDS:
        assert carried(shielded, name).max() <= limit * (1.0 + 1e-12)
        assert carried(shielded, name).max() < carried(open_, name).max()


def test_what_mixes_counterparties_or_stands_on_a_banned_one_is_not_held():
    assert Shielded(base=BASE, counterparty=1.0).weights(view())[0].tolist() == [0.1, 0.3, 0.0, 0.2]
    assert Shielded(base=BASE, counterparty=1.0, mixed=3, banned=["issuer"]).weights(view())[0].tolist() == [
        0.1,
        0.3,
        0.0,
        0.0,
    ]


def test_logit_choice_tends_to_equal_shares_and_to_the_best():
    world = SimpleNamespace(quotes={})
    seen = AllocatorView(np.arange(2), np.zeros((2, 2)), np.ones(2), np.ones(2), ["a", "b"], [1, 2], world)
    yields = {"a": 0.05, "b": 0.04}
    blind = BestYield(yields=yields, choice=1e-9).weights(seen)
    assert blind == pytest.approx(np.full((2, 2), 1 / 3), abs=1e-6)
    sharp = BestYield(yields=yields, choice=1e4).weights(seen)
    assert sharp == pytest.approx(np.tile([1.0, 0.0], (2, 1)), abs=1e-9)
    middle = BestYield(yields=yields, choice=100.0).weights(seen)[0]
    assert middle[0] / middle[1] == pytest.approx(np.e, rel=1e-12)
    charged = BestYield(yields=yields, charge={"a": 0.01}, choice=100.0).weights(seen)[0]
    assert charged[0] == pytest.approx(charged[1], rel=1e-12)


STAND_INS = "tests.agents.rules.optimisers"


@pytest.mark.parametrize(
    ("optimiser", "method"), [("inverse_variance", None), ("Estimator", None), ("Frontier", "quietest")]
)
def test_any_of_three_shapes_of_object_is_a_rule(look, returns, optimiser, method):
    rule = External(optimiser=f"{STAND_INS}:{optimiser}", method=method, window=2_000 * 3_600.0)
    weights = rule.weights(look(returns))
    power = (returns**2).mean(axis=0) if method else returns.var(axis=0)
    expected = (1.0 / power) / (1.0 / power).sum()
    assert weights == pytest.approx(np.tile(expected, (3, 1)), rel=1e-9)
    assert rule.fallbacks == {}


@pytest.mark.parametrize(
    ("optimiser", "arguments"), [("inverse_variance", {"power": 0.5}), ("Estimator", {"power": 0.5})]
)
def test_arguments_reach_the_object(look, returns, optimiser, arguments):
    rule = External(optimiser=f"{STAND_INS}:{optimiser}", arguments=arguments, window=2_000 * 3_600.0)
    deviation = returns.std(axis=0)
    assert rule.weights(look(returns))[0] == pytest.approx((1 / deviation) / (1 / deviation).sum(), rel=1e-9)


def test_where_there_is_no_solution_weights_are_equal_and_it_is_counted(look, returns):
    rule = External(optimiser=f"{STAND_INS}:unsolvable", invested=0.9)
    assert rule.weights(look(returns)) == pytest.approx(np.full((3, 3), 0.3))
    rule.weights(look(returns[:0]))
    assert rule.fallbacks == {"optimiser_failed": 1, "short_history": 1}


def test_short_positions_are_left_out_and_counted(look, returns):
    rule = External(optimiser=f"{STAND_INS}:long_and_short")
    assert rule.weights(look(returns))[0] == pytest.approx([0.75, 0.0, 0.25])
    assert rule.fallbacks == {"shorts_left_out": 1}


def test_a_bug_in_the_object_stops_the_run_and_a_wrong_name_is_named(look, returns):
    with pytest.raises(SpilloverError, match=r"optimisers:broken failed: KeyError: 'a bug'"):
        External(optimiser=f"{STAND_INS}:broken").weights(look(returns))
    for name, why in (("nowhere:Rule", "No module named 'nowhere'"), ("math:rule", "has no attribute 'rule'")):
        [(place, text)] = External(optimiser=name).check()
        assert place == "optimiser" and text.startswith(f'found "{name}", which does not import: ') and why in text
    assert External(optimiser="nowhere").check() == [("optimiser", 'found "nowhere"; write "module:name"')]


def test_skfolio_is_a_rule(look, returns):
    from skfolio.optimization import InverseVolatility

    rule = External(optimiser="skfolio.optimization:InverseVolatility", window=2_000 * 3_600.0)
    assert rule.weights(look(returns))[0] == pytest.approx(InverseVolatility().fit(returns).weights_, rel=1e-12)


def test_pyportfolioopt_is_a_rule(look, returns):
    from sim.math.portfolio.quadratic import minimum_variance_weights

    rule = External(optimiser="pypfopt:EfficientFrontier", method="min_volatility", window=2_000 * 3_600.0)
    seen = look(returns)
    ours = minimum_variance_weights(rule.covariance(seen), np.ones(3), 1.0)
    assert rule.weights(seen)[0] == pytest.approx(ours, abs=1e-5)
    assert rule.fallbacks == {}
