"""Cash-and-carry: long a coin, short as much of its perpetual, and collect funding (Ethena-like)."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from protocols.vaults.epoch import Vault
from sim.errors import ConfigError
from sim.fields import AssetName, NonNegative, Positive, ProtocolName, Share
from sim.flows import Motive
from sim.intents import ALL, Act, Intent
from sim.quotes import ContractQuote, FuturesQuote
from sim.registry import component

if TYPE_CHECKING:
    from sim.world import World

Ints = NDArray[np.int64]
KEPT = 0.995
"""Part of the money that a purchase may use, so that price impact and fees still find some."""


@component("protocol", "carry_vault")
class CarryVault(Vault):
    """Holds a coin against a short perpetual of the same size, without delta, for its funding."""

    risk = "counterparty"

    underlying: AssetName
    market: ProtocolName
    """Spot venue of the coin."""
    perpetuals: ProtocolName
    """Venue of the perpetual; it must take the vault's asset as margin."""
    leverage: Positive = 2.0
    """Notional of the short over its margin, at the start of an epoch."""
    band: Share = 0.02
    """Share of the coins that the short may differ from them before it is adjusted."""
    least_margin: Share = 0.2
    """Equity at the perpetual venue over notional below which coins are sold to restore it."""
    enter: float = 0.0
    """Funding per year at which the position is opened."""
    leave: float = -0.05
    """Funding per year below which it is closed."""
    reserve: NonNegative = 0.02
    """Part of net assets kept in cash, for withdrawals."""

    def check(self) -> list[tuple[str, str]]:
        """Cross-field rules, as (field, message)."""
        if self.leave > self.enter:
            return [("leave", f"found {self.leave:g}; it must not be above enter = {self.enter:g}")]
        return []

    def declare(self, world: "World") -> None:
        """Find the coin and the venue of the perpetual."""
        super().declare(world)
        self.coin = world.tokens[self.underlying]
        self.venue: Any = world.protocol(self.perpetuals)
        accounts = getattr(self.venue, "margin_accounts", None)
        if accounts is None or accounts.token != self.asset_token or self.asset_token != 0:
            raise ConfigError(
                f'protocol "{self.name}" needs a venue of perpetuals, listed before it, with margin in '
                f'{world.tokens.rows[0].name}, which is also what the vault holds; found "{self.perpetuals}"'
            )
        self.accounts = accounts

    # Position --------------------------------------------------------------------------------------------------------

    def contract(self, world: "World") -> ContractQuote:
        """The perpetual as it stands; ConfigError if the venue lists none on the coin."""
        quote: FuturesQuote = self.venue.quote(world)
        found = quote.contract(self.coin.index)
        if found is None or found.inverse:
            raise ConfigError(
                f'protocol "{self.name}": "{self.perpetuals}" lists no linear perpetual on {self.underlying}'
            )
        return found

    def coins(self, world: "World") -> float:
        """Whole coins held."""
        return int(world.ledger.balance[self.coin.index, self.account]) / 10.0**self.coin.decimals

    def short(self, world: "World", contract: ContractQuote) -> float:
        """Whole contracts short."""
        decimals = world.tokens.rows[contract.contract].decimals
        return -int(world.ledger.balance[contract.contract, self.account]) / 10.0**decimals

    def cash(self, world: "World") -> int:
        """Atoms of the asset in the vault's hands that belong to shareholders."""
        return int(world.ledger.balance[self.asset_token, self.account]) - self.owed(world)[self.asset_token]

    def unwind(self, world: "World") -> None:
        """Free what the queue of withdrawals asks for beyond the cash at hand, in proportion from both legs."""
        shares = self.shares(world)
        leaving = self.supply(world, self.leaving)
        if not shares or not leaving:
            return
        share = leaving / shares
        contract = self.contract(world)
        self.resize(world, contract, self.coins(world) * (1.0 - share))
        self._free_margin(world, share)

    def deploy(self, world: "World") -> int:
        """Open, enlarge or close the position."""
        self._target(world)
        return super().deploy(world)

    def during(self, world: "World") -> None:
        """Keep the short within the band and its margin above the least."""
        if not self.number or not self.coins(world):
            return
        contract = self.contract(world)
        if contract.funding < self.leave:
            self._close(world, contract)
            return
        coins, short = self.coins(world), self.short(world, contract)
        if abs(coins - short) > self.band * coins:
            self._trade(world, contract, coins - short)
        self.accounts.evaluate(world)
        notional = self.short(world, contract) * contract.mark
        equity = float(self.accounts.equity[self.account]) / 10.0**self.decimals
        if notional > 0.0 and equity < self.least_margin * notional:
            # Selling x coins and closing their short frees money for margin: equity + x price = (short - x) mark / l.
            wanted = (notional / self.leverage - equity) / (contract.mark * (1.0 + 1.0 / self.leverage))
            self.resize(world, contract, self.coins(world) - wanted)
            self._deposit(world, max(self.cash(world), 0))

    def _target(self, world: "World") -> None:
        contract = self.contract(world)
        if not self.coins(world) and contract.funding < self.enter:
            return
        net = max(self.base, 0) / 10.0**self.decimals * (1.0 - self.reserve)
        coins = net * self.leverage / (1.0 + self.leverage) / contract.index
        self.accounts.evaluate(world)
        margin = max(float(self.accounts.equity[self.account]), 0.0)
        needed = int(coins * contract.index / self.leverage * 10.0**self.decimals - margin)
        if needed > 0:
            self._deposit(world, min(needed, max(self.cash(world), 0)))
        self.resize(world, contract, coins)

    def resize(self, world: "World", contract: ContractQuote, coins: float) -> None:
        """Hold so many coins, as far as cash goes, and be short as many."""
        change = coins - self.coins(world)
        if change > 0.0:
            usd = min(change * contract.index * 10.0**self.decimals, self.cash(world) * KEPT)
            self._swap(world, self.asset_token, int(usd), self.coin.index)
        elif change < 0.0:
            self._swap(world, self.coin.index, math.ceil(-change * 10.0**self.coin.decimals), self.asset_token)
        self._trade(world, contract, self.coins(world) - self.short(world, contract))

    def _close(self, world: "World", contract: ContractQuote) -> None:
        self.resize(world, contract, 0.0)
        self._free_margin(world, 1.0)

    # Orders ----------------------------------------------------------------------------------------------------------

    def _place(self, world: "World", act: Act, venue: int, token: int, amount: int, token2: int = -1) -> int:
        if amount <= 0:
            return 0
        return world.place(self, [Intent(act, venue, np.array([self.account]), token, amount, token2, Motive.CARRY)])

    def _swap(self, world: "World", sold: int, amount: int, bought: int) -> None:
        held = int(world.ledger.balance[sold, self.account])
        self._place(world, Act.SWAP, world.protocol(self.market).index, sold, min(amount, held), bought)

    def _trade(self, world: "World", contract: ContractQuote, more_short: float) -> None:
        decimals = world.tokens.rows[contract.contract].decimals
        act = Act.SELL if more_short > 0.0 else Act.BUY
        self._place(world, act, self.venue.index, contract.contract, int(abs(more_short) * 10.0**decimals))

    def _deposit(self, world: "World", amount: int) -> None:
        self._place(world, Act.DEPOSIT, self.venue.index, self.asset_token, amount)

    def _free_margin(self, world: "World", share: float) -> None:
        """Withdraw a share of the equity, or all that is free."""
        self.accounts.evaluate(world)
        equity, initial = float(self.accounts.equity[self.account]), float(self.accounts.initial[self.account])
        amount = ALL if share >= 1.0 else int(min(equity * share, equity - initial))
        self._place(world, Act.WITHDRAW, self.venue.index, self.asset_token, amount)
