"""Losses that leveraged units pass on by selling: aggregate vulnerability and what each unit contributes to it.

Greenwood, Landier and Thesmar, Vulnerable banks, Journal of Financial Economics 115, 2015: after a shock every unit
returns to its leverage by selling in proportion to what it holds, the sales move prices in proportion to their size,
and everybody holds the same assets.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class FireSale(NamedTuple):
    """What one round of sales costs, as shares of equity; losses are positive.

    Attributes
    ----------
    direct: the shock itself, over total equity.
    aggregate: aggregate vulnerability, losses through sales over total equity.
    systemicness: (n,) part of `aggregate` that each unit's own sales make; they sum to it.
    indirect: (n,) losses of each unit through everybody's sales over its own equity; NaN without equity.
    """

    direct: float
    aggregate: float
    systemicness: Floats
    indirect: Floats


def fire_sale(
    assets: Floats,
    equity: Floats,
    impact: Floats,
    shock: Floats,
    owed: Floats | None = None,
    most_leverage: float = math.inf,
) -> FireSale:
    """One round of sales after a shock.

    Parameters
    ----------
    assets: (n, k) USD of each asset that each unit holds, >= 0. equity: (n,) USD.
    impact: (k,) relative price change per USD traded. shock: (k,) relative price changes, below zero in a fall.
    owed: (n, k) USD of each asset that each unit owes; its price changes are gains when negative. None: only money.
    most_leverage: debt over equity counts up to here. Units without equity target nothing and sell nothing.
    """
    net = assets if owed is None else assets - owed
    leverage = _leverage(assets, equity, most_leverage)
    first = np.einsum("nk,k->n", net, shock)
    price_moves = (leverage * first)[:, None] * _weights(assets) * impact
    losses = -np.einsum("nk,jk->nj", price_moves, net)
    total = float(np.maximum(equity, 0.0).sum())
    if total <= 0.0:
        nothing = np.full(equity.size, np.nan)
        return FireSale(math.nan, math.nan, nothing, nothing)
    aggregate = -float(np.einsum("jk,k->", net, price_moves.sum(axis=0))) / total
    solvent = np.where(equity > 0.0, equity, np.nan)
    return FireSale(-float(first.sum()) / total, aggregate, losses.sum(axis=1) / total, losses.sum(axis=0) / solvent)


def rebalancing_matrix(
    assets: Floats,
    equity: Floats,
    impact: Floats,
    owed: Floats | None = None,
    most_leverage: float = math.inf,
) -> Floats:
    """(k, k) relative price change of each asset that leverage targeting adds per relative price change of each asset.

    Rounds of sales die out while its spectral radius is below one (Forer and others, arXiv 2501.19260). Arguments as in
    `fire_sale`.
    """
    net = assets if owed is None else assets - owed
    scale = _leverage(assets, equity, most_leverage)
    return np.asarray(np.einsum("k,nk,n,nl->kl", impact, _weights(assets), scale, net))


def spectral_radius(matrix: Floats) -> float:
    """Largest absolute eigenvalue of a square matrix; NaN if an entry is not finite."""
    if not np.isfinite(matrix).all():
        return math.nan
    return float(np.abs(np.linalg.eigvals(matrix)).max(initial=0.0))


def _leverage(assets: Floats, equity: Floats, most: float) -> Floats:
    solvent = np.where(equity > 0.0, equity, 1.0)
    debt = np.where(equity > 0.0, assets.sum(axis=1) - equity, 0.0)
    return np.asarray(np.clip(debt, 0.0, most * solvent) / solvent)


def _weights(assets: Floats) -> Floats:
    total = assets.sum(axis=1, keepdims=True)
    return np.divide(assets, total, out=np.zeros_like(assets), where=total > 0.0)
