"""The Cholesky factor and what is mixed with it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ConfigError
from sim.math.correlation import correlated_normals, correlation_factor


def random_correlation(size, rank, seed):
    loadings = np.random.default_rng(seed).standard_normal((size, rank))
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    matrix = loadings @ loadings.T
    matrix = 0.5 * (matrix + matrix.T)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def names(size):
    return [f"A{i}" for i in range(size)]


def generators(labels):
    return {label: np.random.default_rng([7, int(label[1:])]) for label in labels}


@given(size=st.integers(1, 12), seed=st.integers(0, 10_000))
def test_factor_of_a_regular_matrix_is_the_cholesky_factor(size, seed):
    matrix = random_correlation(size, size + 3, seed)
    factor = correlation_factor(matrix, names(size))
    assert np.allclose(factor, np.linalg.cholesky(matrix), atol=1e-7)
    assert np.array_equal(factor, np.tril(factor))


@given(size=st.integers(2, 10), seed=st.integers(0, 10_000), data=st.data())
def test_singular_matrices_are_factored(size, seed, data):
    rank = data.draw(st.integers(1, size - 1))
    matrix = random_correlation(size, rank, seed)
    factor = correlation_factor(matrix, names(size))
    assert np.allclose(factor @ factor.T, matrix, atol=1e-4)


def test_perfect_correlation_gives_equal_or_opposite_normals():
    draws = correlated_normals(generators(names(3)), [[1, 1, -1], [1, 1, -1], [-1, -1, 1]], 50)
    assert np.array_equal(draws[:, 0], draws[:, 1])
    assert np.array_equal(draws[:, 0], -draws[:, 2])


@given(size=st.integers(1, 8), seed=st.integers(0, 1000))
def test_factor_of_the_first_assets_does_not_depend_on_the_rest(size, seed):
    matrix = random_correlation(size + 1, size + 4, seed)
    whole = correlation_factor(matrix, names(size + 1))
    assert np.array_equal(whole[:size, :size], correlation_factor(matrix[:size, :size], names(size)))


@given(size=st.integers(1, 8), seed=st.integers(0, 1000), ticks=st.integers(1, 40))
def test_an_asset_at_the_end_changes_no_bit_of_the_others(size, seed, ticks):
    matrix = random_correlation(size + 1, size + 4, seed)
    more = correlated_normals(generators(names(size + 1)), matrix, ticks)
    fewer = correlated_normals(generators(names(size)), matrix[:size, :size], ticks)
    assert np.array_equal(more[:, :size], fewer)


def test_no_correlation_is_the_identity():
    labels = names(4)
    draws = correlated_normals(generators(labels), None, 30)
    own = np.stack([rng.standard_normal(30) for rng in generators(labels).values()], axis=1)
    assert np.array_equal(draws, own)
    assert np.array_equal(draws, correlated_normals(generators(labels), np.eye(4), 30))


def test_realised_correlation():
    matrix = random_correlation(5, 6, 3)
    draws = correlated_normals(generators(names(5)), matrix, 200_000)
    assert np.abs(np.corrcoef(draws.T) - matrix).max() < 4.0 / np.sqrt(200_000)
    assert np.abs(draws.std(axis=0) - 1.0).max() < 0.01


def test_contradicting_correlations_name_the_asset_and_a_factor_that_works():
    matrix = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.5], [0.9, -0.5, 1.0]])
    with pytest.raises(ConfigError) as caught:
        correlation_factor(matrix, ["BTC", "ETH", "SOL"])
    text = str(caught.value)
    assert "not positive semidefinite (smallest eigenvalue -0.547)" in text
    assert "those of SOL (BTC 0.9, ETH -0.5) contradict the ones among BTC, ETH" in text
    assert "Multiply all off-diagonal entries by 0.646 or less" in text
    shrunk = np.eye(3) + 0.646 * (matrix - np.eye(3))
    assert np.allclose(correlation_factor(shrunk, ["BTC", "ETH", "SOL"])[0], [1, 0, 0])


def test_contradiction_behind_a_perfect_correlation_is_found():
    matrix = np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 0.4], [0.5, 0.4, 1.0]])
    with pytest.raises(ConfigError, match=r"those of SOL \(BTC 0\.5, WBTC 0\.4\) contradict"):
        correlation_factor(matrix, ["BTC", "WBTC", "SOL"])


@pytest.mark.parametrize(
    ("matrix", "text"),
    [
        (np.eye(3), r"correlation has shape \(3, 3\); 2 assets \(BTC, ETH\) need \(2, 2\)"),
        ([[1.0, 0.5], [0.5, 0.9]], "correlation of ETH with itself is 0.9; it must be 1"),
        ([[1.0, 1.5], [1.5, 1.0]], "correlation of BTC and ETH is 1.5; allowed: -1 to 1"),
        ([[1.0, np.nan], [np.nan, 1.0]], "correlation of BTC and ETH is nan; allowed: -1 to 1"),
        ([[1.0, 0.5], [0.4, 1.0]], "given as both 0.5 and 0.4; the matrix must be symmetric"),
    ],
)
def test_what_is_no_correlation_matrix_is_refused(matrix, text):
    with pytest.raises(ConfigError, match=text):
        correlation_factor(matrix, ["BTC", "ETH"])
