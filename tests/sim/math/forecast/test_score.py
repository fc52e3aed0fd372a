import numpy as np
import pytest

from sim.math.forecast.score import ewma, out_of_sample, qlike


def switching(n=2_000, seed=0):
    """Returns whose variance is known: high on every second stretch of 50."""
    variance = np.where(np.arange(n) // 50 % 2, 9.0, 0.25)
    return np.random.default_rng(seed).standard_normal(n) * np.sqrt(variance), variance


def test_qlike_is_zero_at_the_truth_and_least_there():
    realised = np.array([0.5, 2.0])
    assert qlike(realised, realised) == pytest.approx([0.0, 0.0], abs=1e-15)
    assert (qlike(realised, realised * 1.1) > 0).all()
    assert (qlike(realised, realised * 0.9) > 0).all()


def test_who_knows_the_variance_beats_ewma_and_is_said_to():
    returns, variance = switching()
    score = out_of_sample(lambda seen, horizon: variance[seen.size : seen.size + horizon].mean(), returns, 200, 5)
    assert score.beats
    assert score.t > 3.0
    assert score.r_squared > 0.1
    assert score.qlike < score.ewma_qlike
    assert score.targets == 360


def test_ewma_against_itself_is_a_draw():
    score = out_of_sample(ewma, switching()[0], 200, 5)
    assert (score.qlike, score.r_squared, score.t) == (score.ewma_qlike, 0.0, 0.0)
    assert not score.beats


def test_a_worse_forecast_is_not_called_better():
    score = out_of_sample(lambda seen, horizon: 100.0 * ewma(seen), switching()[0], 200, 5)
    assert not score.beats
    assert score.r_squared < 0.0
    assert score.t < -3.0


def test_forecasts_see_the_past_alone():
    returns, _ = switching(n=300)
    lengths = []

    def watch(seen, horizon):
        lengths.append(seen.size)
        assert np.array_equal(seen, returns[: seen.size])
        return 1.0

    out_of_sample(watch, returns, 100, 20)
    assert lengths == list(range(100, 281, 20))


def test_too_few_targets_are_refused():
    with pytest.raises(ValueError, match="0 targets from 10 returns; a score needs at least two"):
        out_of_sample(ewma, np.ones(10), 9, 5)
