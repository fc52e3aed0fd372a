"""The world of one run: everything phases and components share."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.chain import Chain
from sim.clock import Clock
from sim.errors import ConfigError, SpilloverError, suggestion
from sim.events import PAUSED, EventLog, Kind
from sim.flows import Flows
from sim.intents import Act, Intent, Orders
from sim.interfaces import Metric, Oracle, Population, Protocol, Shock
from sim.ledger import Ledger
from sim.prices import Markets, Prices
from sim.recorder import Recorder
from sim.rng import Draws, Streams
from sim.tokens import Accounts, Tokens
from sim.views import View


@dataclass
class Actor:
    """A population with its view and its draws, as the phases use it."""

    population: Population
    view: View
    draws: Draws
    noise: Draws
    """Stream of observation noise, one label per asset."""

    @property
    def responds(self) -> bool:
        """Whether the population takes part in liquidation rounds."""
        return type(self.population).respond is not Population.respond


@dataclass
class World:
    """State of one run. Built by experiments.build, advanced by sim.phases."""

    clock: Clock
    streams: Streams
    tokens: Tokens = field(default_factory=Tokens)
    accounts: Accounts = field(default_factory=Accounts)
    markets: Markets = field(default_factory=Markets)
    protocols: list[Protocol] = field(default_factory=list)
    oracles: list[Oracle] = field(default_factory=list)
    shocks: list[Shock] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    """Populations with at least one account."""
    population_names: list[str] = field(default_factory=list)
    """By population index, empty populations included; then the protocols, by their desks."""
    metrics: list[Metric] = field(default_factory=list)
    events: EventLog = field(default_factory=EventLog)
    quotes: dict[str, Any] = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    """Intents of this tick that go straight to their venue."""
    opening: bool = True
    """True while starting positions are set up: no gas, positions may stand beyond their borrowing limit."""

    # Set once declarations are complete.
    ledger: Ledger = field(init=False)
    prices: Prices = field(init=False)
    flows: Flows = field(init=False)
    chain: Chain = field(init=False)
    recorder: Recorder = field(init=False)
    opening_wealth: NDArray[np.float64] = field(init=False)
    """(accounts,) USD value of every account before the first tick."""
    luck: Draws = field(init=False)
    """Stream of transactions that fail for reasons outside the model; each order's number depends on its key alone."""
    checks: str = "every"
    checked_events: int = 0
    shock_event: int = 0
    """Id of the last SHOCK event, the cause of what shocks do."""
    breaches: dict[str, Any] = field(default_factory=dict)
    """Liquidatable positions by protocol name, as of the last mark."""
    native: int = field(default=0, init=False)
    gas_reserve: int = field(default=0, init=False)
    """Atoms of the native coin that accounts keep back for gas."""

    def protocol(self, name: str) -> Protocol:
        """A protocol by name; ConfigError with the nearest name otherwise."""
        return _find(self.protocols, name, "protocol")

    def oracle(self, name: str) -> Oracle:
        """An oracle by name; ConfigError with the nearest name otherwise."""
        return _find(self.oracles, name, "oracle")

    def population(self, name: str) -> Population:
        """A population by name; ConfigError with the nearest name otherwise."""
        return _find([actor.population for actor in self.actors], name, "population")

    def submit(self, actor: Actor, intents: list[Intent]) -> None:
        """Queue a population's intents: on the chain or straight to an off-chain venue."""
        for intent in intents:
            self.check_intent(actor.population, intent)
            rows = intent.account - actor.population.lo
            keys = (actor.draws.uniform(rows, 7_000_000 + intent.act) * 2.0**62).astype(np.int64)
            queue = self.chain.waiting if self.protocols[intent.venue].on_chain else self.orders
            queue.add(intent, actor.population.index, keys, self.clock.tick)

    def place(self, protocol: Protocol, intents: list[Intent]) -> int:
        """Let a protocol trade at once on another venue, without gas and as its desk; how many orders succeeded.

        Settlement, liquidation engines and vaults act in the middle of a tick, when the chain's blocks are full.
        """
        done = 0
        for intent in intents:
            orders, venue = Orders(intent.account.size), self.protocols[intent.venue]
            orders.add(intent, protocol.desk, np.arange(intent.account.size), self.clock.tick)
            if venue.paused:
                self.chain.log(self.events, Kind.TX_FAILED, orders.ints, PAUSED)
            else:
                done += venue.execute(self, orders.ints, orders.reals)
        return done

    def check_intent(self, population: Population, intent: Intent) -> None:
        """Refuse what a venue would misread; kernels check neither indices nor acts."""
        found = None
        if not 0 <= intent.venue < len(self.protocols):
            found = f"venue {intent.venue}; venues run from 0 to {len(self.protocols) - 1}"
        elif intent.act not in self.protocols[intent.venue].accepts:
            names = ", ".join(act.name for act in self.protocols[intent.venue].accepts)
            found = f'{intent.act.name} to "{self.protocols[intent.venue].name}", which accepts {names}'
        elif not (0 <= intent.token < len(self.tokens) and -1 <= intent.token2 < len(self.tokens)):
            found = f"tokens {intent.token} and {intent.token2}; tokens run from 0 to {len(self.tokens) - 1}"
        elif not np.issubdtype(np.asarray(intent.amount).dtype, np.integer):
            found = f"amounts of type {np.asarray(intent.amount).dtype}; amounts are whole atoms"
        elif _outside(intent.account, population.lo, population.hi):
            found = f"orders of accounts that are not its own, which run from {population.lo} to {population.hi - 1}"
        elif intent.act == Act.LIQUIDATE and _outside(intent.subject, 1, self.accounts.count):
            found = f"a liquidation of an account that does not exist; accounts run from 1 to {self.accounts.count - 1}"
        if found:
            raise SpilloverError(f'population "{population.name}" sent {found}')

    def underlying(self) -> dict[int, int]:
        """Contract token that has a market of its own -> token of the asset it is a contract on."""
        return {token: self.tokens.rows[token].underlying for token in self.markets.contracts}

    def spot(self) -> NDArray[np.float64]:
        """(assets,) reference market prices in USD now."""
        return self.prices.spot(self.clock.tick)


def _outside(accounts: ArrayLike, lo: int, hi: int) -> bool:
    accounts = np.asarray(accounts)
    return bool(accounts.size) and not (accounts.min() >= lo and accounts.max() < hi)


def _find(items: list[Any], name: str, what: str) -> Any:
    for item in items:
        if item.name == name:
            return item
    raise ConfigError(f'unknown {what} "{name}"{suggestion(name, sorted(item.name for item in items))}')
