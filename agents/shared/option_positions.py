"""What a population's option positions add up to: Greeks of every account, read off the ledger."""

# mypy: allow-untyped-defs, allow-incomplete-defs

from collections.abc import Sequence

import numpy as np

from sim.intents import Act, Intent
from sim.jit import kernel
from sim.pricing.black_scholes import bsm
from sim.quotes import OptionsQuote
from sim.views import View

DELTA, GAMMA, VEGA, THETA, RHO, VALUE, WEIGHT, YEARS, VOLATILITY, HELD = range(10)
"""Columns of `net_greeks`: the five Greeks and the mark, sums weighted by absolute gamma, how many options are held."""
LIVE = WEIGHT
"""Column of terms: whether a series still trades."""


def _net_greeks_numpy(balances, token, terms, scale, out):
    out[:] = 0.0
    for s in range(token.size):
        held = balances[token[s]] / scale[s]
        out[:, :WEIGHT] += held[:, None] * terms[s, :WEIGHT]
        weight = np.abs(held) * terms[s, GAMMA]
        out[:, WEIGHT] += weight
        out[:, YEARS] += weight * terms[s, YEARS]
        out[:, VOLATILITY] += weight * terms[s, VOLATILITY]
        out[:, HELD] += np.abs(held) * terms[s, LIVE]


@kernel(twin=_net_greeks_numpy)
def net_greeks(balances, token, terms, scale, out):
    """Greeks and value of every account's options, and gamma-weighted sums of their years and volatilities.

    Parameters
    ----------
    balances: int64 (tokens, n). token: int64 (series,) rows of balances. terms: (series, 9) of each series, LIVE in
        place of the weight. scale: (series,) atoms per option. out: (n, 10), overwritten.
    """
    out[:] = 0.0
    for s in range(token.size):
        row = balances[token[s]]
        for i in range(row.size):
            if row[i] != 0:
                held = row[i] / scale[s]
                for column in range(WEIGHT):
                    out[i, column] += held * terms[s, column]
                weight = abs(held) * terms[s, GAMMA]
                out[i, WEIGHT] += weight
                out[i, YEARS] += weight * terms[s, YEARS]
                out[i, VOLATILITY] += weight * terms[s, VOLATILITY]
                out[i, HELD] += abs(held) * terms[s, LIVE]


@kernel()
def deltas_at(balances, rows, token, spot, strike, years, is_call, scale, volatility, out):
    """Delta of some accounts' options that still trade if each account's were priced at one volatility.

    balances: int64 (tokens, n). rows: int64 (m,). token, spot, strike, years, is_call, scale: (series,). volatility:
    (m,). out: (m,), overwritten.
    """
    for j in range(rows.size):
        out[j] = 0.0
        for s in range(token.size):
            held = balances[token[s], rows[j]]
            if held != 0 and years[s] > 0.0:
                greeks = bsm(spot[s], strike[s], years[s], volatility[j], 0.0, 0.0, is_call[s])
                out[j] += held / scale[s] * greeks[1]


class OptionPositions:
    """Option positions of a population at one moment, with what is ordered as if it had been traded.

    What is settled in this tick counts in `value` alone: nobody can trade it any more, and its hedge is due back.

    Attributes
    ----------
    greeks: (n, 5) delta, gamma, vega, theta, rho. years, volatility: (n,) averaged by absolute gamma; 0 without any.
    value: (n,) USD at the mark. held: (n,) options held, long and short alike.
    """

    def __init__(self, view: View, quote: OptionsQuote, orders: Sequence[Intent] = ()) -> None:
        self._quote, self._balances = quote, view.balances
        if orders:
            self._balances = view.balances.copy()
            for intent in orders:
                sign = {Act.BUY: 1, Act.SELL: -1}.get(intent.act, 0)
                self._balances[intent.token, intent.account - view.lo] += sign * np.asarray(intent.amount)
        self._scale = np.array([10.0 ** view.decimals(int(token)) for token in quote.token])
        live = quote.years > 0.0
        greeks = np.where(live[:, None], quote.greeks, 0.0)
        terms = np.column_stack([greeks, quote.mark, live, quote.years, quote.volatility])
        self._sums = np.empty((view.n, 10))
        net_greeks(self._balances, quote.token, terms, self._scale, self._sums)
        self.greeks, self.value, self.held = self._sums[:, :VALUE], self._sums[:, VALUE], self._sums[:, HELD]
        weight = np.maximum(self._sums[:, WEIGHT], 1e-300)
        self.years, self.volatility = self._sums[:, YEARS] / weight, self._sums[:, VOLATILITY] / weight

    def deltas_at(self, rows, volatility):
        """(m,) delta of the options of some accounts, each priced at one volatility of its own."""
        quote, out = self._quote, np.empty(rows.size)
        deltas_at(
            self._balances, rows, quote.token, quote.spot, quote.strike, quote.years, quote.is_call, self._scale,
            volatility, out,
        )  # fmt: skip
        return out
