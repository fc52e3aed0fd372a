"""A small lending world for tests of behaviours: exact balances, one pool, one trading venue, real quotes and draws.

Tokens 0, 1, 2 are USD (the numeraire, 6 decimals), ETH (8) and BTC (8); 3, 4, 5 their receipts, 6, 7, 8 their debts and
9, 10, 11 their flash debts. The pool is protocol 0, "pool"; the venue is protocol 1, "market".
"""

import copy

import numpy as np

from sim.intents import Act
from sim.quotes import Breaches, LendingQuote
from sim.rng import Draws

USD, ETH, BTC = range(3)
NAMES = {"USD": USD, "ETH": ETH, "BTC": BTC}
DECIMALS = (6, 8, 8) * 4
RECEIPTS, DEBTS, FLASH = (3, 4, 5), (6, 7, 8), (9, 10, 11)
POOL, MARKET = range(2)
LO = 7
"""First ledger account of the population, so that rows and accounts cannot be mixed up unnoticed."""


class Flat:
    """A market without impact."""

    def __init__(self, price, fee=0.0, decimals=8):
        self.price, self.fee = price, fee
        self._unit = price * 10.0 ** (6 - decimals)

    def sell(self, amount):
        return int(amount * self._unit * (1.0 - self.fee))

    def buy(self, amount):
        return int(amount * (1.0 - self.fee) / self._unit)

    def cost(self, amount):
        return int(np.ceil(amount * self._unit / (1.0 - self.fee)))

    def sell_to(self, price):
        return 0

    def buy_to(self, price):
        return 0


class Curve:
    """A constant-product market: `depth` whole tokens on one side, their worth on the other."""

    def __init__(self, price, depth, fee=0.003, decimals=8):
        self.fee = fee
        self._unit = 10.0 ** (decimals - 6)
        self.x, self.y = int(depth * 10**decimals), int(depth * price * 1e6)

    @property
    def price(self):
        return self.y / self.x * self._unit

    def sell(self, amount):
        kept = amount * (1.0 - self.fee)
        return int(self.y * kept / (self.x + kept))

    def buy(self, amount):
        kept = amount * (1.0 - self.fee)
        return int(self.x * kept / (self.y + kept))

    def cost(self, amount):
        return int(np.ceil(self.y * amount / ((self.x - amount) * (1.0 - self.fee)))) if amount < self.x else None

    def sell_to(self, price):
        x = np.sqrt(self.x * self.y * self._unit / price)
        return max(int((x - self.x) / (1.0 - self.fee)), 0)

    def buy_to(self, price):
        y = np.sqrt(self.x * self.y * price / self._unit)
        return max(int((y - self.y) / (1.0 - self.fee)), 0)

    def take(self, given, amount):
        """Trade and move the price."""
        if given == USD:
            got = self.buy(amount)
            self.x, self.y = self.x - got, self.y + amount
        else:
            got = self.sell(amount)
            self.x, self.y = self.x + amount, self.y - got
        return got


class Venue:
    """A trading venue with the markets it is given."""

    venue = MARKET

    def __init__(self, markets):
        self.markets = markets

    def market(self, asset):
        return self.markets.get(asset)


class FakeWorld:
    """View and ledger in one: what a population sees, and what becomes of its intents.

    n: accounts. prices: USD of (ETH, BTC). threshold, ltv: of every reserve.
    """

    def __init__(self, n, prices=(2_000.0, 30_000.0), threshold=0.8, ltv=0.75, index=1.0, debt_index=1.0):
        self.n, self.lo, self.hi = n, LO, LO + n
        self.accounts = np.arange(self.lo, self.hi)
        self.balances = np.zeros((12, n), dtype=np.int64)
        self.cash = np.full(3, 2**60)
        self.tick, self.gas_price, self.dt_years = 0, 20.0, 60.0 / (365 * 86_400)
        self.prices = np.array([1.0, *prices])
        self.past = [self.prices]
        self.index, self.debt_index = np.full(3, index), np.full(3, debt_index)
        self.threshold, self.ltv = np.full(3, threshold), np.full(3, ltv)
        self.utilisation, self.cover = np.full(3, 0.5), np.ones(3)
        self.venue_quote = Venue({ETH: Flat(prices[0]), BTC: Flat(prices[1])})
        self.gas_reserve, self.room = 0, 2**20
        self.waiting = np.zeros(n, dtype=np.bool_)
        self.quotes = {}
        self.look()

    # What a population sees --------------------------------------------------------------------------------------

    def look(self):
        zero = np.zeros(3)
        pool = (
            POOL,
            (USD, ETH, BTC),
            RECEIPTS,
            DEBTS,
            self.ltv,
            self.threshold,
            zero + 0.05,
            self.index,
            self.debt_index,
        )
        seen = (zero, zero, self.utilisation, self.cash, self.prices, self.cover, 0.0005, FLASH)
        self.quotes = {"pool": LendingQuote(*pool, *seen), "market": self.venue_quote}

    def balance(self, token):
        return self.balances[token]

    native = ETH

    def spendable(self, token, rows=None):
        held = self.balances[token] if rows is None else self.balances[token, rows]
        return np.maximum(held - self.gas_reserve, 0) if token == ETH else held

    def pending(self, act=None):
        return self.waiting

    def least_tips(self, act, most):
        return np.zeros(min(most, self.room))

    @property
    def atom_prices(self):
        return self.prices / 10.0 ** np.array(DECIMALS[:3])

    def token(self, name):
        return NAMES[name]

    def decimals(self, token):
        return DECIMALS[token]

    def history(self, asset, ticks):
        return np.array([prices[asset] for prices in self.past[-ticks - 1 :]])

    def cause(self, asset):
        return 40 + asset

    def health(self, protocol="pool"):
        backing, owed = np.zeros(self.n), np.zeros(self.n)
        for r in range(3):
            unit = self.prices[r] / 10.0 ** DECIMALS[r]
            backing += self.balances[RECEIPTS[r]] * self.index[r] * unit * self.threshold[r]
            owed -= self.balances[DEBTS[r]] * self.debt_index[r] * unit
        return np.divide(backing, owed, out=np.full(self.n, np.inf), where=owed > 0)

    # What becomes of intents -------------------------------------------------------------------------------------

    def open(self, population, seed=1):
        population.lo, population.labels = self.lo, np.arange(self.n)
        endowment = population.endow(self, np.random.default_rng(seed))
        for token, atoms in endowment.balances.items():
            self.balances[token] += atoms
        for intent in sorted(endowment.intents, key=lambda intent: intent.act):
            self.run([intent])
        for token, atoms in endowment.spent.items():
            self.balances[token] -= atoms
        return endowment

    def reprice(self, eth, btc=30_000.0):
        self.prices = np.array([1.0, eth, btc])
        self.past.append(self.prices)
        self.venue_quote = Venue({ETH: Flat(eth), BTC: Flat(btc)})
        self.look()

    def step(self, population, run=True, seed=3):
        """One tick: decide and, unless told otherwise, execute."""
        self.tick += 1
        intents = population.decide(self, self.draws(population, seed))
        if run:
            self.run(intents)
        return intents

    def draws(self, population, seed=3):
        draws = Draws(np.random.SeedSequence(seed).generate_state(2, np.uint64), population.labels)
        draws.tick = self.tick
        return draws

    def run(self, intents):
        """Execute in order, every row alone; rows that a real pool would refuse change nothing. Returns refusals."""
        refused = 0
        for intent in intents:
            amounts = np.broadcast_to(intent.amount, intent.account.shape)
            for account, amount in zip(intent.account.tolist(), amounts.tolist(), strict=True):
                before = self.balances.copy(), self.cash.copy()
                if not self._act(intent, account - self.lo, amount):
                    self.balances[:], self.cash[:] = before
                    refused += 1
        self.look()
        return refused

    def _act(self, intent, row, amount):
        token, held = intent.token, self.balances[:, row]
        if intent.act == Act.SWAP:
            return self._swap(held, token, intent.token2, amount)
        index, debt_index = self.index[token], self.debt_index[token]
        if intent.act == Act.DEPOSIT:
            held[RECEIPTS[token]] += int(amount / index)
            held[token] -= amount
            self.cash[token] += amount
        elif intent.act == Act.BORROW:
            held[DEBTS[token]] -= int(np.ceil(amount / debt_index))
            held[token] += amount
            self.cash[token] -= amount
        elif intent.act == Act.REPAY:
            paid = min(amount, int(np.ceil(-held[DEBTS[token]] * debt_index)))
            held[DEBTS[token]] += int(paid / debt_index)
            held[token] -= paid
            self.cash[token] += paid
        elif intent.act == Act.WITHDRAW:
            taken = min(amount, int(held[RECEIPTS[token]] * index))
            held[RECEIPTS[token]] -= min(held[RECEIPTS[token]], int(np.ceil(taken / index)))
            held[token] += taken
            self.cash[token] -= taken
        return held[token] >= 0 and self.cash[token] >= 0 and self.health()[row] >= 1.0 - 1e-12

    def _swap(self, held, token, token2, amount):
        market = self.venue_quote.market(token2 if token == USD else token)
        if hasattr(market, "take"):
            got = market.take(token, amount)
        else:
            got = market.buy(amount) if token == USD else market.sell(amount)
        held[token] -= amount
        held[token2] += got
        return held[token] >= 0


def permuted(world, population, order):
    """The same world and population with rows in another order."""
    other, twin = copy.deepcopy(world), copy.deepcopy(population)
    other.balances = world.balances[:, order].copy()
    other.look()
    twin.permute(order)
    return other, twin


def by_label(population, intents):
    """Intents as a sorted list of (label, act, venue, token, token2, amount, tip, subject), whatever their rows."""
    rows = []
    for intent in intents:
        n = intent.account.size
        columns = [np.broadcast_to(entry, n).tolist() for entry in (intent.amount, intent.tip, intent.subject)]
        labels = population.labels[intent.account - LO].tolist()
        what = (int(intent.act), intent.venue, intent.token, intent.token2)
        rows += [(label, *what, *entries) for label, *entries in zip(labels, *columns, strict=True)]
    return sorted(rows)


def breaches(account, repay, seize, debt=USD, collateral=ETH, health=0.97, fee=0.0005):
    """Liquidatable positions; scalars hold for all of them."""
    account = np.asarray(account)
    n = account.size
    fill = lambda entry, dtype=np.int64: np.broadcast_to(np.asarray(entry, dtype=dtype), n).copy()  # noqa: E731
    return Breaches(
        POOL,
        account,
        fill(health, np.float64),
        fill(debt),
        fill(collateral),
        fill(repay),
        fill(seize),
        900 + np.arange(n),
        fee,
    )
