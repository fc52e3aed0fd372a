"""Black and Litterman: what a market must expect for its weights to be right, and what opinions make of that."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Posterior(NamedTuple):
    """Expected excess returns (k,) per year, and the covariance (k, k) of returns that are uncertain around them."""

    excess: Floats
    covariance: Floats


def implied_excess(market: Floats, covariance: Floats, aversion: float) -> Floats:
    """(k,) excess returns for which an investor of this risk aversion holds the market weights (k,)."""
    return np.asarray(aversion * np.einsum("ij,j->i", covariance, market))


def opinion_variance(picks: Floats, covariance: Floats, tau: float, confidence: Floats) -> Floats:
    """(v,) variance of the error of each opinion, from a confidence in (0, 1]: 1 is certain, 0.5 as sure as the market.

    Idzorek, in Satchell, Forecasting Expected Returns, 2007; 0.5 is the choice of He and Litterman (1999).
    """
    own = np.einsum("vi,ij,vj->v", picks, covariance, picks)
    return np.asarray(tau * own * (1.0 - confidence) / confidence)


def posterior(
    prior: Floats, covariance: Floats, picks: Floats, opinions: Floats, variance: Floats, tau: float = 0.05
) -> Posterior:
    """Combine the market's expectations with opinions (Black and Litterman, Financial Analysts J. 48, 1992).

    prior: (k,) excess returns. picks: (v, k) portfolios that opinions are about. opinions: (v,) their expected excess
    returns. variance: (v,) of the opinions' errors. tau: variance of the prior over that of returns.
    """
    reach = tau * np.einsum("ij,vj->iv", covariance, picks)
    blend = np.einsum("vi,iu->vu", picks, reach) + np.diag(variance)
    gain = np.linalg.lstsq(blend, reach.T, rcond=1e-14)[0].T
    excess = prior + np.einsum("iv,v->i", gain, opinions - np.einsum("vi,i->v", picks, prior))
    error = tau * covariance - np.einsum("iv,jv->ij", gain, reach)
    return Posterior(excess, covariance + 0.5 * (error + error.T))
