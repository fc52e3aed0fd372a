"""Risk measures against closed forms, samples and the inequalities that define them."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from sim.math import risk

samples = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=60).map(np.array)
levels = st.floats(0.5, 0.999)
dofs = st.one_of(st.just(math.inf), st.floats(2.1, 60.0))


@given(samples, levels)
def test_shortfall_is_at_least_value_at_risk_and_both_grow_with_the_level(returns, level):
    var, es = risk.historical_var(returns, level), risk.historical_es(returns, level)
    assert es >= var
    assert es <= -returns.min() + 1e-12
    safer = level / 1.2
    assert risk.historical_var(returns, safer) <= var
    assert risk.historical_es(returns, safer) <= es + 1e-12


@given(samples, levels)
def test_value_at_risk_is_an_empirical_quantile(returns, level):
    var = risk.historical_var(returns, level)
    assert np.mean(-returns <= var) >= level * (1.0 - 1e-9)
    assert np.mean(-returns < var) < level
    assert var == pytest.approx(np.quantile(-returns, level * (1.0 - 1e-12), method="inverted_cdf"))


@given(st.integers(0, 500), levels)
def test_shortfall_is_the_mean_of_value_at_risk_beyond_the_level_and_subadditive(seed, level):
    rng = np.random.default_rng(seed)
    one, other = rng.standard_t(3, (2, 40))
    grid = level + (1.0 - level) * (np.arange(20_000) + 0.5) / 20_000
    mean = np.mean(np.sort(-one)[np.minimum(np.ceil(grid * 40).astype(int) - 1, 39)])
    assert risk.historical_es(one, level) == pytest.approx(mean, abs=2e-3 * np.abs(one).max())
    together = risk.historical_es(one + other, level)
    assert together <= risk.historical_es(one, level) + risk.historical_es(other, level) + 1e-12


@given(samples, levels, st.floats(0.01, 100.0), st.floats(-1.0, 1.0))
def test_measures_scale_with_the_position_and_fall_with_cash(returns, level, size, cash):
    for measure in (risk.historical_var, risk.historical_es):
        assert measure(size * returns + cash, level) == pytest.approx(size * measure(returns, level) - cash, abs=1e-9)


@pytest.mark.parametrize("dof", [3.0, 5.0, math.inf])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_closed_forms_match_the_sample(dof, level):
    rng = np.random.default_rng(1)
    law = stats.norm() if math.isinf(dof) else stats.t(dof, scale=math.sqrt((dof - 2.0) / dof))
    returns = 0.01 + 0.2 * law.rvs(size=400_000, random_state=rng)
    assert risk.historical_var(returns, level) == pytest.approx(risk.elliptical_var(0.01, 0.2, level, dof), rel=0.02)
    assert risk.historical_es(returns, level) == pytest.approx(risk.elliptical_es(0.01, 0.2, level, dof), rel=0.03)


@settings(max_examples=20)
@given(levels, dofs)
def test_factors_are_quantile_and_tail_mean_of_a_law_of_unit_variance(level, dof):
    law = stats.norm() if math.isinf(dof) else stats.t(dof, scale=math.sqrt((dof - 2.0) / dof))
    assert risk.var_factor(level, dof) == pytest.approx(law.ppf(level), abs=1e-9)
    assert risk.es_factor(level, dof) >= risk.var_factor(level, dof)
    tail, _ = integrate.quad(law.ppf, level, 1.0, epsabs=1e-10, limit=200)
    assert risk.es_factor(level, dof) == pytest.approx(tail / (1.0 - level), rel=1e-5, abs=1e-6)


def test_published_figures_of_systemic_risk():
    assert risk.gaussian_delta_covar(0.5, 0.05) == pytest.approx(-0.82243, abs=5e-6)
    assert risk.gaussian_mes(0.5, 0.05) == pytest.approx(-1.03136, abs=5e-6)
    same = np.where(np.eye(50, dtype=bool), 1.0, 0.3)
    assert risk.absorption_ratio(same, 1) == pytest.approx(0.314, abs=1e-12)
    assert risk.absorption_ratio(same, 10) == pytest.approx(0.44, abs=1e-12)


def test_closed_forms_of_systemic_risk_match_simulation():
    rng = np.random.default_rng(2)
    system, noise = rng.standard_normal((2, 1_000_000))
    own = 0.5 * system + math.sqrt(0.75) * noise
    assert risk.sample_mes(own, system) == pytest.approx(risk.gaussian_mes(0.5), abs=0.02)
    quantile = NormalDist().inv_cdf(0.05)
    stressed = system[np.abs(own - quantile) < 0.02]
    normal = system[np.abs(own) < 0.02]
    found = np.quantile(stressed, 0.05) - np.quantile(normal, 0.05)
    assert found == pytest.approx(risk.gaussian_delta_covar(0.5), abs=0.06)


@given(st.integers(2, 60), st.floats(0.0, 0.99), st.data())
def test_absorption_of_one_common_correlation(assets, rho, data):
    components = data.draw(st.integers(1, assets))
    covariance = 2.5 * np.where(np.eye(assets, dtype=bool), 1.0, rho)
    expected = (1.0 + (assets - 1) * rho + (components - 1) * (1.0 - rho)) / assets
    assert risk.absorption_ratio(covariance, components) == pytest.approx(expected)


@given(st.floats(0.0, 0.1), st.floats(0.0, 0.1), st.floats(0.0, 0.05), st.floats(0.0, 5.0))
def test_liquidity_adds_half_the_spread_in_bad_times(narrow, more, deviation, worst):
    tight = risk.liquidity_adjusted_var(100.0, 1000.0, narrow, deviation, worst)
    wide = risk.liquidity_adjusted_var(100.0, 1000.0, narrow + more, deviation, worst)
    assert tight == pytest.approx(100.0 + 500.0 * (narrow + worst * deviation))
    assert wide - tight == pytest.approx(500.0 * more, abs=1e-9)


def call(spot, strike=100.0, deviation=0.2):
    """Black-Scholes price, delta and gamma of a call without carry; deviation is sigma sqrt(T)."""
    law = NormalDist()
    d1 = math.log(spot / strike) / deviation + 0.5 * deviation
    price = spot * law.cdf(d1) - strike * law.cdf(d1 - deviation)
    return price, law.cdf(d1), law.pdf(d1) / (spot * deviation)


@pytest.mark.parametrize("size", [0.05, 0.01, 0.002], ids=["5%", "1%", "0.2%"])
def test_ladder_is_the_repriced_book_to_third_order(size):
    price, delta, gamma = call(100.0)
    moves = size * np.array([-2.0, -1.0, 1.0, 2.0])
    ladder = risk.scenario_ladder(-3.0 * delta, -3.0 * gamma, 100.0, moves)
    repriced = np.array([-3.0 * (call(100.0 * (1.0 + move))[0] - price) for move in moves])
    assert np.all(np.abs(ladder - repriced) <= 3.0 * 70.0 * np.abs(moves) ** 3)
    assert np.all(np.abs(ladder - repriced) > 0.0)


@given(st.integers(1, 5), st.integers(0, 1000), st.floats(0.001, 0.5))
def test_ladder_adds_up_over_assets_and_its_even_part_is_gamma(assets, seed, move):
    delta, gamma, spot = np.random.default_rng(seed).uniform(-2.0, 2.0, (3, assets))
    up, down, still = risk.scenario_ladder(delta, gamma, spot, [move, -move, 0.0])
    single = [risk.scenario_ladder(*asset, [move])[0] for asset in zip(delta, gamma, spot, strict=True)]
    assert up == pytest.approx(sum(single), abs=1e-12)
    assert still == 0.0
    assert up + down == pytest.approx((gamma * (spot * move) ** 2).sum(), abs=1e-12)
    assert up - down == pytest.approx(2.0 * (delta * spot * move).sum(), abs=1e-12)


@given(st.floats(1.0, 1e6), st.floats(1.0, 1e5), st.floats(0.01, 0.5))
def test_at_the_gamma_limit_the_ladder_loses_what_was_allowed(loss, spot, move):
    gamma = risk.gamma_floor(loss, spot, move)
    assert risk.scenario_ladder(0.0, gamma, spot, [-move, move]) == pytest.approx([-loss, -loss])
    assert risk.scenario_ladder(0.0, 0.9 * gamma, spot, [move])[0] > -loss


def test_ratios_of_a_known_record():
    returns = np.array([0.02, -0.01, 0.03, -0.02, 0.01])
    per_year = 365.0
    mean = 0.006
    assert risk.sharpe(returns, per_year) == pytest.approx(mean / returns.std(ddof=1) * math.sqrt(365))
    assert risk.sortino(returns, per_year) == pytest.approx(mean / math.sqrt(0.0005 / 5) * math.sqrt(365))
    assert risk.sharpe(returns, per_year, riskless=365 * mean) == pytest.approx(0.0, abs=1e-9)
    assert risk.calmar(0.4, 0.2) == 2.0


@given(st.integers(0, 1000), st.floats(0.01, 100.0))
def test_ratios_do_not_depend_on_leverage_and_turn_with_the_sign(seed, leverage):
    returns = np.random.default_rng(seed).standard_normal(30)
    for ratio in (risk.sharpe, risk.sortino):
        assert ratio(leverage * returns, 12.0) == pytest.approx(ratio(returns, 12.0))
    assert risk.sharpe(-returns, 12.0) == pytest.approx(-risk.sharpe(returns, 12.0))


def test_reward_without_risk():
    assert risk.sharpe(np.full(9, 0.1), 1.0) == math.inf
    assert risk.sharpe(np.full(9, -0.1), 1.0) == -math.inf
    assert risk.sortino(np.array([0.1, 0.2]), 1.0) == math.inf
    assert risk.sharpe(np.zeros(9), 1.0) == risk.sortino(np.zeros(0), 1.0) == risk.calmar(0.0, 0.0) == 0.0


def test_nothing_is_said_without_returns():
    none = np.zeros(0)
    assert np.isnan([risk.historical_var(none), risk.historical_es(none), risk.sample_mes(none, none)]).all()


def test_a_wider_spread_means_a_lower_weight():
    volatility = np.array([0.02, 0.03, 0.05])
    tight = risk.liquidity_adjusted_weights(volatility, np.full(3, 0.001))
    wide = risk.liquidity_adjusted_weights(volatility, np.array([0.001, 0.02, 0.001]))
    assert tight.sum() == pytest.approx(1.0)
    assert wide.sum() == pytest.approx(1.0)
    assert wide[1] < tight[1]
    assert wide[0] > tight[0] and wide[2] > tight[2]
    assert np.allclose(
        risk.liquidity_adjusted_weights(volatility, np.zeros(3)) * volatility, tight[0] * 0 + 1 / (1 / volatility).sum()
    )
