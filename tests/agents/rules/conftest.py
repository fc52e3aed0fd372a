"""Views for allocation rules: some accounts, some assets, and a price history with known returns."""

from types import SimpleNamespace

import numpy as np
import pytest

from sim.interfaces import AllocatorView

NAMES = ["ETH", "BTC", "SOL", "XRP"]


@pytest.fixture(scope="session")
def look():
    """Make an AllocatorView: look(returns) with (ticks, k) log returns per tick of an hour."""

    def make(returns, wealth=(1e3, 1e5, 1e7), current=None, assets=None):
        returns = np.asarray(returns, dtype=float)
        k, n = returns.shape[1], len(wealth)
        path = np.exp(np.vstack([np.zeros(k), np.cumsum(returns, axis=0)]))
        view = SimpleNamespace(dt_years=1 / 8_760, history=lambda asset, ticks: path[-ticks - 1 :, asset - 1])
        current = np.zeros((n, k)) if current is None else current
        names = NAMES[:k] if assets is None else assets
        return AllocatorView(np.arange(n), current, np.array(wealth), path[-1], names, list(range(1, k + 1)), view)

    return make


@pytest.fixture(scope="session")
def returns():
    """(2000, 3) log returns of assets with volatilities of about 40%, 80% and 120% a year, correlated by a half."""
    rng = np.random.default_rng(3)
    common, own = rng.standard_normal((2_000, 1)), rng.standard_normal((2_000, 3))
    return np.sqrt(0.5) * (common + own) * np.array([0.4, 0.8, 1.2]) / np.sqrt(8_760)
