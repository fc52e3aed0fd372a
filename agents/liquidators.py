"""Liquidators: repay unhealthy loans where the seized collateral sells for more than that costs."""

from dataclasses import field
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from agents.shared.auction import award
from agents.shared.batches import cheapest, markets_of
from agents.shared.bids import Bids
from agents.shared.lots import Appraiser, Lots
from agents.shared.reactions import range_faults
from agents.shared.state import column
from agents.shared.trading import NUMERAIRE, usd_to_atoms
from sim.chain import GAS, GWEI
from sim.fields import AssetName, Count, NonNegative, ProtocolName, Share
from sim.flows import Motive
from sim.intents import Act, Intent
from sim.interfaces import Endowment, Population
from sim.quotes import Breaches, LendingQuote
from sim.registry import component
from sim.rng import Draws
from sim.views import View

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
_ATTENTION, _TIE = range(2)
_ROUNDS = 30
"""Rounds of one tick in which a population acts; it then waits for the next tick, so that rounds always end."""
_BUSY = 40
"""Ticks after the last order during which wallets are looked at for something to sell."""
_ROUNDING = 1e-9
"""Part by which a repayment limited by own money stays below it, so that rounding never calls for a flash loan."""
_TOLERANCE = 0.001
"""Part of a purchase that is spent over the quote, so that it arrives whole."""
_WORTH = 2.0
"""Gas of a swap that what it moves must be worth at least; more than 1, or filling up on gas would never end."""
_TOKEN = 2**10
"""More tokens than any run has, to number positions with."""


class Winners(NamedTuple):
    """Who sends a transaction for which lot, and for which part of it. Arrays have one entry per transaction."""

    row: Rows
    lot: Rows
    part: Floats


@component("population", "liquidators")
class Liquidators(Population):
    """Bid part of the expected profit as a priority tip, liquidate, and sell what was seized on the best venue.

    Profit is what the whole batch sells for, less repayment, flash fee and gas, at the tip that blocks now ask for.
    Nobody bids at an expected loss, nor where blocks are full. The repayment comes from the account's own balance or,
    for the share that uses flash loans, from the pool until the sale. In every round wallets are emptied of everything
    above their targets, whatever became of the bids.
    """

    risk = "execution"

    protocol: ProtocolName
    """The lending pool."""
    venues: Annotated[list[ProtocolName], MinLen(1)]
    """Where seized collateral is sold; each batch goes to the one that pays most."""
    flash: Share = 1.0
    """Share of accounts that repay with flash loans; the others only with what they hold."""
    capital_usd: NonNegative = 250_000.0
    """Own money in the numeraire of an account without flash loans."""
    buffer_usd: NonNegative = 10_000.0
    """Own money of an account with flash loans, against sales that bring less than expected."""
    inventory: dict[AssetName, NonNegative] = field(default_factory=dict)
    """USD of other assets that each account keeps, to repay debts in them."""
    hold: Count = 0
    """Ticks over which accounts without flash loans sell what they seized; 0 is at once."""
    bid: tuple[Share, Share] = (0.1, 0.9)
    """Share of the expected profit that goes into the tip: each account's own, drawn uniformly between these two."""
    private_relay: bool = True
    """Whether a position's best bid is sent alone; otherwise all are sent and all but one fail and pay gas."""
    attention: Share = 1.0
    """Probability per tick that an account looks."""
    capacity: Annotated[int, Ge(1)] = 20
    """Positions an account can handle per tick."""
    min_profit_usd: NonNegative = 20.0
    """Profit after gas and tip that a liquidation must leave."""
    rest_usd: NonNegative = 1_100.0
    """Debt that a partial liquidation leaves at least (Aave v3.3 refuses to leave less than 1,000 USD)."""
    least_usd: NonNegative = 50.0
    """USD below which a wallet's excess is not worth selling; nor is it below twice the gas of the swap."""
    tip: NonNegative = 2.0
    """Least priority bid in gwei."""
    gas_coins: NonNegative = 5.0
    """Native coins that each account keeps for gas and tips, beyond what every account keeps."""

    bids_share: Floats = column()
    uses_flash: NDArray[np.bool_] = column(np.bool_)
    awake: NDArray[np.bool_] = column(np.bool_)
    taken: NDArray[np.int64] = column(np.int64)
    """(n,) positions handled in this tick."""
    sell_by: NDArray[np.int64] = column(np.int64)
    """(n,) tick by which seized collateral is sold."""
    cause: NDArray[np.int64] = column(np.int64)
    """(n,) breach that the account acted on last."""

    def __post_init__(self) -> None:
        self._bids = Bids()
        self._targets: dict[int, int] = {}
        self._tried: dict[int, Rows] = {}
        self._tick, self._calls, self._idle_from = -1, 0, -1

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        return range_faults("bid", self.bid)

    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Draw who uses flash loans and how much each bids; hand out capital, inventory and gas."""
        n = self.count
        self.uses_flash = rng.permutation(n) < round(self.flash * n)
        self.bids_share = rng.uniform(*self.bid, size=n)
        self.awake = np.ones(n, dtype=np.bool_)
        self.taken, self.cause, self.sell_by = np.zeros(n, np.int64), np.zeros(n, np.int64), np.full(n, -1)
        self._targets = {
            view.token(name): int(usd_to_atoms(view, view.token(name), usd)) for name, usd in self.inventory.items()
        }
        coins = int(self.gas_coins * 10.0 ** view.decimals(view.native))
        self._targets[view.native] = self._targets.get(view.native, 0) + coins
        capital = usd_to_atoms(view, NUMERAIRE, np.where(self.uses_flash, self.buffer_usd, self.capital_usd))
        stock = {token: np.full(n, atoms) for token, atoms in self._targets.items()}
        stock[NUMERAIRE] = capital + stock.get(NUMERAIRE, 0)
        return Endowment(balances=stock)

    # Acting ----------------------------------------------------------------------------------------------------------

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Sell what is left over from liquidations."""
        if view.tick >= self._idle_from:
            return []
        self._begin(view, draws)
        return self._clear(view, patient=True)

    def respond(self, view: View, breaches: dict[str, Any], draws: Draws) -> list[Intent]:
        """Sell what the round before seized, bid for what is liquidatable now."""
        self._begin(view, draws)
        self._calls += 1
        if self._calls > _ROUNDS:
            return []
        found: Breaches | None = breaches.get(self.protocol)
        intents = self._clear(view, patient=False) if view.tick < self._idle_from else []
        if found is not None:
            intents += self._liquidate(view, found, draws)
        return intents

    def _begin(self, view: View, draws: Draws) -> None:
        """At the first call of a tick, forget what was tried in the one before."""
        if view.tick == self._tick:
            return
        self._tick, self._calls = view.tick, 0
        if self.attention < 1.0:
            self.awake = draws.uniform(np.arange(self.count), _ATTENTION) < self.attention
        self.taken[:] = 0
        self._bids.clear()
        self._tried.clear()

    # Bidding ---------------------------------------------------------------------------------------------------------

    def _liquidate(self, view: View, found: Breaches, draws: Draws) -> list[Intent]:
        room = np.where(self.awake & ~view.pending(Act.LIQUIDATE), self.capacity - self.taken, 0)
        needed = view.least_tips(Act.LIQUIDATE, int(room.sum()))
        if not needed.size:
            return []
        tip = max(self.tip, float(needed[0]))
        room = np.minimum(room, (self._gas_budget(view) / (view.gas_price + tip)).astype(np.int64))
        bidders = room.nonzero()[0]
        appraiser = Appraiser(self.protocol, self.venues, tip, self.min_profit_usd, self.rest_usd)
        fresh, gross = appraiser.hopeful(view, found)
        new = ~self._bids.made(_number(found, fresh), found.repay[fresh])
        fresh, gross = fresh[new], gross[new]
        if fresh.size > needed.size:
            fresh = fresh[gross >= np.partition(gross, -needed.size)[-needed.size]]
        if not (fresh.size and bidders.size):
            return []
        fee = found.flash_fee if self.uses_flash[bidders].any() else 0.0
        lots = appraiser.lots(view, found, fresh, fee, self._unsold(view))
        if not lots.position.size:
            return []
        ranked = bidders[np.lexsort((draws.uniform(bidders, _TIE), -self.bids_share[bidders]))]
        return self._send(view, found, lots, self._auction(view, found, lots, ranked, room[ranked]), tip, needed)

    def _gas_budget(self, view: View) -> Floats:
        """(n,) gwei of gas price at which wallets can pay one liquidation and the swaps around it."""
        gas = GAS[Act.LIQUIDATE] + 2 * GAS[Act.SWAP]
        return view.balance(view.native) / (gas * GWEI * 10.0 ** view.decimals(view.native))

    def _unsold(self, view: View) -> dict[int, int]:
        """Atoms of each asset that wallets hold too much of and will sell first."""
        now = ~self._holds
        return {asset: int(np.maximum(gap[now], 0).sum()) for asset, gap in self._gaps(view).items()}

    @property
    def _holds(self) -> NDArray[np.bool_]:
        """(n,) who sells over time."""
        return ~self.uses_flash & (self.hold > 0)

    def _auction(self, view: View, found: Breaches, lots: Lots, ranked: Rows, room: Rows) -> Winners:
        """Who bids for what. Bidders come highest bid first, with room for so many; with a private relay each lot has
        one bidder.
        """
        quote: LendingQuote = view.quotes[self.protocol]
        reserve = np.zeros(max(quote.assets) + 1, dtype=np.int64)
        reserve[list(quote.assets)] = range(len(quote.assets))
        kept = [self._targets[asset] if asset == view.native else 0 for asset in quote.assets]
        funds = np.stack([view.spendable(asset, ranked) for asset in quote.assets], axis=1) - kept
        most = lots.repay.size if self.private_relay else int(room.sum())
        bidder, lot, part = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most)
        usd = quote.oracle / 10.0 ** np.array([view.decimals(asset) for asset in quote.assets])
        debt = reserve[found.debt_asset[lots.position]]
        count = award(
            room, self.uses_flash[ranked], funds, quote.cash, usd, debt, lots.repay, lots.gross, lots.fixed,
            float(self.rest_usd), self.private_relay, bidder, lot, part,
        )  # fmt: skip
        return Winners(ranked[bidder[:count]], lot[:count], part[:count])

    def _send(
        self, view: View, found: Breaches, lots: Lots, won: Winners, least: float, needed: Floats
    ) -> list[Intent]:
        """Bids that can win: `least` gwei and a share of the profit, but no more than the wallet pays for.

        needed: tips that the first, second, ... bid takes to get into a block.
        """
        profit = won.part * lots.gross[won.lot] - lots.fixed[won.lot]
        offer = np.minimum(self.bids_share[won.row] * (profit + self.min_profit_usd), profit)
        coin = GAS[Act.LIQUIDATE] * GWEI * view.prices[view.native]
        bids = np.bincount(won.row, minlength=self.count)[won.row]
        most = self._gas_budget(view)[won.row] / bids - view.gas_price
        tip = np.minimum(least + offer / coin, most)
        rank = np.argsort(-tip, kind="stable")[: needed.size]
        kept = np.sort(rank[tip[rank] >= np.maximum(needed[: rank.size], self.tip)])
        row, lot = won.row[kept], won.lot[kept]
        if not row.size:
            return []
        position, part, tip = lots.position[lot], won.part[kept], tip[kept]
        amount = np.where(part < 1.0, part * (1.0 - _ROUNDING) * lots.repay[lot], lots.repay[lot]).astype(np.int64)
        self.taken += np.bincount(row, minlength=self.count)
        self.cause[row], self.sell_by[row] = found.event[position], view.tick + self.hold
        self._idle_from = view.tick + _BUSY
        self._bids.add(_number(found, position), found.repay[position])
        pairs = found.debt_asset[position] * _TOKEN + found.collateral_asset[position]
        intents = []
        for pair in sorted(set(pairs.tolist())):
            mine = pairs == pair
            intents.append(
                Intent(
                    Act.LIQUIDATE,
                    found.venue,
                    view.accounts[row[mine]],
                    pair // _TOKEN,
                    amount[mine],
                    token2=pair % _TOKEN,
                    motive=Motive.LIQUIDATION,
                    tip=tip[mine],
                    cause=found.event[position[mine]],
                    subject=found.account[position[mine]],
                )
            )
        return intents

    # Clearing wallets ------------------------------------------------------------------------------------------------

    def _clear(self, view: View, patient: bool) -> list[Intent]:
        """Sell what wallets hold above their targets, buy what they lack for flash debts and targets.

        patient: whether what can wait for the next decision is done too: targets are filled up, accounts that hold sell
        their tick's part. The same gap as at an order earlier in the tick means that the order had no effect; it is
        sent again in the next tick.
        """
        quote: LendingQuote = view.quotes[self.protocol]
        swap_usd = GAS[Act.SWAP] * GWEI * (view.gas_price + self.tip) * view.prices[view.native]
        worth, prices = max(self.least_usd, _WORTH * swap_usd), view.atom_prices
        intents: list[Intent] = []
        for asset, gap in self._gaps(view).items():
            least, owed = max(1.0, worth / prices[asset]), self._advanced(view, quote, asset)
            if gap.max() >= least or gap.min() <= -least or owed.any():
                intents += self._fill(view, asset, gap, least, owed > 0, patient)
        if intents:
            self._idle_from = view.tick + _BUSY
        return intents

    def _fill(
        self, view: View, asset: int, gap: Rows, least: float, owes: NDArray[np.bool_], patient: bool
    ) -> list[Intent]:
        """Trade one asset where the gap is at least so many atoms, or a flash debt is open."""
        holds = self._holds
        off = ((gap >= least) & (patient | ~holds)) | ((gap <= -least) & patient) | (owes & (gap < 0))
        tried = self._tried.setdefault(asset, np.zeros(self.count, dtype=np.int64))
        off &= (gap != tried) & ~view.pending(Act.SWAP)
        tried[off] = gap[off]
        sells, buys = (off & (gap > 0)).nonzero()[0], (off & (gap < 0)).nonzero()[0]
        ticks_left = np.where(holds[sells], np.maximum(self.sell_by[sells] - view.tick, 1), 1)
        return self._sell(view, asset, sells, -(-gap[sells] // ticks_left)) + self._buy(view, asset, buys, -gap[buys])

    def _gaps(self, view: View) -> dict[int, Rows]:
        """(n,) atoms above (or, negative, below) what wallets should hold, by asset of the pool but the numeraire."""
        quote: LendingQuote = view.quotes[self.protocol]
        return {
            asset: view.spendable(asset) - self._targets.get(asset, 0) - self._advanced(view, quote, asset)
            for asset in quote.assets
            if asset != NUMERAIRE
        }

    def _advanced(self, view: View, quote: LendingQuote, asset: int) -> Rows:
        """(n,) atoms of flash loans to give back in an asset."""
        return -view.balance(quote.flash_debts[quote.reserve(asset)])

    def _sell(self, view: View, asset: int, rows: Rows, amount: Rows) -> list[Intent]:
        markets = markets_of(view, self.venues, asset)
        if not (rows.size and markets):
            return []
        total = int(amount.sum())
        venue = max(markets, key=lambda pair: pair[1].sell(total))[0]
        return [self._swap(view, venue, asset, NUMERAIRE, rows, amount)]

    def _buy(self, view: View, asset: int, rows: Rows, wanted: Rows) -> list[Intent]:
        if not rows.size:
            return []
        quote: LendingQuote = view.quotes[self.protocol]
        total = int(wanted.sum())
        way = cheapest(view, self.venues, asset, total)
        if way is None:
            return []
        venue, spend = way
        amount = np.ceil(wanted * (spend / total * (1.0 + _TOLERANCE))).astype(np.int64)
        owed = self._advanced(view, quote, NUMERAIRE)[rows] if NUMERAIRE in quote.assets else 0
        amount = np.minimum(amount, view.spendable(NUMERAIRE, rows) - owed)
        rows, amount = rows[amount > 0], amount[amount > 0]
        return [self._swap(view, venue, NUMERAIRE, asset, rows, amount)] if rows.size else []

    def _swap(self, view: View, venue: int, token: int, token2: int, rows: Rows, amount: Rows) -> Intent:
        return Intent(
            Act.SWAP,
            venue,
            view.accounts[rows],
            token,
            amount,
            token2=token2,
            motive=Motive.LIQUIDATION,
            tip=self.tip,
            cause=self.cause[rows],
        )


def _number(found: Breaches, rows: Rows) -> NDArray[np.int64]:
    """One number for each (account, debt, collateral)."""
    return (found.account[rows] * _TOKEN + found.debt_asset[rows]) * _TOKEN + found.collateral_asset[rows]
