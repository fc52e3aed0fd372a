"""Risk in numbers: tail losses, systemic shares, scenario ladders, and reward for risk.

Value at risk and expected shortfall are losses: positive when money is lost, in the unit of what they are taken of.
Delta-CoVaR and marginal expected shortfall are returns: negative when the system suffers.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

_NORMAL = NormalDist()


def historical_var(returns: NDArray[np.float64], level: float = 0.95) -> float:
    """Smallest loss that at least a share `level` of the sample does not exceed; NaN without returns."""
    losses = np.sort(-returns)
    return float(losses[_rank(losses.size, level)]) if losses.size else float("nan")


def historical_es(returns: NDArray[np.float64], level: float = 0.95) -> float:
    """Mean loss over the worst 1 - level of the sample, splitting the return at the edge (Acerbi and Tasche, 2002).

    Never below `historical_var` at the same level. NaN without returns.
    """
    losses = np.sort(-returns)
    if not losses.size:
        return float("nan")
    edge = _rank(losses.size, level)
    beyond = losses[edge + 1 :] - losses[edge]
    return float(losses[edge] + beyond.sum() / ((1.0 - level) * losses.size))


def _rank(count: int, level: float) -> int:
    # 0.95 of 100 is the 95th loss, though 0.95 * 100 rounds to 95.00000000000001 for some pairs.
    return min(count - 1, max(0, math.ceil(level * count * (1.0 - 1e-12)) - 1))


def _student_quantile(dof: float, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(dof, level))


def var_factor(level: float = 0.95, dof: float = math.inf) -> float:
    """Value at risk of a loss of mean zero and standard deviation one.

    dof: degrees of freedom of a Student law, above 2; infinite for a normal law.
    """
    if math.isinf(dof):
        return _NORMAL.inv_cdf(level)
    return _student_quantile(dof, level) * math.sqrt((dof - 2.0) / dof)


def es_factor(level: float = 0.95, dof: float = math.inf) -> float:
    """Expected shortfall of a loss of mean zero and standard deviation one; settings as in `var_factor`.

    McNeil, Frey and Embrechts, Quantitative Risk Management, 2015, examples 2.14 and 2.15.
    """
    if math.isinf(dof):
        return _NORMAL.pdf(_NORMAL.inv_cdf(level)) / (1.0 - level)
    quantile = _student_quantile(dof, level)
    log_peak = math.lgamma(0.5 * (dof + 1.0)) - math.lgamma(0.5 * dof) - 0.5 * math.log(dof * math.pi)
    density = math.exp(log_peak - 0.5 * (dof + 1.0) * math.log1p(quantile * quantile / dof))
    return density / (1.0 - level) * (dof + quantile * quantile) / (dof - 1.0) * math.sqrt((dof - 2.0) / dof)


def elliptical_var(mean: float, deviation: float, level: float = 0.95, dof: float = math.inf) -> float:
    """Value at risk of an elliptical return; for a portfolio w'mu and sqrt(w' Sigma w)."""
    return var_factor(level, dof) * deviation - mean


def elliptical_es(mean: float, deviation: float, level: float = 0.95, dof: float = math.inf) -> float:
    """Expected shortfall of an elliptical return; for a portfolio w'mu and sqrt(w' Sigma w)."""
    return es_factor(level, dof) * deviation - mean


def liquidity_adjusted_var(
    var: float, wealth: float, spread_mean: float, spread_deviation: float, worst: float = 3.0
) -> float:
    """Value at risk plus half the spread in bad times (Bangia, Diebold, Schuermann and Stroughair, 1999).

    var, wealth: in USD. spread_mean, spread_deviation: of the relative bid-ask spread. worst: how many deviations above
    its mean the spread stands when everybody sells; 2 to 4.5 in the paper.
    """
    return var + 0.5 * wealth * (spread_mean + worst * spread_deviation)


def liquidity_adjusted_weights(
    volatility: NDArray[np.float64], spread: NDArray[np.float64], level: float = 0.95
) -> NDArray[np.float64]:
    """Weights inversely proportional to each asset's liquidity-adjusted value at risk per USD, summing to one.

    volatility: (k,) of returns over the horizon. spread: (k,) relative bid-ask spread in bad times.
    """
    adjusted = var_factor(level) * volatility + 0.5 * spread
    return np.asarray(1.0 / adjusted / (1.0 / adjusted).sum())


def gaussian_delta_covar(correlation: float, tail: float = 0.05, deviation: float = 1.0) -> float:
    """How much the system's `tail` quantile falls when one institution moves from its median to its own `tail`.

    Adrian and Brunnermeier, American Economic Review 106, 2016. deviation: of the system's return.
    """
    return correlation * deviation * _NORMAL.inv_cdf(tail)


def gaussian_mes(correlation: float, tail: float = 0.05, deviation: float = 1.0) -> float:
    """Expected return of one institution while the system is below its `tail` quantile.

    Acharya, Pedersen, Philippon and Richardson, Review of Financial Studies 30, 2017. deviation: of its own return.
    """
    return -correlation * deviation * _NORMAL.pdf(_NORMAL.inv_cdf(tail)) / tail


def sample_mes(own: NDArray[np.float64], system: NDArray[np.float64], tail: float = 0.05) -> float:
    """Mean of `own` over the worst `tail` of `system`'s returns, at least one of them; NaN without returns."""
    if not system.size:
        return float("nan")
    worst = np.argsort(system, kind="stable")[: max(1, math.floor(tail * system.size * (1.0 + 1e-12)))]
    return float(own[worst].mean())


def absorption_ratio(covariance: NDArray[np.float64], components: int = 1) -> float:
    """Share of total variance in the largest principal components (Kritzman et al., J. Portfolio Management 37, 2011).

    For n assets of one variance and one correlation rho >= 0: (1 + (n - 1) rho + (components - 1)(1 - rho)) / n.
    """
    total = float(np.trace(covariance))
    top = np.linalg.eigvalsh(covariance)[::-1][:components]
    return float(top.sum()) / total if total > 0.0 else float("nan")


def scenario_ladder(delta: ArrayLike, gamma: ArrayLike, spot: ArrayLike, moves: ArrayLike) -> NDArray[np.float64]:
    """(m,) USD gained by a book when all its assets move together, to second order.

    delta: (k,) USD per USD of each asset's price. gamma: (k,) delta per USD. spot: (k,) USD. moves: (m,) relative.
    """
    change = np.multiply.outer(np.asarray(moves, dtype=np.float64), np.atleast_1d(np.asarray(spot, dtype=np.float64)))
    return (np.asarray(delta) * change + 0.5 * np.asarray(gamma) * change * change).sum(axis=-1)


def gamma_floor(loss: float, spot: float, move: float) -> float:
    """Most negative gamma with which a delta-neutral book loses at most `loss` USD over a relative `move`."""
    return -2.0 * loss / (spot * move) ** 2


def sharpe(returns: NDArray[np.float64], per_year: float, riskless: float = 0.0) -> float:
    """Mean excess return over its standard deviation, annualised (Sharpe, J. Portfolio Management 21, 1994).

    returns: (n,) simple returns per period. per_year: periods in a year. riskless: rate per year. Zero where nothing
    was gained and nothing risked; infinite where something was gained at no risk.
    """
    excess = returns - riskless / per_year
    return _ratio(excess, float(excess.std(ddof=1)) if excess.size > 1 else 0.0, per_year)


def sortino(returns: NDArray[np.float64], per_year: float, target: float = 0.0) -> float:
    """Mean return above a target over the root mean square of shortfalls below it, annualised (Sortino, Price 1994).

    target: rate per year. Otherwise as `sharpe`; infinite where nothing fell short.
    """
    excess = returns - target / per_year
    shortfall = np.minimum(excess, 0.0)
    return _ratio(excess, float(np.sqrt((shortfall * shortfall).mean())) if excess.size else 0.0, per_year)


def calmar(growth: float, drawdown: float) -> float:
    """Return per year over the largest drawdown, both as shares of wealth (Young, Futures 1991)."""
    return _over(growth, drawdown)


def _ratio(excess: NDArray[np.float64], risk: float, per_year: float) -> float:
    mean = float(excess.mean()) if excess.size else 0.0
    # Rounding of equal returns is no risk.
    return _over(mean, risk if risk > 1e-14 * abs(mean) else 0.0) * math.sqrt(per_year)


def _over(reward: float, risk: float) -> float:
    if risk > 0.0:
        return reward / risk
    return math.copysign(math.inf, reward) if reward else 0.0
