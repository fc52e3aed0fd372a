"""What every registered forecaster must do, and what each is worth on samples of known kind."""

import numpy as np
import pytest

import agents.forecasters.ewma
import agents.forecasters.garch
import agents.forecasters.har
import agents.forecasters.learned
import agents.forecasters.regimes  # noqa: F401  registers them
from agents.forecasters.learned import LearnedForecaster, _trained
from sim.errors import ConfigError
from sim.forecasting import Forecaster
from sim.registry import kinds, lookup, summary


def two_regimes(n, seed):
    """Returns that are calm or wild for about 50 and 25 at a time."""
    rng = np.random.default_rng(seed)
    state, deviation = 0, np.empty(n)
    for t in range(n):
        deviation[t] = (0.5, 3.0)[state]
        state = state if rng.random() < (0.98, 0.96)[state] else 1 - state
    return rng.standard_normal(n) * deviation


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A file of prices to learn from."""
    file = tmp_path_factory.mktemp("prices") / "prices.csv"
    prices = np.exp(np.cumsum(0.01 * two_regimes(1_500, 4)))
    file.write_text("time,price\n" + "\n".join(f"{t},{price!r}" for t, price in enumerate(prices.tolist())))
    return str(file)


@pytest.fixture
def make(table):
    needed = {"learned": {"data": table, "arguments": {"n_estimators": 30, "max_depth": 2, "random_state": 0}}}
    return lambda kind, **more: lookup("forecaster", kind)(**(needed.get(kind, {}) | more))


every = pytest.mark.parametrize("kind", kinds("forecaster"))


@every
def test_says_what_it_does(make, kind):
    assert isinstance(make(kind), Forecaster)
    assert summary(lookup("forecaster", kind)).endswith(".")


@every
@pytest.mark.parametrize(
    "returns",
    [[0.0], [0.01], [0.0] * 200, [0.02, -0.01] * 100, [1e-9] * 3],
    ids=["still", "one", "long still", "alternating", "tiny"],
)
@pytest.mark.parametrize("horizon", [1, 50])
def test_is_a_number_from_0_up_for_any_returns(make, kind, returns, horizon):
    expected = make(kind).expect(np.array(returns), horizon)
    assert np.isfinite(expected)
    assert expected >= 0.0


@every
def test_scales_with_the_square_of_returns(make, kind):
    returns, forecaster = 1e-3 * two_regimes(600, 7), make(kind)
    assert forecaster.expect(3.0 * returns, 4) == pytest.approx(9.0 * forecaster.expect(returns, 4), rel=1e-3)


@every
def test_asking_twice_gives_the_same(make, kind):
    returns = two_regimes(400, 8)
    assert make(kind).expect(returns, 2) == make(kind).expect(returns, 2)


@every
def test_on_constant_volatility_all_come_near_it(make, kind):
    returns = np.random.default_rng(3).standard_normal(2_000)
    assert make(kind).expect(returns, 24) == pytest.approx(1.0, rel=0.6)


@pytest.mark.parametrize(("kind", "beats"), [("ewma", False), ("regimes", True)])
def test_score_on_two_regimes_says_whether_it_beats_ewma(make, kind, beats):
    score = make(kind).score(two_regimes(2_000, 5), first=600, horizon=8)
    assert score.beats is beats
    assert score.targets == 175


def test_learned_is_trained_once_for_all_who_share_its_settings(table):
    _trained.cache_clear()
    first, second = (LearnedForecaster(data=table, arguments={"n_estimators": 5}) for _ in range(2))
    assert first.learned is second.learned
    assert LearnedForecaster(data=table, arguments={"n_estimators": 6}).learned is not first.learned


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"regressor": "nowhere:Thing"}, r'regressor "nowhere:Thing" does not import: No module named'),
        ({"regressor": "math:Thing"}, r"has no attribute 'Thing'"),
        ({"arguments": {"trees": 3}}, r"unexpected keyword argument 'trees'"),
        ({"windows": [1, 2_000]}, r"0 examples; give two or more rising windows"),
    ],
)
def test_what_cannot_be_trained_is_named(table, settings, text):
    with pytest.raises(ConfigError, match=text):
        LearnedForecaster(data=table, **settings).learned  # noqa: B018  the property trains


def test_checks_name_the_setting(table):
    assert LearnedForecaster(data=table, windows=[5, 1], regressor="x").check() == [
        ("windows", "found [5, 1]; each must be longer than the one before"),
        ("regressor", 'found "x"; write "module:class"'),
    ]
    [(field, _)] = lookup("forecaster", "har")(windows=(1, 1, 5)).check()
    assert field == "windows"
