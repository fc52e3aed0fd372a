"""Which liquidations pay, and how much of each: breached positions appraised on the markets of their collateral."""

# mypy: allow-untyped-defs, allow-incomplete-defs

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.shared.batches import Batch, Offers, Sale, best_batch, cheapest, markets_of
from agents.shared.trading import NUMERAIRE
from sim.chain import GAS, GWEI
from sim.fields import ProtocolName
from sim.intents import Act
from sim.jit import kernel
from sim.quotes import Breaches, LendingQuote
from sim.views import View

_UNPAYABLE = 1e200
"""USD price of what nobody sells."""
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


class Lots(NamedTuple):
    """Positions worth bidding for, best first. Arrays have one entry per lot."""

    position: Rows
    """Row of the Breaches they come from."""
    repay: Rows
    """Atoms of the debt asset."""
    gross: Floats
    """USD that the sale leaves after the repayment and the flash fee."""
    fixed: Floats
    """USD of gas and least profit; at most `gross`."""

    def only(self, rows: Rows) -> "Lots":
        """Some of the lots, in this order."""
        return Lots(self.position[rows], self.repay[rows], self.gross[rows], self.fixed[rows])


def _promising_numpy(seize, repay, collateral, debt, worth, price, cash, least, rows, gross):
    value = seize * worth[collateral] - repay * price[debt]
    good = (value >= least) & (seize <= cash[collateral]) & (seize > 0) & (repay > 0)
    count = np.count_nonzero(good)
    rows[:count], gross[:count] = good.nonzero()[0], value[good]
    return count


@kernel(twin=_promising_numpy)
def promising(seize, repay, collateral, debt, worth, price, cash, least, rows, gross):
    """Collect the positions that leave at least some USD at mid prices.

    Parameters
    ----------
    seize, repay, collateral, debt: int64 (m,) atoms and tokens of positions. worth, price: (assets,) USD that an atom
        sells for and costs. cash: (assets,) atoms in the pool. least: USD.
    rows, gross: int64 and float64 (m,); the first ones are overwritten with positions and the USD each leaves.

    Returns how many there are.
    """
    count = 0
    for j in range(seize.size):
        value = seize[j] * worth[collateral[j]] - repay[j] * price[debt[j]]
        if value >= least and seize[j] <= cash[collateral[j]] and seize[j] > 0 and repay[j] > 0:
            rows[count], gross[count] = j, value
            count += 1
    return count


class Appraiser(NamedTuple):
    """Values breached positions of one pool by what selling their collateral brings now, in one batch per asset.

    protocol: the pool. venues: where collateral may be sold. tip: least priority bid in gwei that can win.
    min_profit_usd: profit a liquidation must leave. rest_usd: debt a partial one must leave over.
    """

    protocol: ProtocolName
    venues: list[ProtocolName]
    tip: float
    min_profit_usd: float
    rest_usd: float

    def hopeful(self, view: View, found: Breaches) -> tuple[Rows, Floats]:
        """Rows of the breaches that would pay if sales moved no price, with the cash in the pool to pay them out.

        Also the USD that each would then leave. Most breached positions at any time are too small for the gas; this
        costs a few comparisons.
        """
        quote: LendingQuote = view.quotes[self.protocol]
        worth, price, cash = (np.zeros(max(quote.assets) + 1) for _ in range(3))
        for asset, held in zip(quote.assets, quote.cash.tolist(), strict=True):
            markets = [market for _, market in markets_of(view, self.venues, asset)]
            scale = 10.0 ** view.decimals(asset)
            worth[asset] = max((market.price * (1.0 - market.fee) for market in markets), default=0.0) / scale
            price[asset] = min((market.price for market in markets), default=_UNPAYABLE) / scale
            cash[asset] = held
        rows, gross = np.empty(found.account.size, dtype=np.int64), np.empty(found.account.size)
        count = promising(
            found.seize, found.repay, found.collateral_asset, found.debt_asset, worth, price, cash, self._fixed(view),
            rows, gross,
        )  # fmt: skip
        return rows[:count], gross[:count]

    def lots(self, view: View, found: Breaches, fresh: Rows, fee: float, ahead: dict[int, int]) -> Lots:
        """Positions that pay, among the hopeful rows `fresh` of the breaches.

        fee: share of the repayment that a flash loan costs. ahead: atoms of each asset that will be sold before.
        """
        cost = self._costs(view, found, fresh, fee)
        fixed = np.where(found.debt_asset == NUMERAIRE, self._fixed(view), self._fixed(view, swaps=2))
        fresh = fresh[np.isfinite(cost[fresh])]
        parts = [Lots(fresh[:0], fresh[:0], cost[:0], cost[:0])]
        for asset in _present(found.collateral_asset[fresh]):
            mine = fresh[found.collateral_asset[fresh] == asset]
            offers = Offers(found.seize[mine].astype(np.float64), cost[mine], fixed[mine])
            batch = self._best(view, asset, offers, ahead.get(asset, 0))
            repay = np.floor(batch.share * found.repay[mine]).astype(np.int64)
            parts.append(Lots(mine, repay, batch.surplus(offers) + offers.fixed, offers.fixed))
        lots = _joined(parts)
        good = np.flatnonzero((lots.gross >= lots.fixed) & (lots.repay > 0))
        return lots.only(good[np.lexsort((found.account[lots.position[good]], (lots.fixed - lots.gross)[good]))])

    def _costs(self, view: View, found: Breaches, fresh: Rows, fee: float) -> Floats:
        """(m,) USD to repay each of the rows `fresh`, all of an asset bought at once; infinite for the others."""
        cost = np.full(found.repay.size, np.inf)
        for debt in _present(found.debt_asset[fresh]):
            mine = fresh[found.debt_asset[fresh] == debt]
            total = int(found.repay[mine].sum())
            way = cheapest(view, self.venues, debt, total)
            if way is not None:
                price = way[1] / total / 10.0 ** view.decimals(NUMERAIRE)
                cost[mine] = found.repay[mine] * (price * (1.0 + fee))
        return cost

    def _fixed(self, view: View, swaps: int = 1) -> float:
        """USD of gas, with sales and purchases counted per position, and the least profit."""
        gas = GAS[Act.LIQUIDATE] + GAS[Act.SWAP] * swaps
        return float(gas * ((view.gas_price + self.tip) * GWEI * view.prices[view.native]) + self.min_profit_usd)

    def _best(self, view: View, asset: int, offers: Offers, ahead: int) -> Batch:
        """The batch on the venue where it leaves most."""
        unit, scale = 10.0 ** view.decimals(NUMERAIRE), 10.0 ** view.decimals(asset)
        batches = [
            best_batch(Sale(market, unit, ahead), offers, scale, self.rest_usd)
            for _, market in markets_of(view, self.venues, asset)
        ]
        return max(batches, key=lambda batch: float(np.maximum(batch.surplus(offers), 0.0).sum()))


def _present(tokens: NDArray[np.int64]) -> list[int]:
    """The tokens that occur, ascending."""
    return np.flatnonzero(np.bincount(tokens)).tolist()


def _joined(parts: list[Lots]) -> Lots:
    return Lots(
        np.concatenate([lots.position for lots in parts]),
        np.concatenate([lots.repay for lots in parts]),
        np.concatenate([lots.gross for lots in parts]),
        np.concatenate([lots.fixed for lots in parts]),
    )
