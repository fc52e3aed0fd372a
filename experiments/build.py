"""Composition: from a config to a world. The only place where agents meet protocols."""

from collections.abc import Callable
from dataclasses import dataclass
from traceback import extract_tb

import numpy as np
from numpy.typing import NDArray

from experiments.config import Config
from sim import exposure
from sim.chain import Chain, recorded_fees
from sim.errors import ConfigError, SpilloverError
from sim.events import Kind
from sim.fields import When
from sim.flows import Flows
from sim.intents import Act, Intent, Orders
from sim.interfaces import Endowment, Population, Protocol
from sim.ledger import Ledger
from sim.phases import look, margin, settle_orders
from sim.prices import Prices
from sim.processes.base import PathGrid
from sim.processes.fundamentals import fundamental_paths
from sim.recorder import Recorder
from sim.registry import kinds, lookup
from sim.rng import Streams
from sim.shocks.window import Window
from sim.tokens import EXTERNAL, TokenKind
from sim.views import View
from sim.world import Actor, World

NETWORKS = 25
"""Exposure networks stored if the config names no moments."""
OPENING_ORDER = (
    Act.DEPOSIT,
    Act.MINT,
    Act.ADD_LIQUIDITY,
    Act.QUOTE,
    Act.LIMIT_BUY,
    Act.LIMIT_SELL,
    Act.SET_MODE,
    Act.BORROW,
    Act.BUY,
    Act.SELL,
    Act.SWAP,
    Act.REPAY,
    Act.WITHDRAW,
)


@dataclass
class Opening:
    """One population's starting point, in ledger accounts."""

    actor: Actor
    endowment: Endowment


def build(config: Config, replication: int = 0, permute: dict[str, int] | None = None) -> World:
    """Make the world of one run, with all positions open, ready for its first tick.

    Parameters
    ----------
    config: a loaded config; components are made anew.
    replication: number of the run on the same seed.
    permute: population name -> seed of a permutation of its rows; results must not depend on it.

    Raises ConfigError if paths, positions or names do not fit together.
    """
    world = World(clock=config.clock(), streams=Streams(config.run.seed, replication))
    _declare(world, config)
    _prices(world, config)
    _equip(world, config)
    _open(world, config, permute or {})
    return world


def _declare(world: World, config: Config) -> None:
    """Tokens, accounts and markets of everything, before the ledger is allocated."""
    ordered = sorted(config.assets, key=lambda asset: not asset.numeraire)
    for asset in ordered:
        world.tokens.declare(asset.name, TokenKind.BASE, asset.decimals)
    world.protocols = config.components("protocol")
    for index, protocol in enumerate(world.protocols):
        protocol.index = index
        protocol.declare(world)
    for asset in ordered:
        if asset.market is not None:
            world.markets.refer(world.tokens[asset.name].index, asset.market)
    world.oracles = config.components("oracle")
    world.shocks = config.components("shock")
    for index, oracle in enumerate(world.oracles):
        oracle.index = index
    for index, shock in enumerate(world.shocks):
        shock.index = index
    for shock in world.shocks:
        if isinstance(shock, Window):
            shock.length = max(1, round(shock.duration / world.clock.dt))
    for index, population in enumerate(config.components("population")):
        _seat(world, population, index)
    for protocol in world.protocols:
        protocol.desk = len(world.population_names)
        world.population_names.append(protocol.name)


def _seat(world: World, population: Population, index: int) -> None:
    owner = world.accounts.declare(population.name, population.count)
    population.index, population.lo = index, owner.lo
    population.labels = np.arange(population.count)
    world.population_names.append(population.name)
    if population.count:
        view = View(world, owner.lo, owner.hi, population.observation_delay, population.observation_noise)
        draws = world.streams.draws(population.name, population.labels)
        noise = world.streams.draws(f"{population.name}:noise", np.arange(len(world.tokens.assets)))
        world.actors.append(Actor(population, view, draws, noise))


def _prices(world: World, config: Config) -> None:
    """Fundamental paths and the arrays that hold prices."""
    clock = world.clock
    first = {asset.name: asset.price for asset in config.assets}
    initial = np.array([first[token.name] for token in world.tokens.assets])
    # Correlations come in the order of the file; the numeraire, wherever it stands there, is left out of both.
    moving = [asset.name for asset in config.assets if not asset.numeraire]
    columns = [world.tokens[name].index for name in moving]
    steps = max(clock.ticks - 1, 1)  # tick 0 stands at the initial prices
    grid = PathGrid(steps, clock.dt_years, clock.start, clock.dt, initial[columns])
    scale = _volatility_scale(world, moving, steps)
    path = np.zeros((steps + 1, initial.size))
    path[:, columns] = fundamental_paths(
        config.components("process"), moving, config.correlation_matrix(), grid, world.streams, scale
    )
    world.prices = Prices(path + np.log(initial), world.markets, world.tokens.scales)
    traded = [market.asset for market in world.markets.rows]
    world.prices.log_market[:] = world.prices.previous_log_market[:] = np.log(initial)[traded]
    world.prices.record(0)


def _volatility_scale(world: World, assets: list[str], steps: int) -> NDArray[np.float64] | None:
    """(steps, assets) factors on the return into each next tick; None if no shock asks for any."""
    scale = np.ones((steps, len(assets)))
    for tick in range(steps) if world.shocks else ():
        for column, asset in enumerate(assets):
            for shock in world.shocks:
                scale[tick, column] *= shock.volatility_scale(asset, tick + 1)
    return None if (scale == 1.0).all() else scale


def _equip(world: World, config: Config) -> None:
    """Ledger, chain, recorder, metrics; then protocols and oracles open."""
    clock, settings = world.clock, config.chain
    world.ledger = Ledger(world.tokens, world.accounts, config.record.postings)
    world.flows = Flows(len(world.markets.rows), len(world.population_names))
    world.chain = Chain(settings, clock.dt, recorded_fees(settings, clock))
    native = world.tokens[settings.native] if settings.native else world.tokens.assets[:2][-1]
    world.native = native.index
    world.gas_reserve = round(settings.allowance * 10.0**native.decimals)
    world.luck = world.streams.draws("chain:luck", np.empty(0, np.int64))
    world.recorder = Recorder(config.record.every, _moments(config.record.networks, clock.ticks), clock.ticks - 1)
    world.metrics = [lookup("metric", kind)() for kind in kinds("metric")]
    world.checks = config.record.checks
    for oracle in world.oracles:
        oracle.open(world, world.streams.draws(f"oracle:{oracle.name}", np.arange(10_000)))
    for protocol in world.protocols:
        protocol.open(world)


def _moments(wanted: tuple[When, ...], ticks: int) -> list[int]:
    """Ticks as listed, or evenly spread ones from the first to the last if none is."""
    if wanted:
        return list(wanted)
    return sorted(set(np.linspace(0, ticks - 1, NETWORKS).round().astype(int).tolist()))


def _open(world: World, config: Config, permute: dict[str, int]) -> None:
    """Endow every population and open its positions, gas-free, in the order deposits, liquidity, loans.

    What an endowment calls spent leaves the model last, before opening wealth is measured.
    """
    look(world)
    openings = [_endow(world, actor, permute.get(actor.population.name)) for actor in world.actors]
    intents = [(opening.actor, intent) for opening in openings for intent in opening.endowment.intents]
    for actor, intent in intents:
        world.check_intent(actor.population, intent)
        if intent.act not in OPENING_ORDER:
            raise SpilloverError(f'population "{actor.population.name}" cannot open with {intent.act.name}')
    for act in OPENING_ORDER:
        _execute_opening(world, [(actor, intent) for actor, intent in intents if intent.act == act])
    for opening in openings:
        accounts = opening.actor.view.accounts
        for token, amount in opening.endowment.spent.items():
            world.ledger.move(token, accounts, EXTERNAL, amount, 0)
    world.opening = False
    world.prices.record(0)
    look(world)
    margin(world)
    exposure.revalue(world)
    world.opening_wealth = exposure.wealth_by_account(world)
    world.flows.now[:] = 0.0
    world.prices.previous_log_market[:] = world.prices.log_market
    world.clock.tick = -1


def _endow(world: World, actor: Actor, seed: int | None) -> Opening:
    population = actor.population
    rng = world.streams.generator(f"{population.name}:endow")
    endowment = _opened(population, lambda: population.endow(actor.view, rng))
    if seed is not None:
        endowment = _permuted(population, endowment, np.random.default_rng(seed).permutation(population.count))
        actor.draws.labels = population.labels
    accounts = np.arange(population.lo, population.hi)
    for token, amount in endowment.balances.items():
        if world.tokens.rows[token].kind == TokenKind.BASE:
            world.ledger.move(token, EXTERNAL, accounts, amount, 0)
        else:
            _issuer(world, token).endow(world, token, accounts, np.broadcast_to(amount, accounts.shape))
    world.ledger.move(world.native, EXTERNAL, accounts, world.gas_reserve, 0)
    return Opening(actor, endowment)


def _opened(population: Population, endow: Callable[[], Endowment]) -> Endowment:
    """What a population opens with. Raises SpilloverError that says where code of its components went wrong."""
    try:
        return endow()
    except SpilloverError:
        raise
    except Exception as error:
        place = extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
        raise SpilloverError(f'population "{population.name}" failed at its opening: {what}') from error


def _issuer(world: World, token: int) -> Protocol:
    issuer = world.tokens.rows[token].issuer
    return next(protocol for protocol in world.protocols if protocol.account == issuer)


def _permuted(population: Population, endowment: Endowment, order: NDArray[np.int64]) -> Endowment:
    population.permute(order)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    balances, spent = (
        {token: np.broadcast_to(amount, order.shape)[order] for token, amount in amounts.items()}
        for amounts in (endowment.balances, endowment.spent)
    )
    intents = [
        intent._replace(account=population.lo + place[intent.account - population.lo]) for intent in endowment.intents
    ]
    return Endowment(balances=balances, intents=intents, spent=spent)


def _execute_opening(world: World, intents: list[tuple[Actor, Intent]]) -> None:
    orders = Orders()
    for actor, intent in intents:
        keys = np.arange(intent.account.size)
        orders.add(intent, actor.population.index, keys, 0)
    first = world.events.count
    settle_orders(world, orders)
    look(world)
    failed = np.flatnonzero(world.events.column("kind")[first:] == Kind.TX_FAILED) + first
    if failed.size:
        _refuse(world, failed)


def _refuse(world: World, failed: NDArray[np.int64]) -> None:
    row = int(failed[0])
    protocol = world.protocols[int(world.events.column("protocol")[row])]
    owner = world.accounts.owner_of(int(world.events.column("actor")[row])).name
    reason = protocol.reasons[int(world.events.value[row])]
    raise ConfigError(
        f'agents.{owner}: {failed.size} starting positions were refused by protocol "{protocol.name}": {reason}; '
        "change the sizes, or the deposits and liquidity that other agents bring"
    )
