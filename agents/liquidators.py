"""Liquidators: repay unhealthy loans where the seized collateral sells for more than that costs."""

from dataclasses import field
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from agents.shared.batches import cheapest, markets_of
from agents.shared.bids import Bids
from agents.shared.lots import Appraiser, Lots
from agents.shared.reactions import range_faults, seal
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


class Winners(NamedTuple):
    """Who sends a transaction for which lot, and for which part of it. Arrays have one entry per transaction."""

    row: Rows
    lot: Rows
    part: Floats


@component("population", "liquidators")
class Liquidators(Population):
    """Bid part of the expected profit as a priority tip, liquidate, and sell what was seized on the best venue.

    Profit is what the whole batch sells for, less repayment, flash fee and gas. Nobody bids at an expected loss. The
    repayment comes from the account's own balance or, for the share that uses flash loans, from the pool until the
    sale. In every round wallets are emptied of everything above their targets, whatever became of the bids.
    """

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
    retry: Annotated[int, Ge(1)] = 3
    """Ticks after which a bid or sale without effect is sent again."""
    min_profit_usd: NonNegative = 20.0
    """Profit after gas and tip that a liquidation must leave."""
    rest_usd: NonNegative = 1_100.0
    """Debt that a partial liquidation leaves at least (Aave v3.3 refuses to leave less than 1,000 USD)."""
    least_usd: NonNegative = 50.0
    """USD below which a wallet's excess is not worth selling."""
    tip: NonNegative = 2.0
    """Least priority bid in gwei."""
    gas_asset: AssetName = AssetName("ETH")
    """Asset that pays for gas."""
    gas_coins: NonNegative = 5.0
    """Coins of it that each account keeps for gas and tips, beyond what every account keeps."""

    bids_share: Floats = column()
    uses_flash: NDArray[np.bool_] = column(np.bool_)
    awake: NDArray[np.bool_] = column(np.bool_)
    taken: NDArray[np.int64] = column(np.int64)
    """(n,) positions handled in this tick."""
    sell_by: NDArray[np.int64] = column(np.int64)
    """(n,) tick by which seized collateral is sold."""
    sealed: NDArray[np.int64] = column(np.int64)
    """(n,) seal of what the wallet held too much or too little of at the last order."""
    resend: NDArray[np.int64] = column(np.int64)
    """(n,) tick from which an order without effect is sent again."""
    cause: NDArray[np.int64] = column(np.int64)
    """(n,) breach that the account acted on last."""

    def __post_init__(self) -> None:
        self._bids = Bids()
        self._targets: dict[int, int] = {}
        self._gas_token = NUMERAIRE
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
        self.taken, self.sealed, self.cause = (np.zeros(n, dtype=np.int64) for _ in range(3))
        self.sell_by, self.resend = np.full(n, -1), np.full(n, -1)
        self._gas_token = view.token(self.gas_asset)
        self._targets = {
            view.token(name): int(usd_to_atoms(view, view.token(name), usd)) for name, usd in self.inventory.items()
        }
        coins = int(self.gas_coins * 10.0 ** view.decimals(self._gas_token))
        self._targets[self._gas_token] = self._targets.get(self._gas_token, 0) + coins
        capital = usd_to_atoms(view, NUMERAIRE, np.where(self.uses_flash, self.buffer_usd, self.capital_usd))
        stock = {token: np.full(n, atoms) for token, atoms in self._targets.items()}
        stock[NUMERAIRE] = capital + stock.get(NUMERAIRE, 0)
        return Endowment(balances=stock)

    # Acting ----------------------------------------------------------------------------------------------------------

    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Sell what is left over from liquidations."""
        if view.tick >= self._idle_from:
            return []
        return self._clear(view, patient=True)

    def respond(self, view: View, breaches: dict[str, Any], draws: Draws) -> list[Intent]:
        """Sell what the round before seized, bid for what is liquidatable now."""
        if view.tick != self._tick:
            self._tick, self._calls = view.tick, 0
            if self.attention < 1.0:
                self.awake = draws.uniform(np.arange(self.count), _ATTENTION) < self.attention
            self.taken[:] = 0
        self._calls += 1
        if self._calls > _ROUNDS:
            return []
        found: Breaches | None = breaches.get(self.protocol)
        intents = self._clear(view, patient=False) if view.tick < self._idle_from else []
        if found is not None:
            intents += self._liquidate(view, found, draws)
        return intents

    def _liquidate(self, view: View, found: Breaches, draws: Draws) -> list[Intent]:
        least = GAS[Act.LIQUIDATE] * (view.gas_price + self.tip) * GWEI * 10.0 ** view.decimals(self._gas_token)
        bidders = np.flatnonzero(self.awake & (self.taken < self.capacity) & (view.balance(self._gas_token) >= least))
        money = (self.min_profit_usd, self.rest_usd)
        appraiser = Appraiser(self.protocol, self.venues, self._gas_token, self.tip, *money)
        fresh = appraiser.hopeful(view, found)
        if fresh.size:
            fresh = fresh[~self._bids.under_way(_key(found, fresh), found.repay[fresh], view.tick)]
        if not (bidders.size and fresh.size):
            return []
        fee = found.flash_fee if self.uses_flash[bidders].any() else 0.0
        lots = appraiser.lots(view, found, fresh, fee, self._unsold(view))
        if not lots.position.size:
            return []
        ranked = bidders[np.lexsort((draws.uniform(bidders, _TIE), -self.bids_share[bidders]))]
        return self._send(view, found, lots, self._auction(view, found, lots, ranked))

    def _unsold(self, view: View) -> dict[int, int]:
        """Atoms of each asset that wallets hold too much of and will sell first."""
        quote: LendingQuote = view.quotes[self.protocol]
        excess = {asset: np.maximum(self._gap(view, quote, r), 0) for r, asset in enumerate(quote.assets)}
        return {asset: int(atoms[~self._holds].sum()) for asset, atoms in excess.items() if asset != NUMERAIRE}

    @property
    def _holds(self) -> NDArray[np.bool_]:
        """(n,) who sells over time."""
        return ~self.uses_flash & (self.hold > 0)

    # Bidding ---------------------------------------------------------------------------------------------------------

    def _auction(self, view: View, found: Breaches, lots: Lots, ranked: Rows) -> Winners:
        """Who bids for what. Bidders come highest bid first; with a private relay each lot has one.

        Bidders are few, and what is left for one depends on those before it: the loop is over them, never over lots.
        """
        open_lots = np.ones(lots.repay.size, dtype=np.bool_)
        won = []
        for row in ranked.tolist():
            free = np.flatnonzero(open_lots)
            part = self._affordable(view, found, lots, free, row)
            covers = (part * lots.gross[free] >= lots.fixed[free]) & (part > 0.0)
            mine = np.flatnonzero(covers)[: self.capacity - self.taken[row]]
            won.append(Winners(np.full(mine.size, row), free[mine], part[mine]))
            if self.private_relay:
                open_lots[free[mine]] = False
                if not open_lots.any():
                    break
        return Winners(*(np.concatenate(entries) for entries in zip(*won, strict=True)))

    def _affordable(self, view: View, found: Breaches, lots: Lots, free: Rows, row: int) -> Floats:
        """Part of each free lot the account can pay if it pays them in order; a part must leave enough debt over."""
        quote: LendingQuote = view.quotes[self.protocol]
        part = np.zeros(free.size)
        repay, debt = lots.repay[free], found.debt_asset[lots.position[free]]
        for asset in set(debt.tolist()):
            reserve, mine = quote.reserve(asset), debt == asset
            wanted = repay[mine].astype(np.float64)
            if self.uses_flash[row]:
                part[mine] = repay[mine] <= quote.cash[reserve]
                continue
            funds = view.spendable(asset)[row] - (self._targets[asset] if asset == self._gas_token else 0)
            paid = np.clip(funds - (np.cumsum(wanted) - wanted), 0.0, wanted)
            left = (wanted - paid) * (quote.oracle[reserve] / 10.0 ** view.decimals(asset))
            part[mine] = np.where((paid == wanted) | (left >= self.rest_usd), paid / wanted, 0.0)
        return part

    def _send(self, view: View, found: Breaches, lots: Lots, won: Winners) -> list[Intent]:
        profit = won.part * lots.gross[won.lot] - lots.fixed[won.lot]
        offer = np.minimum(self.bids_share[won.row] * (profit + self.min_profit_usd), profit)
        coin = GAS[Act.LIQUIDATE] * GWEI * view.prices[self._gas_token]
        each = view.balance(self._gas_token)[won.row] / np.bincount(won.row, minlength=self.count)[won.row]
        gas = GAS[Act.LIQUIDATE] + 2 * GAS[Act.SWAP]
        most = each / (gas * GWEI * 10.0 ** view.decimals(self._gas_token)) - view.gas_price
        tip = np.minimum(self.tip + offer / coin, most)
        kept = tip >= self.tip
        row, lot = won.row[kept], won.lot[kept]
        if not row.size:
            return []
        position, part, tip = lots.position[lot], won.part[kept], tip[kept]
        amount = np.where(part < 1.0, part * (1.0 - _ROUNDING) * lots.repay[lot], lots.repay[lot]).astype(np.int64)
        self.taken += np.bincount(row, minlength=self.count)
        self.cause[row], self.sell_by[row] = found.event[position], view.tick + self.hold
        self._idle_from = view.tick + _BUSY
        self._bids.add(_key(found, position), found.repay[position], view.tick + self.retry)
        pairs = found.debt_asset[position] * 2**32 + found.collateral_asset[position]
        intents = []
        for pair in np.unique(pairs).tolist():
            mine = pairs == pair
            intents.append(
                Intent(
                    Act.LIQUIDATE,
                    found.venue,
                    view.accounts[row[mine]],
                    pair >> 32,
                    amount[mine],
                    token2=pair & (2**32 - 1),
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

        patient: whether accounts that hold sell their tick's part; otherwise they wait for the next decision.
        """
        quote: LendingQuote = view.quotes[self.protocol]
        gaps = {asset: self._gap(view, quote, r) for r, asset in enumerate(quote.assets) if asset != NUMERAIRE}
        least = {asset: max(1.0, self.least_usd * 10.0 ** view.decimals(asset) / view.prices[asset]) for asset in gaps}
        owes = {asset: self._advanced(view, quote, quote.reserve(asset)) > 0 for asset in gaps}
        if not any(np.any(np.abs(gap) >= least[asset]) or owes[asset].any() for asset, gap in gaps.items()):
            return []
        now = seal(*(np.round(np.sign(gap) * np.log1p(np.abs(gap)) * 100.0).astype(np.int64) for gap in gaps.values()))
        holds = self._holds
        may = (now != self.sealed) | (view.tick >= self.resend) | holds
        ticks_left = np.where(holds, np.maximum(self.sell_by - view.tick, 1), 1)
        intents: list[Intent] = []
        for asset, gap in gaps.items():
            sells = np.flatnonzero(may & (gap >= least[asset]) & (patient | ~holds))
            buys = np.flatnonzero(may & ((gap <= -least[asset]) | (owes[asset] & (gap < 0))))
            intents += self._sell(view, asset, sells, -(-gap[sells] // ticks_left[sells]))
            intents += self._buy(view, asset, buys, -gap[buys])
        for intent in intents:
            rows = intent.account - view.accounts[0]
            self.sealed[rows], self.resend[rows] = now[rows], view.tick + self.retry
            self._idle_from = view.tick + _BUSY
        return intents

    def _gap(self, view: View, quote: LendingQuote, reserve: int) -> Rows:
        """(n,) atoms above (or, negative, below) what a wallet should hold of a reserve's asset."""
        asset = quote.assets[reserve]
        return view.spendable(asset) - self._targets.get(asset, 0) - self._advanced(view, quote, reserve)

    def _advanced(self, view: View, quote: LendingQuote, reserve: int) -> Rows:
        """(n,) atoms of flash loans to give back in a reserve."""
        return -view.balance(quote.flash_debts[reserve])

    def _money(self, view: View) -> Rows:
        """(n,) numeraire atoms that are not owed for flash loans."""
        quote: LendingQuote = view.quotes[self.protocol]
        owed = self._advanced(view, quote, quote.reserve(NUMERAIRE)) if NUMERAIRE in quote.assets else 0
        return np.maximum(view.spendable(NUMERAIRE) - owed, 0)

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
        total = int(wanted.sum())
        way = cheapest(view, self.venues, asset, total)
        if way is None:
            return []
        venue, spend = way
        amount = np.ceil(wanted * (spend / total * (1.0 + _TOLERANCE))).astype(np.int64)
        amount = np.minimum(amount, self._money(view)[rows])
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


def _key(found: Breaches, rows: Rows) -> NDArray[np.int64]:
    """One number for each (account, debt, collateral)."""
    return seal(found.account[rows], found.debt_asset[rows], found.collateral_asset[rows])
