"""A delta-neutral book: spot coin, as much of it short in a perpetual, cash, and margin at the perpetual's venue."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import ConfigError
from sim.flows import Motive
from sim.intents import Act, Flag, Intent
from sim.math.search import largest_fitting
from sim.quotes import ContractQuote, FuturesQuote, MarketQuote
from sim.tokens import EXTERNAL

if TYPE_CHECKING:
    from sim.interfaces import Protocol
    from sim.world import World

NUMERAIRE = 0
_ANY = 1e12
"""Price that accepts whatever is asked."""


@dataclass
class Hedge:
    """Both legs and the cash of one protocol; sizes are in whole coins, money in USD.

    Parameters
    ----------
    owner: whose account it is. coin: token held. spot, perps: the venues. slippage: largest accepted distance of the
    average price from the venue's mid price, for trades that can wait.
    """

    owner: "Protocol"
    coin: int
    spot_venue: "Protocol"
    perp_venue: "Protocol"
    slippage: float
    contract: int = field(default=-1, init=False)

    def open(self, world: "World") -> None:
        """Find the contract; ConfigError if the venue has none that fits, or is not open yet."""
        where, asset = f'protocol "{self.owner.name}"', world.tokens.rows[self.coin].name
        late = [v.name for v in (self.spot_venue, self.perp_venue) if v.index > self.owner.index]
        if late:
            raise ConfigError(f"{where}: list it after {' and '.join(late)}, where it trades")
        quote = self.perp_venue.quote(world)
        found = quote.contract(self.coin) if isinstance(quote, FuturesQuote) else None
        if found is None or found.inverse or quote.margin_asset != NUMERAIRE:
            margin = world.tokens.rows[NUMERAIRE].name
            name = self.perp_venue.name
            raise ConfigError(f'{where}: "{name}" has no linear perpetual on {asset} margined in {margin}')
        if self._market(world) is None:
            raise ConfigError(f'{where}: {asset} does not trade on "{self.spot_venue.name}"')
        self.contract = found.contract
        rows = world.tokens.rows
        self._atoms = 10.0 ** rows[self.coin].decimals
        self._contract_atoms = 10.0 ** rows[self.contract].decimals
        self._cents = 10.0 ** rows[NUMERAIRE].decimals
        self._at_venue = [row.index for row in rows if row.issuer == self.perp_venue.account]

    # State -----------------------------------------------------------------------------------------------------------

    def _market(self, world: "World") -> MarketQuote:
        quote: Any = self.spot_venue.quote(world)
        return quote.market(self.coin)

    def _quote(self, world: "World") -> ContractQuote:
        found: ContractQuote = self.perp_venue.quote(world).contract(self.coin)
        return found

    def spot(self, world: "World") -> float:
        """Coins held."""
        return float(world.ledger.balance[self.coin, self.owner.account]) / self._atoms

    def short(self, world: "World") -> float:
        """Coins sold short; below zero if the position is long."""
        return -float(world.ledger.balance[self.contract, self.owner.account]) / self._contract_atoms

    def cash(self, world: "World") -> float:
        """USD in the wallet."""
        return float(world.ledger.balance[NUMERAIRE, self.owner.account]) / self._cents

    def equity(self, world: "World") -> float:
        """USD at the venue of the perpetual: margin and what the open position has gained."""
        values = np.zeros(len(world.tokens))
        return float(self.assets_at_venue(world, values))

    def assets_at_venue(self, world: "World", values: NDArray[np.float64]) -> float:
        """USD that the venue owes the owner, at these values of other tokens (zero: at spot)."""
        if not values.any():
            spot = world.spot()
            values[: spot.size] = spot
        scale, held = world.tokens.scales, world.ledger.balance[:, self.owner.account]
        return sum(
            float(held[t]) / scale[t] * self.perp_venue.unit_value(world, t, values) for t in self._at_venue if held[t]
        )

    # Cash ------------------------------------------------------------------------------------------------------------

    def deposit(self, world: "World", usd: float, cause: int = 0) -> None:
        """Move cash to the margin account, as far as there is some."""
        self._transfer(world, Act.DEPOSIT, min(usd, self.cash(world)), cause)

    def withdraw(self, world: "World", usd: float, cause: int = 0) -> None:
        """Move margin that is not needed back to the wallet, as far as the venue has the cash."""
        there = float(world.ledger.balance[NUMERAIRE, self.perp_venue.account]) / self._cents
        self._transfer(world, Act.WITHDRAW, min(usd, there), cause)

    def _transfer(self, world: "World", act: Act, usd: float, cause: int) -> None:
        atoms = int(usd * self._cents)
        if atoms > 0:
            venue, token2 = self.perp_venue, self.contract  # isolated margin is named by its contract
            self._send(world, act, venue, NUMERAIRE, atoms, Motive.HEDGING, cause, token2=token2)

    # Legs ------------------------------------------------------------------------------------------------------------

    def sell_short(self, world: "World", coins: float, cause: int, motive: Motive = Motive.HEDGING) -> float:
        """Sell as much of the perpetual as slippage allows; returns coins sold."""
        quote, before = self._quote(world), self.short(world)
        least = quote.price * (1.0 - self.slippage)
        size = largest_fitting(coins, lambda part: quote.average_price(-part) >= least)
        self._trade(world, Act.SELL, size, least, motive, cause)
        return self.short(world) - before

    def buy_back(self, world: "World", coins: float, cause: int, patient: bool = True) -> float:
        """Close a part of the short, at any price unless patient; returns coins bought."""
        quote, before = self._quote(world), self.short(world)
        most = quote.price * (1.0 + self.slippage) if patient else _ANY
        size = largest_fitting(min(coins, before), lambda part: quote.average_price(part) <= most)
        self._trade(world, Act.BUY, size, most, Motive.HEDGING, cause, Flag.REDUCE_ONLY)
        return before - self.short(world)

    def _trade(
        self, world: "World", act: Act, coins: float, limit: float, motive: Motive, cause: int, flag: Flag = Flag.NONE
    ) -> None:
        atoms = int(coins * self._contract_atoms)
        if atoms > 0:
            venue, flagged = self.perp_venue, int(flag)
            self._send(world, act, venue, self.contract, atoms, motive, cause, limit=limit, subject=flagged)

    def buy_spot(self, world: "World", coins: float, cause: int) -> float:
        """Buy coins with the cash there is; returns coins bought."""
        market, before = self._market(world), self.spot(world)
        spend = market.cost(int(coins * self._atoms)) if coins > 0.0 else 0
        atoms = min(spend or 0, int(self.cash(world) * self._cents))
        if atoms > 0:
            self._send(world, Act.SWAP, self.spot_venue, NUMERAIRE, atoms, Motive.HEDGING, cause, token2=self.coin)
        return self.spot(world) - before

    def sell_spot(self, world: "World", coins: float, cause: int, motive: Motive = Motive.HEDGING) -> float:
        """Sell coins at any price; returns coins sold."""
        before, atoms = self.spot(world), int(coins * self._atoms)
        if atoms > 0:
            self._send(world, Act.SWAP, self.spot_venue, self.coin, atoms, motive, cause, token2=NUMERAIRE)
        return before - self.spot(world)

    def sellable(self, world: "World", coins: float) -> float:
        """How many of these coins can be sold within the accepted slippage."""
        market = self._market(world)
        least = market.price * (1.0 - self.slippage) / self._atoms * self._cents

        def fits(part: float) -> bool:
            atoms = int(part * self._atoms)
            return market.sell(atoms) >= least * atoms - 1.0

        return largest_fitting(coins, fits)

    def buyable(self, world: "World", coins: float) -> float:
        """How many coins can be bought within the accepted slippage."""
        market = self._market(world)
        most = market.price * (1.0 + self.slippage) / self._atoms * self._cents

        def fits(part: float) -> bool:
            atoms = int(part * self._atoms)
            cost = market.cost(atoms) if atoms else 0
            return cost is not None and cost <= most * atoms + 1.0

        return largest_fitting(coins, fits)

    def _send(
        self,
        world: "World",
        act: Act,
        venue: "Protocol",
        token: int,
        atoms: int,
        motive: Motive,
        cause: int,
        **more: Any,
    ) -> None:
        account = np.array([self.owner.account])
        world.place(self.owner, [Intent(act, venue.index, account, token, atoms, motive=motive, cause=cause, **more)])

    # Both legs -------------------------------------------------------------------------------------------------------

    def grow(self, world: "World", coins: float, leverage: float, cause: int) -> None:
        """Deposit margin for more of both legs, sell the perpetual, and buy as many coins."""
        price = self._quote(world).mark
        coins = min(coins, self.cash(world) / (self._market(world).price * (1.0 + self.slippage) + price / leverage))
        coins = self.buyable(world, coins)
        self.deposit(world, (self.short(world) + coins) * price / leverage - self.equity(world), cause)
        self.buy_spot(world, self.sell_short(world, coins, cause), cause)

    def shrink(self, world: "World", coins: float, cause: int) -> None:
        """Buy a part of the perpetual back and sell as many coins."""
        self.sell_spot(world, self.buy_back(world, self.sellable(world, coins), cause), cause)

    def endow(self, world: "World", coins: float, leverage: float) -> None:
        """First position of both legs, with money and coins from outside the model."""
        price, atoms = self._quote(world).mark, int(coins * self._atoms)
        margin = coins * price / leverage
        world.ledger.move(self.coin, EXTERNAL, self.owner.account, atoms, 0)
        world.ledger.move(NUMERAIRE, EXTERNAL, self.owner.account, int(margin * self._cents) + 1, 0)
        self.deposit(world, margin)
        before = self.short(world)
        self._trade(world, Act.SELL, coins, 0.0, Motive.SETUP, 0)
        if self.short(world) - before < coins * (1.0 - 1e-6):
            name = self.perp_venue.name
            raise ConfigError(
                f'protocol "{self.owner.name}": "{name}" refused the opening short of {coins:.6g} coins; issue less, '
                f"hedge at a lower leverage than {leverage:g}, or give the venue more liquidity"
            )
