import itertools
import warnings

import numpy as np
import pytest

from sim.math.forecast.regimes import Regimes, fit_regimes, hamilton, mean_ahead, smooth

TRUE = Regimes((0.5, 6.0), (0.98, 0.93))


def simulated(model=TRUE, n=3_000, seed=2):
    rng = np.random.default_rng(seed)
    state, states = 0, np.empty(n, dtype=int)
    for t in range(n):
        states[t] = state
        state = state if rng.random() < model.stay[state] else 1 - state
    return states, rng.standard_normal(n) * np.sqrt(np.array(model.variance)[states])


def oracle(model, start):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from hmmlearn.hmm import GaussianHMM
    hmm = GaussianHMM(2, "diag", init_params="", params="")
    hmm.startprob_, hmm.transmat_ = start, model.moves
    hmm.means_, hmm.covars_ = np.zeros((2, 1)), np.array(model.variance)[:, None]
    return hmm


def test_posterior_and_likelihood_are_those_of_hmmlearn():
    _, returns = simulated()
    theirs = oracle(TRUE, TRUE.shares)
    ours = hamilton(returns, TRUE)
    assert smooth(ours.probability, TRUE) == pytest.approx(theirs.predict_proba(returns[:, None]), abs=1e-8)
    assert ours.log_likelihood == pytest.approx(theirs.score(returns[:, None]), rel=1e-12)
    for end in (1, 2, 10, 500):
        assert ours.probability[end - 1] == pytest.approx(theirs.predict_proba(returns[:end, None])[-1], abs=1e-8)


def test_filter_is_bayes_rule_over_every_path_of_regimes():
    returns, start = np.array([0.2, -3.0, 0.4, 2.5, -0.1]), np.array([0.3, 0.7])
    deviation = np.sqrt(TRUE.variance)
    weight = np.zeros(2)
    for path in itertools.product((0, 1), repeat=returns.size):
        chance = start[path[0]] * np.prod([TRUE.moves[i, j] for i, j in itertools.pairwise(path)])
        s = deviation[list(path)]
        weight[path[-1]] += chance * np.prod(np.exp(-0.5 * (returns / s) ** 2) / (s * np.sqrt(2.0 * np.pi)))
    found = hamilton(returns, TRUE, start)
    assert found.probability[-1] == pytest.approx(weight / weight.sum(), rel=1e-12)
    assert found.log_likelihood == pytest.approx(np.log(weight.sum()), rel=1e-12)


def test_fit_finds_the_regimes_that_made_the_sample_and_tells_them_apart():
    states, returns = simulated()
    model = fit_regimes(returns)
    assert model.variance == pytest.approx(TRUE.variance, rel=0.25)
    assert model.stay == pytest.approx(TRUE.stay, abs=0.02)
    assert hamilton(returns, model).log_likelihood >= hamilton(returns, TRUE).log_likelihood
    wild = hamilton(returns, model).probability[:, 1]
    ranks = wild.argsort().argsort()[states == 1] + 1
    auc = (ranks.sum() - ranks.size * (ranks.size + 1) / 2) / (ranks.size * (states == 0).sum())
    assert auc > 0.9


@pytest.mark.parametrize("outlier", [30.0, 1e4])
def test_a_return_far_out_is_wild_and_no_number_is_lost(outlier):
    found = hamilton(np.array([0.1, outlier, 0.1]), TRUE)
    assert found.probability[1, 1] == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(found.log_likelihood)


@pytest.mark.parametrize("returns", [np.zeros(50), np.array([0.1]), np.full(30, 0.2)], ids=["zero", "one", "equal"])
def test_too_little_to_fit_gives_one_variance(returns):
    model = fit_regimes(returns)
    assert np.all(np.isfinite(model.variance))
    assert mean_ahead(model, model.shares, 5) == pytest.approx((returns**2).mean(), rel=1e-6)


@pytest.mark.parametrize("horizon", [1, 2, 9, 300])
def test_mean_ahead_is_the_mean_over_powers_of_the_transition_matrix(horizon):
    now = np.array([0.1, 0.9])
    steps = [now @ np.linalg.matrix_power(TRUE.moves, k) @ TRUE.variance for k in range(1, horizon + 1)]
    assert mean_ahead(TRUE, now, horizon) == pytest.approx(np.mean(steps), rel=1e-11)
