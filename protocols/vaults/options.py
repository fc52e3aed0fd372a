"""What vaults that trade options share: margin at the venue, an auction of what they sell, conversion into the asset."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocols.vaults.auction import uniform_price
from protocols.vaults.epoch import BAD_BID, DONE, NO_AUCTION, NO_FUNDS, Vault, VaultQuote
from sim.errors import ConfigError
from sim.events import Kind
from sim.fields import AssetName, Duration, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ACCOUNT, ALL, AMOUNT, KEY, LIMIT, TOKEN, Act, Intent
from sim.ledger import POSTED
from sim.quotes import OptionsQuote
from sim.tokens import TokenKind
from sim.units import SECONDS_PER_YEAR

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
HOUR = Duration(3600.0)
SALE_MARGIN = 1.02
"""What is sold to pay a debt, over what the debt is worth at the market price."""


class Bid(NamedTuple):
    """A sealed bid; escrow: atoms of the margin asset that the vault keeps for it."""

    account: int
    limit: float
    amount: int
    key: int
    escrow: int


class Offer(NamedTuple):
    """What a vault wants to hold this epoch: per unit, `ratios` of these series, below zero short.

    series: numbers in the venue's quote. amount: atoms of units. closes: tick at which an auction is cleared.
    """

    series: list[int]
    ratios: list[int]
    amount: int
    reserve: float
    closes: int


@dataclass(kw_only=True, eq=False)
class OptionVault(Vault):
    """Sells (or buys) options for an epoch; its asset lies at the venue as margin.

    What it sells goes to bidders first, then to the venue's dealers. Bids are paid for in the venue's margin asset.
    """

    accepts = (Act.MINT, Act.REDEEM, Act.BID)

    options: ProtocolName
    """Venue of the options; it must be listed before the vault."""
    underlying: AssetName
    market: ProtocolName | None = None
    """Spot venue, where the asset is exchanged for the venue's margin asset; needed if they differ."""
    auction: Duration = HOUR
    """How long bids are taken before dealers are asked."""
    premium_discount: Share = 0.20
    """The reserve is the mark less this share."""
    sell_rest: bool = True
    """Whether dealers get what no bidder wanted, at the reserve or better."""

    offer: Offer | None = field(default=None, init=False)

    # Strategy --------------------------------------------------------------------------------------------------------

    def choose(self, quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """Series and ratios of one unit, below zero short."""
        raise ConfigError(f"{type(self).__name__} does not define choose()")

    def units(self, quote: OptionsQuote, series: list[int], net: int) -> int:
        """Atoms of units for net assets of so many atoms of the asset."""
        raise ConfigError(f"{type(self).__name__} does not define units()")

    # Declaration -----------------------------------------------------------------------------------------------------

    def declare(self, world: "World") -> None:
        """Declare the escrow of bids; check that the venue takes the asset as margin."""
        super().declare(world)
        self.exchange: Any = world.protocol(self.options)
        accounts = getattr(self.exchange, "margin_accounts", None)
        if accounts is None or not hasattr(self.exchange, "table"):
            raise ConfigError(
                f'protocol "{self.name}" trades on "{self.options}", which is no venue of options listed before it'
            )
        self.accounts, self.money = accounts, int(accounts.token)
        if self.asset_token not in accounts.assets:
            raise ConfigError(
                f'protocol "{self.name}": "{self.options}" takes no {self.asset} as margin; list it as its collateral'
            )
        if self.asset_token != self.money and self.market is None:
            raise ConfigError(
                f'protocol "{self.name}" holds {self.asset}, but options are paid for in '
                f"{world.tokens.rows[self.money].name}; name a `market` that exchanges them"
            )
        decimals = world.tokens.rows[self.money].decimals
        self.escrow = world.tokens.declare(
            f"{self.name}.bid", TokenKind.CLAIM, decimals, self.account, self.money
        ).index
        self.own.append(self.escrow)
        base = world.tokens[self.underlying]
        self.base_asset, self.exchange_decimals = base.index, base.decimals
        self.asset_usd = 1.0
        self.bids: list[Bid] = []

    def owed(self, world: "World") -> dict[int, int]:
        """Pending deposits and what bidders have put up."""
        owed = super().owed(world)
        owed[self.money] = owed.get(self.money, 0) + self.supply(world, self.escrow)
        return owed

    def unit_value(self, world: "World", token: int, values: Floats) -> float:
        """Of shares as in any vault; what bidders put up is worth itself."""
        return float(values[self.money]) if token == self.escrow else super().unit_value(world, token, values)

    def quote(self, world: "World") -> VaultQuote:
        """Share price, epoch, and what is on offer."""
        quote, offer = super().quote(world), self.offer
        if offer is None:
            return quote
        tokens = tuple(int(self.exchange.table.token[s]) for s in offer.series)
        ratios = tuple(-ratio for ratio in offer.ratios)
        return quote._replace(on_offer=tokens, ratios=ratios, amount=offer.amount, reserve=offer.reserve)

    # Trading ---------------------------------------------------------------------------------------------------------

    def order(
        self, world: "World", act: Act, token: int, amount: int, limit: float = 0.0, motive: int = Motive.CARRY
    ) -> int:
        """One order of the vault at the options venue."""
        intent = Intent(act, self.exchange.index, np.array([self.account]), token, amount, motive=motive, limit=limit)
        return world.place(self, [intent])

    def swap(self, world: "World", sold: int, amount: int, bought: int) -> None:
        """Exchange tokens on the spot venue."""
        if amount > 0 and self.market is not None:
            venue = world.protocol(self.market).index
            world.place(
                self, [Intent(Act.SWAP, venue, np.array([self.account]), sold, amount, bought, Motive.REBALANCING)]
            )

    def free(self, world: "World", token: int) -> int:
        """Atoms of a token in the vault's own hands that belong to shareholders."""
        return int(world.ledger.balance[token, self.account]) - self.owed(world).get(token, 0)

    def unwind(self, world: "World") -> None:
        """Pay debts at the venue, take everything back, and hold it in the asset."""
        self.offer = None
        debt = -int(world.ledger.balance[self.accounts.quote, self.account])
        if debt > 0 and self.asset_token != self.money:
            atom = world.prices.atom_price
            wanted = math.ceil(debt * atom[self.money] / atom[self.asset_token] * SALE_MARGIN)
            self.order(world, Act.WITHDRAW, self.asset_token, wanted)
            self.swap(world, self.asset_token, min(wanted, self.free(world, self.asset_token)), self.money)
            self.order(world, Act.DEPOSIT, self.money, self.free(world, self.money))
            self.accounts.realise(world, np.array([self.account]), world.events.count - 1)
        for token in dict.fromkeys((self.asset_token, self.money)):
            self.order(world, Act.WITHDRAW, token, ALL)
        if self.asset_token != self.money:
            self.swap(world, self.money, self.free(world, self.money), self.asset_token)

    def deploy(self, world: "World") -> int:
        """Deposit everything as margin, choose strikes, and open the auction or trade at once."""
        self.order(world, Act.DEPOSIT, self.asset_token, self.free(world, self.asset_token))
        quote: OptionsQuote = self.exchange.quote(world)
        series, ratios = self.choose(quote)
        self.asset_usd = float(world.prices.atom_values[self.asset_token]) * 10.0**self.decimals
        amount = self.units(quote, series, self.base) if any(ratios) else 0
        mark = -sum(ratio * float(quote.mark[s]) for s, ratio in zip(series, ratios, strict=True))
        ticks = max(0, round(self.auction / world.clock.dt))
        reserve = max(mark, 0.0) * (1.0 - self.premium_discount)
        self.offer = Offer(series, ratios, amount, reserve, world.clock.tick + ticks) if amount > 0 else None
        if self.offer and (ticks == 0 or mark <= 0.0):
            self._finish(world, self.offer.amount)
        return int(quote.expiry[series[0]])

    def years(self) -> float:
        """Length of an epoch in years."""
        return self.epoch / SECONDS_PER_YEAR

    # Auction ---------------------------------------------------------------------------------------------------------

    def bid(self, world: "World", row: Ints, real: Floats, event: int) -> tuple[int, int, int]:
        """Keep a bid's money until the auction; `token` is the asset, the share or anything on offer."""
        offer = self.offer
        known = {self.asset_token, self.share, self.base_asset}
        known |= {int(self.exchange.table.token[s]) for s in offer.series} if offer else set()
        if int(row[TOKEN]) not in known:
            return NO_AUCTION, Kind.TX_FAILED, 0
        account, amount, limit = int(row[ACCOUNT]), int(row[AMOUNT]), float(real[LIMIT])
        if not (0 < amount < 2**50 and 0.0 < limit < 1e9):
            return BAD_BID, Kind.TX_FAILED, 0
        escrow = math.ceil(amount * limit * self._atoms_per_usd(world))
        if escrow >= 2**60 or self._take(world, self.money, account, escrow, event) != POSTED:
            return NO_FUNDS, Kind.TX_FAILED, 0
        world.ledger.move(self.escrow, self.account, account, escrow, event)
        self.bids.append(Bid(account, limit, amount, int(row[KEY]), escrow))
        return DONE, Kind.ORDER, len(self.bids) - 1

    def _atoms_per_usd(self, world: "World") -> float:
        """Atoms of the margin asset that one USD on one atom of an option is worth."""
        scale = 10.0 ** world.tokens.rows[self.base_asset].decimals
        return 1.0 / float(world.prices.atom_price[self.money]) / scale

    def during(self, world: "World") -> None:
        """Clear the auction when it closes, and sell the rest."""
        if self.offer and world.clock.tick >= self.offer.closes:
            sold = self._award(world, self.offer) if self.bids else 0
            self._finish(world, self.offer.amount - sold if self.sell_rest else 0)

    def _award(self, world: "World", offer: Offer) -> int:
        """Hand out what bidders won against their money; returns the atoms of units sold."""
        bids, self.bids = self.bids, []
        columns = (np.array([bid[field] for bid in bids]) for field in (1, 2, 3))
        price, won = uniform_price(*columns, offer.amount, offer.reserve)
        sold, unit = int(won.sum()), self._atoms_per_usd(world)
        tokens = [int(self.exchange.table.token[s]) for s in offer.series]
        event = world.events.add(Kind.AUCTION, self.account, -1, self.index, tokens[0], sold, price if sold else 0.0)
        for bid, units in zip(bids, won.tolist(), strict=True):
            paid = min(math.ceil(units * price * unit), bid.escrow)
            world.ledger.move(self.escrow, bid.account, self.account, bid.escrow, event)
            world.ledger.move(self.money, self.account, bid.account, bid.escrow - paid, event)
            for token, ratio in zip(tokens, offer.ratios, strict=True):
                ends = (self.account, bid.account) if ratio < 0 else (bid.account, self.account)
                world.ledger.move(token, *ends, units * abs(ratio), event)
        if sold:
            self.order(world, Act.DEPOSIT, self.money, self.free(world, self.money))
        return sold

    def _finish(self, world: "World", amount: int) -> None:
        """Trade units with the venue's dealers, what is bought first, and close the offer."""
        offer, self.offer = self.offer, None
        if offer is None or amount <= 0:
            return
        alone = len(offer.series) == 1
        for ratio, series in sorted(zip(offer.ratios, offer.series, strict=True), reverse=True):
            act = Act.BUY if ratio > 0 else Act.SELL
            limit = offer.reserve if alone and act == Act.SELL else 0.0
            self.order(world, act, int(self.exchange.table.token[series]), amount * abs(ratio), limit)
