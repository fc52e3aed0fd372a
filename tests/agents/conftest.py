"""A small trading floor to test behaviours on: a view whose venues execute what is sent at once."""

import math

import numpy as np
import pytest

from sim.intents import Act
from sim.quotes import PoolShares
from sim.rng import Streams
from sim.units import SECONDS_PER_YEAR

FIRST_ACCOUNT = 10
SHARES = 9
"""Token index of the shares of every pool here."""


class Frictionless:
    """A market with one price, whatever is traded."""

    def __init__(self, price, scale, fee=0.0):
        self.price, self.scale, self.fee = price, scale, fee

    def sell(self, amount):
        return int(amount * self.price * self.scale * (1.0 - self.fee))

    def buy(self, amount):
        return int(amount * (1.0 - self.fee) / (self.price * self.scale))

    def cost(self, amount):
        return math.ceil(amount * self.price * self.scale / (1.0 - self.fee))

    def sell_to(self, price):
        return 0

    def buy_to(self, price):
        return 0

    def trade(self, amount, selling):
        return self.sell(amount) if selling else self.buy(amount)


class Pool:
    """x * y = k with the fee kept in the reserves."""

    def __init__(self, price, scale, fee=0.003, depth=10**13):
        self.scale, self.fee = scale, fee
        self.reserves = [round(depth / (price * scale)), depth]

    @property
    def price(self):
        return self.reserves[1] / self.reserves[0] / self.scale

    def _out(self, amount, side):
        kept = amount * (1.0 - self.fee)
        return int(self.reserves[1 - side] * kept / (self.reserves[side] + kept))

    def sell(self, amount):
        return self._out(amount, 0)

    def buy(self, amount):
        return self._out(amount, 1)

    def cost(self, amount):
        held, money = self.reserves
        return math.ceil(money * amount / ((held - amount) * (1.0 - self.fee))) if amount < held else None

    def _to(self, x, target):
        kept = 1.0 - self.fee
        b = x * (1.0 + kept)
        return max(0, int((math.sqrt(max(b * b - 4.0 * kept * x * (x - target), 0.0)) - b) / (2.0 * kept)))

    def sell_to(self, price):
        x, y = self.reserves
        return self._to(x, y / (price * self.scale))

    def buy_to(self, price):
        x, y = self.reserves
        return self._to(y, x * price * self.scale)

    def trade(self, amount, selling):
        side = 0 if selling else 1
        out = self._out(amount, side)
        self.reserves[side] += amount
        self.reserves[1 - side] -= out
        return out


class Venue:
    """Markets by asset; a pool's liquidity is tracked in shares worth one numeraire atom of deposit each."""

    def __init__(self, index, markets):
        self.venue, self.markets = index, markets

    def market(self, asset):
        return self.markets.get(asset)

    @property
    def shares(self):
        [(asset, pool)] = self.markets.items()
        return PoolShares(SHARES, pool.reserves[1], tuple(pool.reserves), asset, 0.0)

    @property
    def ranges(self):
        return (self.shares,)


class Floor:
    """What a population sees, with venues that execute. Token 0 is the numeraire; all tokens have 6 decimals."""

    def __init__(self, prices, dt=60.0):
        self.names = ["USD", *prices]
        self.prices = np.array([1.0, *prices.values()])
        self.dt_years = dt / SECONDS_PER_YEAR
        self.tick, self.gas_price, self.kept_back = 0, 0.0, 0
        self.path = [self.prices]
        self.quotes = {}
        self.sent, self.refused = [], 0

    def open(self, name, make=Frictionless, **settings):
        """Add a venue that trades every asset of the floor, or only `assets`."""
        assets = settings.pop("assets", self.names[1:])
        markets = {self.token(asset): make(self.prices[self.token(asset)], 1.0, **settings) for asset in assets}
        self.quotes[name] = Venue(len(self.quotes), markets)
        return self

    def seat(self, population, seed=0, order=None):
        """Endow a population, its rows permuted if an order is given."""
        n = population.count
        self.population, population.lo, self.lo = population, FIRST_ACCOUNT, FIRST_ACCOUNT
        self.accounts = np.arange(FIRST_ACCOUNT, FIRST_ACCOUNT + n)
        population.labels = np.arange(n)
        self.balances = np.zeros((SHARES + 1, n), dtype=np.int64)
        streams = Streams(seed)
        start = population.endow(self, streams.generator("endow"))
        order = np.arange(n) if order is None else order
        population.permute(order)
        for token, amount in start.balances.items():
            self.balances[token] += np.asarray(amount)[order]
        place = np.argsort(order)
        for intent in start.intents:
            self._execute(intent, place[intent.account - FIRST_ACCOUNT])
        self.draws = streams.draws("decide", population.labels)
        self.waiting = np.zeros(n, dtype=np.bool_)
        return self

    def step(self, *prices):
        """Next tick, at new prices on markets without impact."""
        self.tick += 1
        if prices:
            self.prices = np.array([1.0, *prices])
        self.path.append(self.prices)
        for venue in self.quotes.values():
            for asset, market in venue.markets.items():
                if isinstance(market, Frictionless):
                    market.price = float(self.prices[asset])
        return self

    def decide(self):
        self.draws.tick = self.tick
        return self.population.decide(self, self.draws)

    def act(self, execute=True):
        """Let the population decide and execute what it sends; returns the intents."""
        intents = self.decide()
        for intent in intents if execute else ():
            self._execute(intent, intent.account - FIRST_ACCOUNT)
        self.sent += intents
        return intents

    def _execute(self, intent, rows):
        [venue] = [quote for quote in self.quotes.values() if quote.venue == intent.venue]
        amounts, limits = (np.broadcast_to(column, rows.shape) for column in (intent.amount, intent.limit))
        for row, amount, limit in zip(rows, amounts.tolist(), limits.tolist(), strict=True):
            assert 0 < amount <= self.balances[intent.token][row]
            if intent.act == Act.SWAP:
                self._swap(venue, intent, row, amount, limit)
            else:
                self._liquidity(venue, intent, row, amount)

    def _swap(self, venue, intent, row, amount, limit):
        selling = intent.token != 0
        market = venue.market(max(intent.token, intent.token2))
        if (market.sell if selling else market.buy)(amount) < int(amount * limit):
            self.refused += 1
            return
        got = market.trade(amount, selling)
        self.balances[intent.token][row] -= amount
        self.balances[intent.token2][row] += got

    def _liquidity(self, venue, intent, row, amount):
        if intent.act == Act.ADD_LIQUIDITY:
            pool = venue.market(intent.token)
            money = min(int(amount * pool.price), int(self.balances[0][row]))
            given = int(money / pool.price)
            change = (-given, -money, money)
        else:
            assert intent.act == Act.REMOVE_LIQUIDITY
            [pool] = venue.markets.values()
            change = (int(amount / pool.price), amount, -amount)
        [asset] = venue.markets
        for token, delta in zip((asset, 0, SHARES), change, strict=True):
            self.balances[token][row] += delta

    @property
    def n(self):
        return self.population.count

    def balance(self, token):
        return self.balances[token]

    native = 1

    @property
    def gas_reserve(self):
        return self.kept_back

    def spendable(self, token, rows=None):
        held = self.balances[token] if rows is None else self.balances[token, rows]
        return np.maximum(held - self.kept_back, 0) if token == self.native else held

    def pending(self, act=None):
        return self.waiting

    @property
    def atom_prices(self):
        return self.prices / 1e6

    def token(self, name):
        return self.names.index(name)

    def decimals(self, token):
        return 6

    def venue(self, name):
        return self.quotes[name].venue

    def history(self, asset, ticks):
        return np.array([prices[asset] for prices in self.path[-ticks - 1 :]])

    def cause(self, asset):
        return 100 + asset

    def usd(self, token):
        """(n,) USD value of what each account holds of a token."""
        return self.balances[token] / 1e6 * self.prices[token]


@pytest.fixture(scope="session")
def floor():
    """Make a trading floor: floor(ETH=2000.0, BTC=40000.0)."""

    def make(dt=60.0, **prices):
        return Floor(prices, dt)

    return make


@pytest.fixture(scope="session")
def pool():
    """The market class of constant-product pools, for `open(name, pool, fee=..., depth=...)`."""
    return Pool
