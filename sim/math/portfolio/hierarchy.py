"""Hierarchical risk parity: assets are ordered by a tree of correlations and share risk branch by branch."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import math

import numpy as np
from numpy.typing import NDArray

from sim.jit import inline, kernel

Floats = NDArray[np.float64]


def hierarchical_weights(covariance: Floats, total: float = 1.0) -> Floats:
    """(k,) or (n, k) weights of hierarchical risk parity (Lopez de Prado, J. Portfolio Management 42, 2016).

    Single linkage on the distances sqrt((1 - correlation) / 2); the leaves of the tree, in order, are halved again and
    again, and two halves share weight inversely to the variances of their inverse-variance portfolios. No matrix is
    inverted, so the covariance may be singular; its variances must be positive. Beyond three assets the order of the
    leaves depends on the order of the assets.

    covariance: (k, k) or (n, k, k). total: sum of the weights.
    """
    each = np.ascontiguousarray(covariance if covariance.ndim == 3 else covariance[None])
    weights = np.empty(each.shape[:2])
    share_by_hierarchy(each, weights)
    weights *= total
    return weights if covariance.ndim == 3 else weights[0]


@inline
def _distance(S, p, i, j):
    """Between two assets of problem p: 0 if they move as one, 1 if against each other."""
    return math.sqrt(min(max(0.5 - 0.5 * (S[p, i, j] / math.sqrt(S[p, i, i] * S[p, j, j])), 0.0), 1.0))


@inline
def _chain(S, p, near, start, end, length):
    """Prim's spanning tree as k - 1 links, each named by the asset that joined last and the one that joins."""
    k = near.size
    for i in range(k):
        near[i] = math.inf
    at = 0
    for link in range(k - 1):
        near[at] = -1.0
        best, who = math.inf, -1
        for i in range(k):
            if near[i] < 0.0:
                continue
            near[i] = min(near[i], _distance(S, p, at, i))
            if who < 0 or near[i] < best:
                best, who = near[i], i
        start[link], end[link], length[link] = at, who, best
        at = who


@inline
def _by_length(length, order, links):
    """Fill order with the links from short to long, equals as they come."""
    for a in range(links):
        b = a
        while b > 0 and length[order[b - 1]] > length[a]:
            order[b] = order[b - 1]
            b -= 1
        order[b] = a


@inline
def _merge(start, end, order, links, root, left, right):
    """Join clusters along the sorted links: cluster k + a has the branches left[a] (the older one) and right[a]."""
    k = links + 1
    for a in range(links):
        one, two = start[order[a]], end[order[a]]
        while root[one] >= 0:
            one = root[one]
        while root[two] >= 0:
            two = root[two]
        left[a], right[a] = min(one, two), max(one, two)
        root[one] = root[two] = k + a


@inline
def _leaves(left, right, links, stack, leaf):
    """Fill leaf with the assets from the leftmost leaf of the tree to the rightmost."""
    k = links + 1
    stack[0] = k + links - 1 if links else 0
    depth, found = 1, 0
    while depth:
        depth -= 1
        node = stack[depth]
        if node < k:
            leaf[found] = node
            found += 1
        else:
            stack[depth], stack[depth + 1] = right[node - k], left[node - k]
            depth += 2


@inline
def _variance(S, p, leaf, low, high):
    """Of the inverse-variance portfolio of the leaves from low to high."""
    covered = total = 0.0
    for a in range(low, high):
        i = leaf[a]
        total += 1.0 / S[p, i, i]
        covered += 1.0 / S[p, i, i]
        for b in range(low, a):
            covered += 2.0 * (S[p, i, leaf[b]] / (S[p, i, i] * S[p, leaf[b], leaf[b]]))
    return covered / (total * total)


@inline
def _bisect(S, p, leaf, stack, weights):
    """Halve the leaves until each stands alone; weights start at one."""
    k = leaf.size
    stack[0], stack[1], depth = 0, k, 1
    while depth:
        depth -= 1
        low, high = stack[2 * depth], stack[2 * depth + 1]
        if high - low < 2:
            continue
        middle = low + (high - low) // 2
        first, second = _variance(S, p, leaf, low, middle), _variance(S, p, leaf, middle, high)
        for a in range(low, high):
            weights[p, leaf[a]] *= (second if a < middle else first) / (first + second)
        stack[2 * depth], stack[2 * depth + 1] = low, middle
        stack[2 * depth + 2], stack[2 * depth + 3] = middle, high
        depth += 2


@kernel()
def share_by_hierarchy(covariance, weights):
    """Hierarchical risk parity of n portfolios of k assets.

    covariance: (n, k, k) with positive variances. weights: float64 (n, k), overwritten; each row sums to one.
    """
    n, k = weights.shape
    near, length = np.empty(k), np.empty(k)
    start, end, order = np.empty(k, np.int64), np.empty(k, np.int64), np.empty(k, np.int64)
    left, right, root = np.empty(k, np.int64), np.empty(k, np.int64), np.empty(2 * k, np.int64)
    leaf, stack = np.empty(k, np.int64), np.empty(2 * k + 4, np.int64)
    for p in range(n):
        for i in range(2 * k):
            root[i] = -1
        for i in range(k):
            weights[p, i] = 1.0
        _chain(covariance, p, near, start, end, length)
        _by_length(length, order, k - 1)
        _merge(start, end, order, k - 1, root, left, right)
        _leaves(left, right, k - 1, stack, leaf)
        _bisect(covariance, p, leaf, stack, weights)
