"""A perpetuals venue whose premium, liquidity, funding and deleveraging tests set by hand; it trades with outsiders."""

import math
from dataclasses import dataclass

import numpy as np

from protocols.shared.margin import STATUS_TEXT, MarginAccounts
from sim import registry
from sim.events import Kind
from sim.fields import AssetName, Positive
from sim.intents import ACCOUNT, ACT, AMOUNT, CAUSE, LIMIT, SUBJECT, TOKEN, Act, Flag
from sim.interfaces import Protocol
from sim.quotes import FuturesQuote, MarginState
from sim.registry import component
from sim.tokens import EXTERNAL, TokenKind
from tests.worlds import make_config, own_registry

REFUSED = len(STATUS_TEXT)
PERPS = """
[[protocols]]
name = "perps"
kind = "fake_perps"
"""


@dataclass(frozen=True)
class FakeContract:
    contract: int
    underlying: int
    price: float
    mark: float
    index: float
    funding: float
    fee: float
    room: float
    initial: float = 0.1
    maintenance: float = 0.05
    expiry: int = -1
    inverse: bool = False
    open_interest: float = 0.0

    def average_price(self, size: float) -> float:
        return self.price if abs(size) <= self.room else math.inf if size > 0 else -math.inf


with own_registry():

    @component("protocol", "fake_perps")
    class FakePerps(Protocol):
        """Fills every order at index times one plus premium, up to `room` coins each; no order of its own."""

        reasons = (*STATUS_TEXT, "refused")
        accepts = (Act.DEPOSIT, Act.WITHDRAW, Act.BUY, Act.SELL)
        on_chain = False

        asset: AssetName = AssetName("ETH")
        fee: float = 0.0
        room: Positive = 1e18

        def declare(self, world):
            super().declare(world)
            self.accounts = MarginAccounts(self, self.name, AssetName("USD"))
            self.accounts.declare(world)
            token = world.tokens[self.asset]
            self.underlying, self.decimals = token.index, token.decimals
            self.contract = world.tokens.declare(
                f"{self.name}.{self.asset}", TokenKind.CONTRACT, token.decimals, self.account, token.index
            ).index
            self.premium, self.funding = 0.0, 0.0

        def open(self, world):
            self.accounts.open_accounts(world)
            self.accounts.members.append(self)

        def mark_price(self, world):
            return float(world.spot()[self.underlying]) * (1.0 + self.premium)

        def per_atom(self, world):
            return self.mark_price(world) * 1e6 / 10.0**self.decimals

        def marks(self, world):
            return np.array([self.contract]), np.array([self.per_atom(world)])

        def require(self, world, initial, maintenance):
            notional = np.abs(world.ledger.balance[self.contract]) * self.per_atom(world)
            initial += 0.1 * notional
            maintenance += 0.05 * notional

        def mark(self, world):
            self.accounts.evaluate(world)

        def margins(self, world, contract):
            return MarginState(self.accounts.equity, self.accounts.initial, self.accounts.maintenance)

        def unit_value(self, world, token, values):
            if token == self.contract:
                return float(values[self.underlying]) * (1.0 + self.premium)
            return self.accounts.unit_value(world, token, values)

        def quote(self, world):
            index = float(world.spot()[self.underlying])
            price = index * (1.0 + self.premium)
            one = FakeContract(self.contract, self.underlying, price, price, index, self.funding, self.fee, self.room)
            return FuturesQuote(self.index, (one,), 0, self.accounts.margin)

        def execute(self, world, ints, reals):
            done = 0
            for row, real in zip(ints, reals, strict=True):
                if row[ACT] in (Act.DEPOSIT, Act.WITHDRAW):
                    self.accounts.evaluate(world)
                    done += self.accounts.cash(world, row[None])
                else:
                    done += self.trade(world, row, float(real[LIMIT]))
            return done

        def trade(self, world, row, limit):
            account, amount, buys = int(row[ACCOUNT]), int(row[AMOUNT]), row[ACT] == Act.BUY
            held = int(world.ledger.balance[self.contract, account])
            if row[SUBJECT] == Flag.REDUCE_ONLY:
                amount = min(amount, max(-held if buys else held, 0))
            price = self.mark_price(world)
            size = amount / 10.0**self.decimals
            bad = amount <= 0 or size > self.room or row[TOKEN] != self.contract
            bad = bad or (price > limit if buys else price < limit)
            kind = Kind.TX_FAILED if bad else Kind.TRADE
            value, cause = REFUSED if bad else size * price, int(row[CAUSE])
            event = world.events.add(kind, account, -1, self.index, self.contract, 0 if bad else amount, value, cause)
            if not bad:
                self.exchange(world, account, amount if buys else -amount, price, event)
            return not bad

        def exchange(self, world, account, signed, price, event):
            """Let an account buy (sell, below zero) from outsiders."""
            atoms = abs(signed)
            usd = round(atoms / 10.0**self.decimals * price * 1e6)
            fee = math.ceil(usd * self.fee)
            src, dst = (EXTERNAL, account) if signed > 0 else (account, EXTERNAL)
            world.ledger.move(self.contract, src, dst, atoms, event)
            world.ledger.move(self.accounts.quote, dst, src, usd, event)
            world.ledger.move(self.accounts.quote, account, EXTERNAL, fee, event)

        def pay_funding(self, world, rate):
            """Longs pay shorts this share of the mark."""
            event = world.events.add(Kind.FUNDING, protocol=self.index, value=rate)
            for account in np.flatnonzero(world.ledger.balance[self.contract]).tolist():
                owed = round(int(world.ledger.balance[self.contract, account]) * self.per_atom(world) * rate)
                if account != EXTERNAL:
                    src, dst = (account, EXTERNAL) if owed > 0 else (EXTERNAL, account)
                    world.ledger.move(self.accounts.quote, src, dst, abs(owed), event)

        def deleverage(self, world, account, share, cause=0, price=None):
            """Close a share of an account's position against a bankrupt outsider; returns the event."""
            held = int(world.ledger.balance[self.contract, account])
            event = world.events.add(Kind.DELEVERAGE, EXTERNAL, account, self.index, self.contract, cause=cause)
            self.exchange(world, account, -int(held * share), self.mark_price(world) if price is None else price, event)
            return event

    FAKES = {"fake_perps": registry.lookup("protocol", "fake_perps")}


def perp_config(*parts, **more):
    """`make_config` that knows the fake venue."""
    with own_registry():
        registry._components["protocol"] |= FAKES
        return make_config(*parts, **more)
