import numpy as np
import pytest

from sim.math.forecast.regression import feature_table, train

WINDOWS = [1, 5, 25]


class Linear:
    """Least squares with an intercept, with the interface of scikit-learn."""

    def fit(self, features, target):
        design = np.column_stack([np.ones(len(features)), features])
        self.coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
        return self

    def predict(self, features):
        return self.coefficients[0] + features @ self.coefficients[1:]


class Constant:
    def fit(self, features, target):
        return self

    def predict(self, features):
        return np.zeros(len(features))


def sample(n=2_000, seed=0):
    rng = np.random.default_rng(seed)
    level = np.exp(np.cumsum(rng.normal(0.0, 0.1, n)) * 0.3)
    return rng.standard_normal(n) * level


def test_features_are_logs_of_mean_squares_over_the_longest_window():
    returns = sample(30)
    table = feature_table(returns, WINDOWS)
    assert table.shape == (6, 2)
    longest = (returns[-25:] ** 2).mean()
    expected = [np.log((returns[-window:] ** 2).mean() / longest) for window in (1, 5)]
    assert table[-1] == pytest.approx(expected, rel=1e-9)


def test_training_looks_at_nothing_that_comes_after_the_target():
    returns = sample()
    seen = {}

    class Spy(Linear):
        def fit(self, features, target):
            seen["rows"], seen["target"] = features.copy(), target.copy()
            return super().fit(features, target)

    train(Spy(), returns, WINDOWS, 4)
    assert len(seen["rows"]) == returns.size - 25 - 4 + 1
    for place in (0, 7, len(seen["rows"]) - 1):
        past, future = returns[place : place + 25], returns[place + 25 : place + 29]
        assert seen["rows"][place] == pytest.approx(feature_table(past, WINDOWS)[0], rel=1e-6, abs=1e-6)
        ratio = (future**2).mean() / (past**2).mean()
        assert seen["target"][place] == pytest.approx(np.log(max(ratio, 1e-6)), rel=1e-6, abs=1e-6)


def test_forecast_does_not_depend_on_the_level():
    learned = train(Linear(), sample(), WINDOWS, 1)
    fresh = sample(seed=9)
    assert learned.forecast(1e-3 * fresh) == pytest.approx(1e-6 * learned.forecast(fresh), rel=1e-9)


def test_a_regressor_that_knows_nothing_forecasts_the_mean_square_on_average():
    returns = np.random.default_rng(3).standard_normal(5_000)
    learned = train(Constant(), returns, [5, 25], 5)
    made = [learned.forecast(returns[:t]) for t in range(500, 5_000, 25)]
    assert np.mean(made) == pytest.approx(1.0, rel=0.1)


def test_before_the_longest_window_is_full_it_is_the_plain_mean_square():
    learned = train(Linear(), sample(), WINDOWS, 1)
    assert learned.forecast(np.array([1.0, -3.0])) == 5.0


@pytest.mark.parametrize(
    ("size", "windows", "horizon"), [(30, [1, 25], 1), (500, [5, 1], 1), (500, [5], 1), (500, [5, 5], 1)]
)
def test_too_few_examples_or_odd_windows_are_refused(size, windows, horizon):
    with pytest.raises(ValueError, match="two or more rising windows and a sample with at least ten examples"):
        train(Linear(), sample(size), windows, horizon)
