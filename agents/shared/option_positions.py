"""What a population's option positions add up to: Greeks of every account, read off the ledger."""

# mypy: allow-untyped-defs, allow-incomplete-defs

import numpy as np

from sim.jit import kernel
from sim.pricing.black_scholes import bsm
from sim.quotes import OptionsQuote
from sim.views import View

DELTA, GAMMA, VEGA, THETA, RHO, VALUE, WEIGHT, YEARS, VOLATILITY, HELD = range(10)
"""Columns of `net_greeks`: the five Greeks and the mark, sums weighted by absolute gamma, how many options are held."""


def _net_greeks_numpy(balances, token, terms, scale, out):
    out[:] = 0.0
    for s in range(token.size):
        held = balances[token[s]] / scale[s]
        out[:, :WEIGHT] += held[:, None] * terms[s, :WEIGHT]
        weight = np.abs(held) * terms[s, GAMMA]
        out[:, WEIGHT] += weight
        out[:, YEARS] += weight * terms[s, YEARS]
        out[:, VOLATILITY] += weight * terms[s, VOLATILITY]
        out[:, HELD] += np.abs(held)


@kernel(twin=_net_greeks_numpy)
def net_greeks(balances, token, terms, scale, out):
    """Greeks and value of every account's options, and gamma-weighted sums of their years and volatilities.

    Parameters
    ----------
    balances: int64 (tokens, n). token: int64 (series,) rows of balances. terms: (series, 9) of each series, WEIGHT
        unused. scale: (series,) atoms per option. out: (n, 10), overwritten.
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
                out[i, HELD] += abs(held)


@kernel()
def deltas_at(balances, rows, token, spot, strike, years, is_call, scale, volatility, out):
    """Delta of some accounts' options if each account's were priced at one volatility.

    balances: int64 (tokens, n). rows: int64 (m,). token, spot, strike, years, is_call, scale: (series,). volatility:
    (m,). out: (m,), overwritten.
    """
    for j in range(rows.size):
        out[j] = 0.0
        for s in range(token.size):
            held = balances[token[s], rows[j]]
            if held != 0:
                greeks = bsm(spot[s], strike[s], years[s], volatility[j], 0.0, 0.0, is_call[s])
                out[j] += held / scale[s] * greeks[1]


class OptionPositions:
    """Option positions of a population at one moment.

    Attributes
    ----------
    greeks: (n, 5) delta, gamma, vega, theta, rho. years, volatility: (n,) averaged by absolute gamma; 0 without any.
    value: (n,) USD at the mark. held: (n,) options held, long and short alike.
    """

    def __init__(self, view: View, quote: OptionsQuote) -> None:
        self._view, self._quote = view, quote
        self._scale = np.array([10.0 ** view.decimals(int(token)) for token in quote.token])
        unused = np.zeros(quote.token.size)
        terms = np.column_stack([quote.greeks, quote.mark, unused, quote.years, quote.volatility])
        self._sums = np.empty((view.n, 10))
        net_greeks(view.balances, quote.token, np.nan_to_num(terms), self._scale, self._sums)
        self.greeks, self.value, self.held = self._sums[:, :VALUE], self._sums[:, VALUE], self._sums[:, HELD]
        weight = np.maximum(self._sums[:, WEIGHT], 1e-300)
        self.years, self.volatility = self._sums[:, YEARS] / weight, self._sums[:, VOLATILITY] / weight

    def deltas_at(self, rows, volatility):
        """(m,) delta of the options of some accounts, each priced at one volatility of its own."""
        quote, out = self._quote, np.empty(rows.size)
        spot = np.ascontiguousarray(quote.spot)
        alive = np.maximum(quote.years, 0.0)
        deltas_at(
            self._view.balances, rows, quote.token, spot, quote.strike, alive, quote.is_call, self._scale,
            np.ascontiguousarray(volatility), out,
        )  # fmt: skip
        return out
