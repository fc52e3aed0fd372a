"""Stylised facts of returns: laws that must fail them do, for the right reason, and one that has them passes.

A test of tails and memory that a geometric Brownian motion or a GARCH(1,1) can pass would prove nothing about prices
that agents make.
"""

import numpy as np
import pytest

from sim.math.stylised import stylised_facts
from sim.math.tails import aggregated_kurtosis
from sim.processes.gbm import GeometricBrownianMotion
from sim.processes.merton import Merton

TICKS = 50_000
FACTS = {"fat_tails", "no_linear_memory", "clustering", "power_law", "aggregation"}
LAGS = [1, 5, 10, 20, 50, 100]


def garch(paths, ticks=TICKS, alpha=0.1, beta=0.88, dof=4, seed=1):
    """(paths, ticks) returns of a GARCH(1,1) with Student innovations of unit variance; its own variance is one."""
    shocks = np.random.default_rng(seed).standard_t(dof, (ticks, paths)) * np.sqrt((dof - 2.0) / dof)
    variance = np.ones(paths)
    for row in shocks:
        scale = np.sqrt(variance)
        row *= scale
        variance = 1.0 - alpha - beta + alpha * row * row + beta * variance
    return shocks.T


def multifractal(seed, ticks=TICKS, high=1.4, levels=8, spacing=2.5, fastest=0.6):
    """Markov-switching multifractal: a product of volatility states that last ever longer (Calvet, Fisher 2004)."""
    rng = np.random.default_rng(seed)
    variance, clock = np.ones(ticks), np.arange(ticks)
    for level in range(levels):
        rate = 1.0 - (1.0 - fastest) ** (spacing ** (level - levels + 1.0))
        switches = rng.random(ticks) < rate
        states = np.where(rng.random(ticks) < 0.5, high, 2.0 - high)
        variance *= states[np.maximum.accumulate(np.where(switches, clock, 0))]
    return np.sqrt(variance) * rng.standard_normal(ticks)


def of_process(kind, seed, dt_years=1.0 / 365.0):
    """Returns of a price process of this project."""
    from datetime import UTC, datetime

    from sim.processes import PathGrid

    grid = PathGrid(TICKS, dt_years, datetime(2024, 1, 1, tzinfo=UTC), dt_years * 365 * 86_400.0, np.ones(1))
    rng = np.random.default_rng(seed)
    path = kind(name="p", assets=["A"]).log_path(grid, rng, rng.standard_normal((TICKS, 1)))
    return np.diff(path[:, 0])


def failed(returns):
    verdicts = stylised_facts(returns).passes()
    assert set(verdicts) == FACTS
    return {fact for fact, passed in verdicts.items() if not passed}


@pytest.mark.parametrize("seed", range(5))
def test_brownian_motion_fails_tails_and_clustering(seed):
    found = stylised_facts(of_process(GeometricBrownianMotion, seed))
    assert failed(of_process(GeometricBrownianMotion, seed)) == FACTS - {"no_linear_memory"}
    assert found.tail_index == pytest.approx(6.0, abs=0.6)
    assert abs(found.kurtosis) < 4.0 * np.sqrt(24.0 / TICKS)


@pytest.mark.parametrize("seed", range(3))
def test_independent_student_returns_have_tails_but_no_memory(seed):
    returns = np.random.default_rng(seed).standard_t(3, TICKS)
    assert {"clustering", "power_law"} <= failed(returns) <= {"clustering", "power_law", "no_linear_memory"}
    assert stylised_facts(returns, share=0.05).tail_index == pytest.approx(2.64, abs=0.2)
    assert stylised_facts(returns, share=0.01).tail_index == pytest.approx(2.87, abs=0.5)


def test_jumps_make_fat_tails_without_memory():
    assert {"clustering", "power_law"} <= failed(of_process(Merton, 1))
    assert "fat_tails" not in failed(of_process(Merton, 1))


def test_garch_clusters_as_published_but_forgets_exponentially():
    found = [stylised_facts(path) for path in garch(paths=16)]
    clustering = np.mean([facts.clustering for facts in found], axis=0)
    assert clustering[np.array(LAGS) - 1] == pytest.approx([0.27, 0.24, 0.22, 0.17, 0.09, 0.03], abs=0.02)
    for facts in found:
        assert facts.passes()["fat_tails"] and not facts.passes()["power_law"]
        assert not facts.memory.power_misfit < facts.memory.exponential_misfit


def test_kurtosis_of_garch_falls_with_the_horizon():
    kurtosis = np.median([aggregated_kurtosis(path) for path in garch(paths=16)], axis=0)
    assert np.all(np.diff(kurtosis) < 0.0)
    assert kurtosis[0] > 20.0 and 1.0 < kurtosis[-1] < 10.0


def test_a_multifractal_has_every_fact():
    found = [stylised_facts(multifractal(seed)) for seed in range(12)]
    passed = {fact: np.mean([facts.passes()[fact] for facts in found]) for fact in FACTS}
    assert {fact for fact, share in passed.items() if share == 1.0} >= FACTS - {"no_linear_memory"}
    assert passed["no_linear_memory"] >= 0.75
    assert all(abs(facts.linear) < facts.robust_band for facts in found)


def test_linear_memory_beyond_its_horizon_is_found_and_within_it_forgiven():
    noise = np.random.default_rng(9).standard_t(3, TICKS)
    bounced = noise[3:] - 0.5 * noise[2:-1]
    assert not stylised_facts(bounced).passes()["no_linear_memory"]
    assert stylised_facts(bounced, beyond=2).passes()["no_linear_memory"]


@pytest.mark.parametrize("returns", [np.zeros(2000), np.full(2000, 0.1), np.zeros(0)], ids=["still", "steady", "none"])
def test_what_cannot_be_measured_does_not_pass(returns):
    assert failed(returns) == FACTS
