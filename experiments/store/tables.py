"""A finished world as Arrow tables, with names in place of numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.store.layout import EXTERNAL, OPENING
from sim import exposure
from sim.events import Kind
from sim.flows import Motive

if TYPE_CHECKING:
    from sim.world import World

KINDS = [kind.name.lower() for kind in Kind]
MOTIVES = [motive.name.lower() for motive in Motive]
EDGE_COLUMNS = {
    "tick": pa.int64(),
    "holder": pa.string(),
    "issuer": pa.string(),
    "token": pa.string(),
    "usd": pa.float64(),
}


def collect(
    world: "World", phases: Sequence[str], opening_health: dict[str, NDArray[np.float64]]
) -> dict[str, pa.Table]:
    """All tables of a finished run.

    phases: names of the tick table's rows. opening_health: protocol -> (accounts,) health factors at the first mark.
    """
    tables = {
        "steps": steps(world.recorder.steps),
        "events": events(world, phases),
        "flows": flows(world),
        "edges": edges(world.recorder.edges),
        "accounts": accounts(world, opening_health),
    }
    return tables | ({"postings": postings(world)} if world.ledger.keep_postings else {})


def identified(table: pa.Table, run_key: str, replication: int) -> pa.Table:
    """The table with the columns run_key and replication in front."""
    rows = table.num_rows
    key = named(np.zeros(rows, dtype=np.int64), [run_key])
    number = pa.array(np.full(rows, replication, dtype=np.int32))
    return pa.table([key, number, *table.columns], names=["run_key", "replication", *table.column_names])


def named(codes: NDArray[np.int64], names: Sequence[str]) -> pa.DictionaryArray:
    """A column of names; negative codes are nulls."""
    indices = pa.array(codes.astype(np.int16), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def steps(rows: list[dict[str, float]]) -> pa.Table:
    """One row per sampled tick, one column per metric; a metric without a value at a tick is NaN there."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "tick"))
    columns = {"tick": np.array([row["tick"] for row in rows], dtype=np.int64)}
    return pa.table(columns | {name: np.array([row.get(name, np.nan) for row in rows]) for name in names})


def events(world: "World", phases: Sequence[str]) -> pa.Table:
    """The causal log. actor, subject: account numbers; the subject of a shock or oracle update is its own number."""
    log = world.events
    ticks = log.column("tick")
    phase = np.where(ticks < 0, 0, log.column("phase") + 1)
    tokens = [token.name for token in world.tokens.rows]
    return pa.table(
        {
            "id": np.arange(log.count),
            "tick": ticks.astype(np.int32),
            "phase": named(phase, [OPENING, *phases]),
            "round": log.column("round").astype(np.int32),
            "kind": named(log.column("kind"), KINDS),
            "actor": log.column("actor").astype(np.int32),
            "subject": log.column("subject").astype(np.int32),
            "protocol": named(log.column("protocol"), [protocol.name for protocol in world.protocols]),
            "token": named(log.column("token"), tokens),
            "amount": log.column("amount"),
            "value": log.value,
            "cause": log.column("cause"),
        }
    )


def flows(world: "World") -> pa.Table:
    """Attribution of every price move: log price changes that sum to the whole by tick, asset and venue."""
    table, markets = world.flows.table(), world.markets.rows
    asset_of = np.array([market.asset for market in markets], dtype=np.int64)
    venues = list(dict.fromkeys(market.venue for market in markets))
    venue_of = np.array([venues.index(market.venue) for market in markets], dtype=np.int64)
    return pa.table(
        {
            "tick": table["tick"].astype(np.int32),
            "asset": named(asset_of[table["market"]], [token.name for token in world.tokens.assets]),
            "venue": named(venue_of[table["market"]], venues),
            "population": named(table["population"] + 1, [EXTERNAL, *world.population_names]),
            "motive": named(table["motive"], MOTIVES),
            "dlog": table["dlog"],
        }
    )


def edges(rows: list[dict[str, Any]]) -> pa.Table:
    """The exposure network at the ticks asked for: `holder` holds `usd` worth of `token`, which `issuer` owes."""
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in EDGE_COLUMNS.items()})


def accounts(world: "World", opening_health: dict[str, NDArray[np.float64]]) -> pa.Table:
    """One row per account: its owner, its label within it (stable under permutation), wealth and health."""
    owners = world.accounts.owners
    sizes = [owner.hi - owner.lo for owner in owners]
    label = np.concatenate([np.arange(size) for size in sizes])
    for actor in world.actors:
        label[actor.population.lo : actor.population.hi] = actor.population.labels
    columns = {
        "account": np.arange(world.accounts.count, dtype=np.int32),
        "owner": named(np.repeat(np.arange(len(owners)), sizes), [owner.name for owner in owners]),
        "label": label.astype(np.int32),
        "opening_wealth": world.opening_wealth,
        "closing_wealth": exposure.wealth_by_account(world),
    }
    for name, health in opening_health.items():
        columns[f"{name}.opening_health"] = health
        columns[f"{name}.closing_health"] = np.array(world.protocol(name).health)
    return pa.table(columns)


def postings(world: "World") -> pa.Table:
    """Every single move on the ledger, in order."""
    event, token, source, destination, amount = world.ledger.journal().T
    return pa.table(
        {
            "event": event,
            "token": named(token, [row.name for row in world.tokens.rows]),
            "source": source.astype(np.int32),
            "destination": destination.astype(np.int32),
            "amount": amount,
        }
    )
