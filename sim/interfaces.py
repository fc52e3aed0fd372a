"""The extension points. Each has three parts: IMPLEMENT (you must), OPTIONAL (you may), FREE (you get it).

A component is a class under one of these bases, decorated with `@component(family, kind)`.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.allocation import AllocationRule as AllocationRule
from sim.allocation import AllocatorView as AllocatorView
from sim.allocation import Trigger as Trigger
from sim.errors import ConfigError, SpilloverError
from sim.fields import AssetName, Count, NonNegative, When
from sim.intents import Act, Intent
from sim.quotes import MarginState
from sim.rng import Draws
from sim.views import View

if TYPE_CHECKING:
    from sim.tokens import Owner
    from sim.world import World


@dataclass(kw_only=True, eq=False)
class Protocol:
    """A venue: it declares tokens and accounts, and executes intents against the ledger."""

    name: str
    family: ClassVar[str] = "protocol"
    kind: ClassVar[str]
    on_chain: ClassVar[bool] = True
    """Whether intents go through the chain's blocks (gas, tips, latency) or arrive directly."""

    reasons: ClassVar[tuple[str, ...]] = ()
    """Why orders are refused, by the reason code in the value of their TX_FAILED event."""

    # IMPLEMENT
    accepts: ClassVar[tuple[Act, ...]] = ()
    """Which intents it executes."""

    def declare(self, world: "World") -> None:
        """Declare tokens, markets and accounts; call super first, which opens the protocol's own account."""
        self.owner: Owner = world.accounts.declare(self.name)
        self.account = self.owner.lo

    def execute(self, world: "World", ints: NDArray[np.int64], reals: NDArray[np.float64]) -> int:
        """Execute order rows (columns of sim.intents.Orders) in block order; log one event per row.

        Returns how many succeeded.
        """
        raise SpilloverError(f"{type(self).__name__} accepts {self.accepts} but does not define execute()")

    # OPTIONAL
    def open(self, world: "World") -> None:
        """First positions of the protocol itself, once the ledger exists."""

    def accrue(self, world: "World") -> None:
        """Interest, funding, resilience: called once per tick before anyone looks."""

    def quote(self, world: "World") -> Any:
        """The public state that views carry under the protocol's name; None if there is nothing to see."""
        return None

    def mark(self, world: "World") -> Any:
        """Mark accounts to the oracle and log new breaches; the liquidatable positions, or None."""
        return None

    def exposed(self, world: "World") -> bool:
        """Whether losses wait to be absorbed; cheap, asked in every contagion round."""
        return False

    def absorb(self, world: "World") -> bool:
        """Send unabsorbed losses down the protocol's waterfall; True if something changed."""
        return False

    def unit_value(self, world: "World", token: int, values: NDArray[np.float64]) -> float:
        """Fair USD value of one whole claim or debt: assets less liabilities of the issuer per unit.

        values: (tokens,) current USD values, claims of other issuers included.
        """
        supply = -world.ledger.balance[token, self.account]
        if supply <= 0:
            return float(values[token])
        scale = world.tokens.scales
        holdings = np.array(world.ledger.balance[:, self.account])
        holdings[token] = 0
        return float((holdings / scale) @ values / (supply / scale[token]))

    def settle(self, world: "World") -> None:
        """Expiries, epochs, withdrawal queues."""

    def endow(self, world: "World", token: int, accounts: NDArray[np.int64], amount: NDArray[np.int64]) -> None:
        """Issue starting balances of an asset that the protocol issues, against money from outside the model."""
        raise ConfigError(
            f'"{world.tokens.rows[token].name}" is issued by protocol "{self.name}" ({type(self).kind}), '
            "from which nobody can start with it; let agents buy it"
        )

    def scale_depth(self, world: "World", factor: float) -> None:
        """Multiply the liquidity that stands outside the model; ConfigError if the venue has none."""
        raise ConfigError(f'protocol "{self.name}" ({type(self).kind}) has no outside liquidity; name a depth_market')

    def exits(self, world: "World", accounts: NDArray[np.int64], share: float) -> list[Intent]:
        """Intents that would take a share of what these accounts hold out of the protocol."""
        raise ConfigError(f'protocol "{self.name}" ({type(self).kind}) keeps nothing for accounts to take out')

    def margins(self, world: "World", contract: int) -> MarginState:
        """Margin accounts of everybody, as of the last mark. contract: token that names them if margin is isolated."""
        raise ConfigError(f'protocol "{self.name}" ({type(self).kind}) keeps no margin accounts')

    def netting(self, world: "World") -> tuple[float, float] | None:
        """USD of margin that its accounts need together, and what their venues would ask one by one; None if alone."""
        return None

    def liquidate(self, world: "World") -> bool:
        """Liquidation round: what the venue itself does about breached accounts; True if it did anything."""
        return False

    # FREE
    def pass_on(self, loss: float, carrier: str) -> None:
        """Note USD of a loss and who carries it, for the outcome columns `loss.PROTOCOL.CARRIER`."""
        if loss > 0.0:
            self.losses_by_carrier[carrier] = self.losses_by_carrier.get(carrier, 0.0) + loss

    index: int = field(default=-1, init=False)
    account: int = field(default=-1, init=False)
    losses_by_carrier: dict[str, float] = field(default_factory=dict, init=False)
    """USD of losses that its accounts could not pay, by who carried them instead."""
    desk: int = field(default=-1, init=False)
    """The protocol's place among the populations in the attribution of price moves, for its own orders."""
    paused: int = field(default=0, init=False)
    """How many shocks keep it from taking orders."""
    health: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), init=False)
    """(accounts,) health factors as of the last mark, for protocols that lend."""


@dataclass(kw_only=True)
class Endowment:
    """What a population starts with.

    balances: base asset index -> (n,) atoms. intents: opening positions, executed before the first tick without gas.
    spent: base asset index -> (n,) atoms that have left the model once all positions are open, such as a loan that
    paid for something else; they count neither as balance nor as opening wealth.
    """

    balances: dict[int, NDArray[np.int64]]
    intents: list[Intent] = field(default_factory=list)
    spent: dict[int, NDArray[np.int64]] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class Population:
    """A behaviour shared by `count` accounts held as arrays of that length.

    Any attribute that is an array of length `count` is account state: it is permuted with the rows and shown by
    `population[i]`.
    """

    name: str
    count: Count
    observation_delay: Count = 0
    """Ticks by which prices are seen late."""
    observation_noise: NonNegative = 0.0
    """Relative standard deviation of the prices seen."""
    family: ClassVar[str] = "population"
    risk: ClassVar[str] = ""
    """What its accounts are exposed to first of all, one of `sim.risks.RISKS`; shown in lists and reports."""

    # IMPLEMENT
    def decide(self, view: View, draws: Draws) -> list[Intent]:
        """Turn a view into intents. Writes nothing but the population's own arrays."""
        raise SpilloverError(f"{type(self).__name__} does not define decide()")

    # OPTIONAL
    def endow(self, view: View, rng: np.random.Generator) -> Endowment:
        """Draw account state and starting balances; rows are in label order."""
        return Endowment(balances={})

    def respond(self, view: View, breaches: dict[str, Any], draws: Draws) -> list[Intent]:
        """Liquidation round: `breaches` maps a protocol's name to its liquidatable positions."""
        return []

    # FREE
    index: int = field(default=-1, init=False)
    lo: int = field(default=-1, init=False)
    labels: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), init=False)

    @property
    def hi(self) -> int:
        """One past the population's last ledger account."""
        return self.lo + self.count

    def state(self) -> dict[str, NDArray[Any]]:
        """All per-account arrays by name."""
        arrays = {k: v for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return {k: v for k, v in arrays.items() if v.ndim and v.shape[0] == self.count}

    def permute(self, order: NDArray[np.int64]) -> None:
        """Reorder the rows; labels travel with them."""
        for name, array in self.state().items():
            setattr(self, name, array[order])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> "Row":
        if not -self.count <= row < self.count:
            raise IndexError(f"{self.name} has rows 0 to {self.count - 1}; found {row}")
        return Row(self, row % self.count)


class Row:
    """A light view of one account: reads through to the population's arrays."""

    __slots__ = ("population", "row")

    def __init__(self, population: Population, row: int) -> None:
        self.population, self.row = population, row

    @property
    def account(self) -> int:
        """Ledger account of this row."""
        return self.population.lo + self.row

    def __getattr__(self, name: str) -> Any:
        state = self.population.state()
        if name not in state:
            raise AttributeError(f"{self.population.name} keeps no {name}; it keeps {', '.join(sorted(state))}")
        return state[name][self.row]


@dataclass(kw_only=True, eq=False)
class Oracle:
    """A price feed that protocols mark to."""

    name: str
    asset: AssetName
    family: ClassVar[str] = "oracle"
    index: int = field(default=-1, init=False)
    event: int = field(default=0, init=False)
    """Id of the last ORACLE_UPDATE event."""
    frozen: int = field(default=0, init=False)
    """How many shocks freeze it; a frozen oracle publishes nothing."""
    skew: float = field(default=1.0, init=False)
    """Set by shocks: factor on everything the oracle sees."""

    # IMPLEMENT
    def publish(self, world: "World") -> None:
        """Read the markets and update `price`; called once per tick."""
        raise SpilloverError(f"{type(self).__name__} does not define publish()")

    def price(self, asset: int) -> float:
        """Last published USD price of an asset."""
        raise SpilloverError(f"{type(self).__name__} does not define price()")

    # OPTIONAL
    def open(self, world: "World", draws: Draws) -> None:
        """Set the first prices before positions open."""


@dataclass(kw_only=True, eq=False)
class Shock:
    """A dated disturbance, active from `at` for `duration` ticks."""

    name: str
    at: When
    family: ClassVar[str] = "shock"
    index: int = field(default=-1, init=False)
    event: int = field(default=0, init=False)
    """Id of its SHOCK event, once it has begun."""

    # IMPLEMENT
    def begin(self, world: "World") -> None:
        """Called once, at the start of tick `at`."""
        raise SpilloverError(f"{type(self).__name__} does not define begin()")

    # OPTIONAL
    def end(self, world: "World") -> None:
        """Called once when the window closes."""

    @property
    def until(self) -> int:
        """First tick after the window; a shock without an end returns -1."""
        return -1

    def volatility_scale(self, asset: str, tick: int) -> float:
        """Factor on the exogenous volatility of an asset at a tick."""
        return 1.0


@dataclass(kw_only=True, eq=False)
class Metric:
    """A number measured from the world."""

    family: ClassVar[str] = "metric"
    kind: ClassVar[str]

    # OPTIONAL
    def step(self, world: "World") -> dict[str, float]:
        """Columns of one row of steps/: called at every sampled tick."""
        return {}

    def final(self, world: "World") -> dict[str, float]:
        """Outcome columns of runs.parquet: called once, after the last tick."""
        return {}
