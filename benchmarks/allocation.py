"""Portfolio choice: one solve at a time beside the libraries, and a year of 300 allocators that all solve every hour.

Libraries stop at the tolerance of their solvers, so weights are compared with a tolerance before anything is timed;
what the race compares bit for bit is which problems were solved. Libraries are given what they need in the form they
ask for; building that is not timed, building their model is, because it cannot be used twice.
"""

import warnings
from collections.abc import Callable
from functools import cache
from time import process_time
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.rules.equal_risk_contribution import EqualRiskContribution
from agents.rules.hrp import HierarchicalRiskParity
from agents.rules.maximum_sharpe import MaximumSharpe
from agents.rules.minimum_variance import MinimumVariance
from benchmarks.harness import Contender, Figure, Job, Report, Timing, race, ratio
from sim.fields import Duration
from sim.interfaces import AllocatorView
from sim.math.portfolio.budgets import risk_budget_weights
from sim.math.portfolio.hierarchy import hierarchical_weights
from sim.math.portfolio.kernels import ANY, EXACT, solve_portfolios
from sim.math.portfolio.quadratic import maximum_sharpe_weights, minimum_variance_weights

NAME = "allocation"
TITLE = "Portfolios of 20 assets, one solve at a time"
ASSETS, PROBLEMS, ROUNDS = 20, 8, 50
"""Assets, different problems, and how often a repetition solves each of them."""
TARGET = 200.0
"""Times as fast as the fastest library."""
YEAR_TARGET = 5.0
"""Seconds of a year of allocators."""
ALLOCATORS, HOURS, HELD, WINDOW = 300, 8_760, 5, 168
TOLERANCE = 1e-4
"""Absolute, of weights; solvers behind the libraries stop at 1e-5 or so."""
Floats = NDArray[np.float64]


class Problem(NamedTuple):
    """What portfolios are made of: (t, k) returns, their mean and covariance, and the same as the libraries like it."""

    returns: Floats
    mean: Floats
    covariance: Floats
    frame: Any


Solver = Callable[[Problem], Floats]


@cache
def problems(count: int = PROBLEMS) -> list[Problem]:
    """Random markets with a common factor, in which every asset is expected to earn something."""
    from pandas import DataFrame

    found = []
    for seed in range(count):
        rng = np.random.default_rng([11, seed])
        moves = 0.4 * rng.standard_normal((200, 1)) + rng.standard_normal((200, ASSETS))
        returns = 0.3 * moves * rng.uniform(0.4, 1.0, ASSETS)
        returns += rng.uniform(0.015, 0.06, ASSETS) - returns.mean(axis=0)
        covariance = np.cov(returns.T)
        found.append(Problem(returns, returns.mean(axis=0), covariance, DataFrame(covariance)))
    return found


def _frontier(problem: Problem) -> Any:
    from pypfopt import EfficientFrontier

    return EfficientFrontier(problem.mean, problem.covariance, solver="CLARABEL")


def _pypfopt(kind: str) -> Solver:
    def solve(problem: Problem) -> Floats:
        model = _frontier(problem)
        getattr(model, kind)()
        return np.asarray(model.weights)

    return solve


def _pypfopt_hierarchy(problem: Problem) -> Floats:
    from pypfopt import HRPOpt

    found = HRPOpt(cov_matrix=problem.frame).optimize()
    return np.array([found[i] for i in range(ASSETS)])


def _skfolio(kind: str) -> Solver:
    """skfolio estimates mean and covariance itself, in a small part of its time."""

    def solve(problem: Problem) -> Floats:
        from skfolio import RiskMeasure
        from skfolio import optimization as o

        variance = {"risk_measure": RiskMeasure.VARIANCE}
        model = {
            "variance": lambda: o.MeanRisk(**variance),
            "sharpe": lambda: o.MeanRisk(objective_function=o.ObjectiveFunction.MAXIMIZE_RATIO, **variance),
            "budgets": lambda: o.RiskBudgeting(**variance),
        }[kind]()
        return np.asarray(model.fit(problem.returns).weights_)

    return solve


EQUAL = np.full(ASSETS, 1.0 / ASSETS)
KINDS: dict[str, dict[str, Solver]] = {
    "minimum variance": {
        "compiled": lambda problem: minimum_variance_weights(problem.covariance),
        "PyPortfolioOpt": _pypfopt("min_volatility"),
        "skfolio": _skfolio("variance"),
    },
    "maximum Sharpe": {
        "compiled": lambda problem: maximum_sharpe_weights(problem.mean, problem.covariance),
        "PyPortfolioOpt": _pypfopt("max_sharpe"),
        "skfolio": _skfolio("sharpe"),
    },
    "equal risk contribution": {
        "compiled": lambda problem: risk_budget_weights(problem.covariance, EQUAL),
        "skfolio": _skfolio("budgets"),
    },
    "HRP": {
        "compiled": lambda problem: hierarchical_weights(problem.covariance),
        "PyPortfolioOpt": _pypfopt_hierarchy,
    },
}
"""By portfolio and contender; the first is ours. skfolio halves the tree otherwise, so its HRP is another portfolio."""


def contenders(scale: float = 1.0, kind: str = "minimum variance") -> list[Contender]:
    """Every way to find one kind of portfolio; ours solves the problems many times over to be worth timing."""
    set_ = problems(max(1, round(PROBLEMS * min(scale, 1.0))))
    rounds = max(1, round(ROUNDS * min(scale, 1.0)))
    compiled = KINDS[kind]["compiled"]
    truth = [compiled(problem) for problem in set_]

    def prepare(solve: Solver, times: int) -> Job:
        found: list[Floats] = []

        def work() -> None:
            for _ in range(times):
                found[:] = [solve(problem) for problem in set_]

        def quietly() -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # libraries warn of what their own dependencies will change
                work()

        def answer() -> dict[str, Any]:
            return {"solved": np.abs(np.array(found) - truth).max(axis=1) <= TOLERANCE}

        return Job(work if solve is compiled else quietly, answer)

    return [
        Contender(
            name if kind == "minimum variance" else f"{name}, {kind}",
            lambda s=solve, t=rounds if solve is compiled else 1: prepare(s, t),
            len(set_) * (rounds if solve is compiled else 1),
            15 if solve is compiled else 5,
        )
        for name, solve in KINDS[kind].items()
    ]


def prices(hours: int) -> Floats:
    """(hours + 1, HELD) hourly prices with a common factor."""
    rng = np.random.default_rng(12)
    moves = 0.004 * (rng.standard_normal((hours, 1)) + rng.standard_normal((hours, HELD))) * np.linspace(0.5, 1.5, HELD)
    return np.exp(np.vstack([np.zeros(HELD), np.cumsum(moves, axis=0)]))


def own_beliefs(hours: int, count: int) -> float:
    """Processor seconds in which allocators of 4 kinds, each with a half-life of its own, solve every hour."""
    returns, quarter = np.diff(np.log(prices(hours)), axis=0), max(1, count // 4)
    decay = 0.5 ** (1.0 / np.linspace(12.0, 500.0, 4 * quarter))
    covariance, mean = np.tile(1e-5 * np.eye(HELD), (4 * quarter, 1, 1)), np.full((4 * quarter, HELD), 1e-5)
    weights, steps = np.empty((4 * quarter, HELD)), np.empty(quarter, np.int64)
    nothing, zero, no_bound = np.zeros((quarter, HELD)), np.zeros(HELD), np.full(HELD, np.inf)
    equal = np.full(HELD, 1.0 / HELD)
    start = process_time()
    for move in returns:
        covariance *= decay[:, None, None]
        covariance += (1.0 - decay)[:, None, None] * np.multiply.outer(move, move)
        mean += (1.0 - decay)[:, None] * (move - mean)
        safe, sharp, even, tree = (covariance[i * quarter : (i + 1) * quarter] for i in range(4))
        rows = [weights[i * quarter : (i + 1) * quarter] for i in range(4)]
        solve_portfolios(safe, nothing, zero, no_bound, nothing, zero, 1.0, EXACT, rows[0], steps)
        solve_portfolios(sharp, -mean[quarter : 2 * quarter], zero, no_bound, nothing, zero, 1.0, ANY, rows[1], steps)
        rows[2][:] = risk_budget_weights(even, equal)
        rows[3][:] = hierarchical_weights(tree)
    return process_time() - start


def through_rules(hours: int, count: int) -> float:
    """Processor seconds in which four populations ask their rules for weights every hour, estimates included."""
    path, window = prices(hours), Duration(WINDOW * 3_600.0)
    rules = [
        rule(window=window) for rule in (MinimumVariance, MaximumSharpe, EqualRiskContribution, HierarchicalRiskParity)
    ]
    quarter = max(1, count // 4)
    current, wealth, names = np.zeros((quarter, HELD)), np.ones(quarter), [f"A{i}" for i in range(HELD)]
    start = process_time()
    for hour in range(1, hours + 1):
        world = SimpleNamespace(
            dt_years=1.0 / 8_760.0,
            history=lambda asset, ticks, end=hour + 1: path[max(0, end - ticks - 1) : end, asset],
        )
        view = AllocatorView(np.arange(quarter), current, wealth, path[hour], names, list(range(HELD)), world)
        for rule in rules:
            rule.weights(view)
    return process_time() - start


def run(scale: float = 1.0) -> Report:
    """Times per solve, how many times the fastest library takes, and seconds of a year."""
    figures = []
    for kind in KINDS:
        ours, *libraries = race(contenders(scale, kind))
        figures += [_taken(kind, each) for each in (ours, *libraries)]
        fastest = max(libraries, key=lambda timing: timing.median)
        figures.append(ratio(f"{kind}: over {fastest.name.split(',')[0]}", ours, fastest, TARGET))
    hours, count = max(2, int(HOURS * min(scale, 1.0))), max(4, int(ALLOCATORS * min(scale, 1.0)))
    own_beliefs(2, 4)
    year = f"{count} allocators x {hours:,} hours x {HELD} assets"
    figures += [
        Figure(f"{year}, a covariance each", own_beliefs(hours, count), "s", YEAR_TARGET, at_most=True),
        Figure(f"{year}, four rules", through_rules(hours, count), "s", YEAR_TARGET, at_most=True),
    ]
    notes = [
        "a covariance each: every allocator updates its own and solves, a quarter each for the four portfolios above",
        "four rules: rule.weights() as a run calls it, estimates over a week included, for four populations",
    ]
    return Report(NAME, TITLE, figures, f"weights of all problems, to {TOLERANCE:g}", notes)


def _taken(kind: str, timing: Timing) -> Figure:
    label = f"{kind}: {timing.name.split(',')[0]}"
    return Figure(label, 1e6 / timing.median, "us per solve", detail=f"best {1e6 / timing.best:.4g}")
