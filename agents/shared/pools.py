"""How providers reach pools: shares of a range for both tokens, and both tokens for shares."""

import numpy as np
from numpy.typing import NDArray

from agents.shared.trading import NUMERAIRE
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.quotes import PoolShares
from sim.views import View

Rows = NDArray[np.intp]


def remove_liquidity(view: View, shares: PoolShares, venue: int, rows: Rows, tip: float) -> list[Intent]:
    """Burn all that these rows hold of one kind of shares; nothing for no rows."""
    if not rows.size:
        return []
    amount, cause = view.balance(shares.token)[rows], view.cause(shares.asset)
    accounts, motive = view.accounts[rows], Motive.MARKET_MAKING
    return [Intent(Act.REMOVE_LIQUIDITY, venue, accounts, shares.token, amount, motive=motive, tip=tip, cause=cause)]


def add_liquidity(view: View, asset: int, venue: int, rows: Rows, number: int, tip: float) -> list[Intent]:
    """Give all spendable asset of these rows, and what matches it, to a range; nothing where one of the two lacks."""
    rows = rows[(view.spendable(asset, rows) > 0) & (view.spendable(NUMERAIRE, rows) > 0)]
    return [give(view, asset, venue, rows, view.spendable(asset, rows), number, tip)] if rows.size else []


def give(view: View, asset: int, venue: int, rows: Rows, amount: NDArray[np.int64], number: int, tip: float) -> Intent:
    """Add `amount` of the asset, and what matches it, to range `number` of a pool."""
    return Intent(
        Act.ADD_LIQUIDITY,
        venue,
        view.accounts[rows],
        asset,
        amount,
        token2=NUMERAIRE,
        motive=Motive.MARKET_MAKING,
        tip=tip,
        subject=number,
    )
