"""What manifest.json says about a run and its world."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from experiments import provenance
from experiments.config import Config, resolve
from experiments.store.layout import FORMAT, RUNNING, SCHEMA

if TYPE_CHECKING:
    from sim.world import World


@dataclass(frozen=True, kw_only=True)
class Request:
    """How a run was asked for, as its manifest keeps it.

    source: the preset or file. sets: `path=value` items. plugins: paths of plug-in files. command: the words of the
    command line.
    """

    source: str = ""
    sets: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    command: tuple[str, ...] = tuple(sys.argv)


def describe(config: Config, world: "World", request: Request, digest: str, phases: Sequence[str]) -> dict[str, Any]:
    """The manifest of a run that is about to start. world: of any of its replications. digest: of the model."""
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "status": RUNNING,
        "name": config.run.name,
        "runs": {"requested": config.run.replications, "finished": 0, "failed": 0},
        "started": now(),
        "ended": None,
        "source": request.source,
        "sets": list(request.sets),
        "plugins": list(request.plugins),
        "command": list(request.command),
        "digest": digest,
        "versions": provenance.versions(),
        "machine": provenance.machine(),
        "world": describe_world(config, world, phases),
        "config": resolve(config),
    }


def now() -> str:
    """This moment in UTC, as ISO text."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe_world(config: Config, world: "World", phases: Sequence[str]) -> dict[str, Any]:
    """What readers of the tables need: lengths, names, account slices and reference markets. Slices end before `hi`."""
    clock, tokens = world.clock, world.tokens
    kinds = {population.name: population.kind for population in config.components("population")}
    owners = [{"name": owner.name, "lo": owner.lo, "hi": owner.hi} for owner in world.accounts.owners]
    slices = {owner["name"]: owner for owner in owners}
    return {
        "ticks": clock.ticks,
        "dt": clock.dt,
        "start": clock.start.isoformat(),
        "phases": list(phases),
        "numeraire": tokens.rows[0].name,
        "assets": [token.name for token in tokens.assets],
        "tokens": [
            {
                "name": token.name,
                "kind": token.kind.name.lower(),
                "decimals": token.decimals,
                "issuer": world.accounts.owner_of(token.issuer).name,
                "underlying": tokens.rows[token.underlying].name if token.underlying >= 0 else None,
            }
            for token in tokens.rows
        ],
        "markets": [{"venue": row.venue, "asset": tokens.rows[row.asset].name} for row in world.markets.rows],
        "reference": {
            tokens.rows[token].name: world.markets.rows[market].venue
            for token, market in world.markets.of_token.items()
        },
        "protocols": [{"name": protocol.name, "kind": protocol.kind} for protocol in world.protocols],
        "oracles": [{"name": oracle.name, "kind": oracle.kind} for oracle in config.components("oracle")],
        "shocks": [
            {"name": shock.name, "kind": shock.kind, "at": shock.at, "asset": getattr(shock, "asset", None)}
            for shock in config.components("shock")
        ],
        "populations": [{"kind": kind} | slices[name] for name, kind in kinds.items()],
        "owners": owners,
    }
