"""Learned choices: what can be learned is learned, and nothing is claimed where there is nothing to learn."""

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.math.forecast.choice import fit_choice, judge


def drawn(n, seed, noise):
    """Features whose sign says which of two choices is better, by the same amount as the feature is large."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, 2))
    return features, np.column_stack([features[:, 0], -features[:, 0]]) + noise * rng.standard_normal((n, 2))


def test_without_noise_the_better_choice_is_always_taken():
    policy = fit_choice(*drawn(100, 1, 0.0))
    features, results = drawn(200, 2, 0.0)
    assert np.array_equal(policy.choose(features), np.argmax(results, axis=1))
    verdict = judge(policy, features, results)
    assert verdict.learned == pytest.approx(results.max(axis=1).mean(), abs=0)
    assert verdict.beats


def test_units_of_features_do_not_matter():
    features, results = drawn(100, 1, 0.5)
    scaled = fit_choice(features * [1e6, 1e-6] + [3.0, -7.0], results)
    again = drawn(300, 2, 0.0)[0]
    assert np.array_equal(fit_choice(features, results).choose(again), scaled.choose(again * [1e6, 1e-6] + [3.0, -7.0]))


def test_noise_is_not_taken_for_knowledge():
    """Of policies fitted to nothing but noise about one in twenty seems better than both fixed choices, or fewer."""
    beats = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        features, results = rng.standard_normal((400, 3)), rng.standard_normal((400, 2))
        beats += judge(fit_choice(features[:200], results[:200]), features[200:], results[200:]).beats
    assert beats <= 16


def test_one_choice_that_dominates_is_always_taken_and_beats_nobody():
    features, results = drawn(100, 1, 0.0)
    results[:, 0] = 10.0
    verdict = judge(fit_choice(features, results), *(features, results))
    assert (verdict.best, verdict.gain, verdict.t, verdict.beats) == (0, 0.0, 0.0, False)


@pytest.mark.parametrize(("n", "m"), [(5, 4), (1, 1)])
def test_shapes_that_do_not_match_are_refused(n, m):
    with pytest.raises(ConfigError, match=r"features have shape .* and results .*; give \(n, f\) and \(n, k\)"):
        fit_choice(np.zeros((n, 2)), np.zeros((m, 3)))
