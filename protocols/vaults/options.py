"""What vaults that trade options share: margin at the venue, an auction of what they sell, and their money."""

import math
from dataclasses import dataclass
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
class OptionSettings:
    """What every vault that trades options is told, beside what a vault is told."""

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

    def choose(self, desk: "OptionDesk", quote: OptionsQuote) -> tuple[list[int], list[int]]:
        """Series and ratios of one unit, below zero short."""
        raise ConfigError(f"{type(self).__name__} does not define choose()")

    def units(self, desk: "OptionDesk", quote: OptionsQuote, series: list[int], net: int) -> int:
        """Atoms of units for net assets of so many atoms of the asset."""
        raise ConfigError(f"{type(self).__name__} does not define units()")


class OptionDesk:
    """Sells (or buys) options for a vault's epoch; the vault's asset lies at the venue as margin.

    What it sells goes to bidders first, then to the venue's dealers. Bids are paid for in the venue's margin asset.
    Made when the vault declares itself; raises ConfigError if the venue does not fit.
    """

    def __init__(self, vault: Vault, terms: OptionSettings, world: "World") -> None:
        self.vault, self.terms = vault, terms
        self.exchange: Any = world.protocol(terms.options)
        accounts = getattr(self.exchange, "margin_accounts", None)
        if accounts is None or not hasattr(self.exchange, "table"):
            raise ConfigError(
                f'protocol "{vault.name}" trades on "{terms.options}", which is no venue of options listed before it'
            )
        self.accounts, self.money = accounts, int(accounts.token)
        money = world.tokens.rows[self.money]
        if vault.asset_token not in accounts.assets:
            raise ConfigError(
                f'protocol "{vault.name}": "{terms.options}" takes no {vault.asset} as margin; '
                "list it as its collateral"
            )
        if vault.asset_token != self.money and terms.market is None:
            raise ConfigError(
                f'protocol "{vault.name}" holds {vault.asset}, but options are paid for in {money.name}; '
                "name a `market` that exchanges them"
            )
        bid = world.tokens.declare(f"{vault.name}.bid", TokenKind.CLAIM, money.decimals, vault.account, self.money)
        self.escrow = bid.index
        vault.own.append(self.escrow)
        base = world.tokens[terms.underlying]
        self.base_asset, self.option_decimals = base.index, base.decimals
        self.asset_usd = 1.0
        self.offer: Offer | None = None
        self.bids: list[Bid] = []

    def owed(self, world: "World") -> dict[int, int]:
        """What bidders have put up."""
        return {self.money: self.vault.supply(world, self.escrow)}

    def offered(self, quote: VaultQuote) -> VaultQuote:
        """The quote, with what is on offer."""
        offer = self.offer
        if offer is None:
            return quote
        tokens = tuple(int(self.exchange.table.token[s]) for s in offer.series)
        ratios = tuple(-ratio for ratio in offer.ratios)
        return quote._replace(on_offer=tokens, ratios=ratios, amount=offer.amount, reserve=offer.reserve)

    def leg(self, quote: OptionsQuote, is_call: bool, delta: float) -> int:
        """The series of an epoch nearest to a delta."""
        return quote.series(self.base_asset, is_call, self.years(), delta)

    def units_of(self, usd: float, price: float) -> int:
        """Atoms of options that so many atoms of the vault's asset, times USD each, are worth at a price."""
        return int(usd / price * 10.0 ** (self.option_decimals - self.vault.decimals)) if price > 0.0 else 0

    # Trading ---------------------------------------------------------------------------------------------------------

    def order(
        self, world: "World", act: Act, token: int, amount: int, limit: float = 0.0, motive: int = Motive.CARRY
    ) -> int:
        """One order of the vault at the options venue."""
        intent = Intent(
            act, self.exchange.index, np.array([self.vault.account]), token, amount, motive=motive, limit=limit
        )
        return world.place(self.vault, [intent])

    def swap(self, world: "World", sold: int, amount: int, bought: int) -> None:
        """Exchange tokens on the spot venue."""
        if amount > 0 and self.terms.market is not None:
            venue = world.protocol(self.terms.market).index
            world.place(
                self.vault,
                [Intent(Act.SWAP, venue, np.array([self.vault.account]), sold, amount, bought, Motive.REBALANCING)],
            )

    def free(self, world: "World", token: int) -> int:
        """Atoms of a token in the vault's own hands that belong to shareholders."""
        return int(world.ledger.balance[token, self.vault.account]) - self.vault.owed(world).get(token, 0)

    def unwind(self, world: "World") -> None:
        """Pay debts at the venue, take everything back, and hold it in the asset."""
        self.offer = None
        debt = -int(world.ledger.balance[self.accounts.quote, self.vault.account])
        if debt > 0 and self.vault.asset_token != self.money:
            atom = world.prices.atom_price
            wanted = math.ceil(debt * atom[self.money] / atom[self.vault.asset_token] * SALE_MARGIN)
            self.order(world, Act.WITHDRAW, self.vault.asset_token, wanted)
            self.swap(world, self.vault.asset_token, min(wanted, self.free(world, self.vault.asset_token)), self.money)
            self.order(world, Act.DEPOSIT, self.money, self.free(world, self.money))
            self.accounts.realise(world, np.array([self.vault.account]), world.events.count - 1)
        for token in dict.fromkeys((self.vault.asset_token, self.money)):
            self.order(world, Act.WITHDRAW, token, ALL)
        if self.vault.asset_token != self.money:
            self.swap(world, self.money, self.free(world, self.money), self.vault.asset_token)

    def deploy(self, world: "World") -> int:
        """Deposit everything as margin, choose strikes, and open the auction or trade at once."""
        self.order(world, Act.DEPOSIT, self.vault.asset_token, self.free(world, self.vault.asset_token))
        quote: OptionsQuote = self.exchange.quote(world)
        series, ratios = self.terms.choose(self, quote)
        self.asset_usd = float(world.prices.atom_values[self.vault.asset_token]) * 10.0**self.vault.decimals
        amount = self.terms.units(self, quote, series, self.vault.base) if any(ratios) else 0
        mark = -sum(ratio * float(quote.mark[s]) for s, ratio in zip(series, ratios, strict=True))
        ticks = max(0, round(self.terms.auction / world.clock.dt))
        reserve = max(mark, 0.0) * (1.0 - self.terms.premium_discount)
        self.offer = Offer(series, ratios, amount, reserve, world.clock.tick + ticks) if amount > 0 else None
        if self.offer and (ticks == 0 or mark <= 0.0):
            self._finish(world, self.offer.amount)
        return int(quote.expiry[series[0]])

    def years(self) -> float:
        """Length of an epoch in years."""
        return self.vault.epoch / SECONDS_PER_YEAR

    # Auction ---------------------------------------------------------------------------------------------------------

    def bid(self, world: "World", row: Ints, real: Floats, event: int) -> tuple[int, int, int]:
        """Keep a bid's money until the auction; `token` is the asset, the share or anything on offer."""
        offer = self.offer
        known = {self.vault.asset_token, self.vault.share, self.base_asset}
        known |= {int(self.exchange.table.token[s]) for s in offer.series} if offer else set()
        if int(row[TOKEN]) not in known:
            return NO_AUCTION, Kind.TX_FAILED, 0
        account, amount, limit = int(row[ACCOUNT]), int(row[AMOUNT]), float(real[LIMIT])
        if not (0 < amount < 2**50 and 0.0 < limit < 1e9):
            return BAD_BID, Kind.TX_FAILED, 0
        escrow = math.ceil(amount * limit * self._atoms_per_usd(world))
        if escrow >= 2**60 or self.vault.take(world, self.money, account, escrow, event) != POSTED:
            return NO_FUNDS, Kind.TX_FAILED, 0
        world.ledger.move(self.escrow, self.vault.account, account, escrow, event)
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
            self._finish(world, self.offer.amount - sold if self.terms.sell_rest else 0)

    def _award(self, world: "World", offer: Offer) -> int:
        """Hand out what bidders won against their money; returns the atoms of units sold."""
        bids, self.bids = self.bids, []
        limit, amount, key = (np.array([bid[column] for bid in bids]) for column in (1, 2, 3))
        price, won = uniform_price(limit, amount, key, offer.amount, offer.reserve)
        sold, unit = int(won.sum()), self._atoms_per_usd(world)
        tokens = [int(self.exchange.table.token[s]) for s in offer.series]
        event = world.events.add(
            Kind.AUCTION, self.vault.account, -1, self.vault.index, tokens[0], sold, price if sold else 0.0
        )
        for bid, units in zip(bids, won.tolist(), strict=True):
            paid = min(math.ceil(units * price * unit), bid.escrow)
            world.ledger.move(self.escrow, bid.account, self.vault.account, bid.escrow, event)
            world.ledger.move(self.money, self.vault.account, bid.account, bid.escrow - paid, event)
            for token, ratio in zip(tokens, offer.ratios, strict=True):
                ends = (self.vault.account, bid.account) if ratio < 0 else (bid.account, self.vault.account)
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
