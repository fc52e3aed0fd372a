"""Why an account was liquidated: a tree of causes with their shares, read from an output folder.

The price fall that sank an account is shared out among its sources by `sim.causes`; the part made by earlier
liquidations leads to those liquidations, whose own falls are shared out in the same way.
"""

import math
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.store.layout import EXTERNAL
from sim.causes import Cause, Causes
from sim.errors import ConfigError
from sim.events import HEALTH_UNIT, Kind
from sim.flows import OUTSIDE, Motive

if TYPE_CHECKING:
    import pandas as pd

    from experiments.store import Folder


@dataclass(frozen=True)
class Source:
    """One source of a price fall. share: of the whole fall; below zero where it held the price up."""

    population: str
    motive: str
    share: float


@dataclass(frozen=True)
class OracleReport:
    """The price that sank an account.

    event: id of its ORACLE_UPDATE. tick: when it was published. observed: when the oracle had seen it on the market.
    """

    event: int
    oracle: str
    tick: int
    observed: int
    price: float


@dataclass(frozen=True)
class Parent:
    """An earlier liquidation. weight: share of the price fall that selling its collateral made."""

    weight: float
    liquidation: "Liquidation"


@dataclass(frozen=True)
class Ancestor:
    """One step back from a liquidation to one that helped to cause it.

    event, tick, label, venue: the earlier liquidation. sale: id of its largest order that is part of the fall. seller:
    who sent it. through: kinds of the events between the two, such as "deleverage", from the sale back.
    """

    event: int
    tick: int
    label: str
    venue: str
    sale: int
    seller: str
    through: tuple[str, ...]


@dataclass(frozen=True)
class Liquidation:
    """One liquidation and the price fall behind it.

    event, tick, time: id, tick and UTC moment. account, label: the liquidated account. health, debt_usd: when it was
    flagged; None if unknown. seized, seized_usd: collateral taken, in whole tokens and USD. since: tick at which the
    account last borrowed, -1 if that was at the opening. fall: price change of the collateral from then to the reported
    price, as a share (-0.1 is a fall of 10%). sources: their shares sum to 1 if the price fell, none otherwise.
    forced: share of earlier liquidations' selling, between 0 and 1. parents: the largest of them; `others` more share
    the weight `others_weight`. shocks: names of shocks in between. lineage: of the liquidation that was asked for,
    back to one that no other helped to cause.
    """

    event: int
    tick: int
    time: str
    account: int
    label: str
    liquidator: str
    protocol: str
    health: float | None
    debt_usd: float | None
    token: str
    seized: float
    seized_usd: float
    oracle: OracleReport | None
    since: int
    fall: float
    sources: tuple[Source, ...]
    forced: float
    parents: tuple[Parent, ...]
    others: int
    others_weight: float
    shocks: tuple[str, ...]
    lineage: tuple[Ancestor, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The tree as nested plain data."""
        return asdict(self)


class Evidence:
    """One replication of a folder, as explanations read it.

    Parameters
    ----------
    folder: an open folder. replication: the first finished one if None.
    """

    def __init__(self, folder: "Folder", replication: int | None = None) -> None:
        self.folder, self.world = folder, folder.world
        self.replication = folder.first if replication is None else replication
        self.events = self._event_columns(folder.events(self.replication))
        self.tokens = [token["name"] for token in self.world["tokens"]]
        markets = [(market["venue"], market["asset"]) for market in self.world["markets"]]
        reference = {
            self.tokens.index(token): markets.index((venue, self._priced_in(token)))
            for token, venue in self.world["reference"].items()
        }
        flows = self._flow_columns(folder.flows(self.replication), markets)
        underlying = {
            self.tokens.index(row["name"]): self.tokens.index(row["underlying"])
            for row in self.world["tokens"]
            if row["kind"] == "contract" and row["name"] in self.world["reference"]
        }
        self.causes = Causes(self.events, flows, reference, self.world["ticks"], underlying)

    def _event_columns(self, frame: "pd.DataFrame") -> dict[str, NDArray[Any]]:
        tokens = [token["name"] for token in self.world["tokens"]]
        protocols = [protocol["name"] for protocol in self.world["protocols"]]
        names = {"kind": [kind.name.lower() for kind in Kind], "token": tokens, "protocol": protocols}
        plain = ("tick", "actor", "subject", "amount", "value", "cause")
        columns = {name: frame[name].to_numpy() for name in plain}
        return columns | {name: numbers(frame[name], allowed) for name, allowed in names.items()}

    def _desks(self) -> list[str]:
        """Who trades: populations, then protocols that do so themselves, in the order of the model."""
        return [row["name"] for section in ("populations", "protocols") for row in self.world[section]]

    def _priced_in(self, token: str) -> str:
        """The asset whose price a market of this token shows: itself, or the underlying of a contract."""
        row = self.world["tokens"][self.tokens.index(token)]
        return row["underlying"] if row["kind"] == "contract" else token

    def _flow_columns(self, frame: "pd.DataFrame", markets: list[tuple[str, str]]) -> dict[str, NDArray[Any]]:
        populations = self._desks()
        market = np.full(len(frame), -1)
        for number, (venue, asset) in enumerate(markets):
            market[((frame["venue"] == venue) & (frame["asset"] == asset)).to_numpy()] = number
        return {
            "tick": frame["tick"].to_numpy(),
            "market": market,
            "population": numbers(frame["population"], [EXTERNAL, *populations]) - 1,
            "motive": numbers(frame["motive"], [motive.name.lower() for motive in Motive]),
            "dlog": frame["dlog"].to_numpy(),
        }

    @cached_property
    def labels(self) -> list[str]:
        """Readable name of every account, such as borrowers[17]."""
        frame = self.folder.accounts(self.replication)
        single = {owner["name"] for owner in self.world["owners"] if owner["hi"] - owner["lo"] == 1}
        pairs = zip(frame["owner"], frame["label"], strict=True)
        return [owner if owner in single else f"{owner}[{label}]" for owner, label in pairs]

    def name(self, account: int) -> str:
        """Readable name of an account; "nobody" for -1."""
        return self.labels[account] if account >= 0 else "nobody"

    # Choosing --------------------------------------------------------------------------------------------------------

    def account(self, text: str) -> int:
        """An account by number or by name, such as borrowers[17]; ConfigError if there is none."""
        if text.strip().isdigit() and int(text) < len(self.labels):
            return int(text)
        if text.strip() in self.labels:
            return self.labels.index(text.strip())
        owner = re.sub(r"\[.*", "", text.strip())
        mine = next((slot for slot in self.world["owners"] if slot["name"] == owner), None)
        hint = f"{owner}[0] to {owner}[{mine['hi'] - mine['lo'] - 1}]" if mine else f"0 to {len(self.labels) - 1}"
        raise ConfigError(f'--account "{text}": no such account; allowed: {hint}, by number or by name')

    def of_account(self, account: int) -> list[int]:
        """Liquidations of an account, largest first; ConfigError if there are none."""
        mine = self.causes.liquidations[self.events["subject"][self.causes.liquidations] == account]
        if not mine.size:
            struck = np.unique(self.events["subject"][self.causes.liquidations])
            raise ConfigError(
                f"{self.name(account)} was not liquidated in replication {self.replication}; "
                f"{struck.size} accounts were{', such as ' + self.name(int(struck[0])) if struck.size else ''}"
            )
        return mine[np.argsort(-self.events["value"][mine], kind="stable")].tolist()

    def largest(self) -> int | None:
        """The liquidation of a population's account that seized most USD; None if there was none."""
        members = {row["name"] for row in self.world["populations"]}
        accounts = [np.arange(row["lo"], row["hi"]) for row in self.world["owners"] if row["name"] in members]
        found = self.causes.liquidations
        theirs = found[np.isin(self.events["subject"][found], np.concatenate([np.zeros(0, np.int64), *accounts]))]
        return int(theirs[np.argmax(self.events["value"][theirs])]) if theirs.size else None

    def chain(self, event: int) -> list[int]:
        """An event and its causes, back to the opening; ConfigError if there is no such event."""
        count = self.events["kind"].size
        if not 0 <= event < count:
            raise ConfigError(f"--event {event}: no such event; they run from 0 to {count - 1}")
        links = [event]
        while links[-1] > 0:
            links.append(int(self.events["cause"][links[-1]]))
        return links

    # Explaining ------------------------------------------------------------------------------------------------------

    def explain(self, event: int, depth: int = 2, top: int = 3) -> Liquidation:
        """The tree of causes of one liquidation. depth: generations of earlier liquidations; top: of each, how many."""
        events, cause = self.events, self.causes.of(event)
        chain = self.chain(event)
        breach = self._nearest(chain, Kind.BREACH)
        report = self._report(chain)
        parents, others, others_weight = self._parents(cause, depth, top)
        return Liquidation(
            event=event,
            tick=int(events["tick"][event]),
            time=self.folder.time(int(events["tick"][event])).isoformat(),
            account=cause.account,
            label=self.name(cause.account),
            liquidator=self.name(int(events["actor"][event])),
            protocol=self.world["protocols"][int(events["protocol"][event])]["name"],
            health=None if breach is None else float(events["amount"][breach]) * HEALTH_UNIT,
            debt_usd=None if breach is None else float(events["value"][breach]),
            token=self.tokens[cause.asset],
            seized=float(events["amount"][event]) / 10.0 ** self.world["tokens"][cause.asset]["decimals"],
            seized_usd=float(events["value"][event]),
            oracle=report,
            since=cause.start,
            fall=math.expm1(cause.fall),
            sources=self._sources(cause),
            forced=self.causes.forced_share(cause),
            parents=parents,
            others=others,
            others_weight=others_weight,
            shocks=self._shocks(cause),
        )

    def lineage(self, event: int) -> tuple[Ancestor, ...]:
        """From a liquidation back to one that no earlier liquidation helped to cause.

        Each step goes to the earliest liquidation with a part in the fall; one behind a deleveraging goes first.
        """
        line: list[Ancestor] = []
        while True:
            cause = self.causes.of(event)
            sale, parent = self.causes.sales_within(cause)
            sale, parent = sale[parent < event], parent[parent < event]
            if cause.fall >= 0 or not parent.size:
                return tuple(line)
            steps = [self._ancestor(int(s), int(p)) for s, p in zip(sale, parent, strict=True)]
            line.append(min(steps, key=lambda step: ("deleverage" not in step.through, step.event, step.sale)))
            event = line[-1].event

    def _ancestor(self, sale: int, parent: int) -> Ancestor:
        events = self.events
        between = [link for link in self.chain(sale)[1:] if link > parent] if sale != parent else []
        kinds = tuple(Kind(int(events["kind"][link])).name.lower() for link in between)
        return Ancestor(
            parent, int(events["tick"][parent]), self.name(int(events["subject"][parent])),
            self.world["protocols"][int(events["protocol"][parent])]["name"], sale,
            self.name(int(events["actor"][sale])), kinds,
        )  # fmt: skip

    def _nearest(self, chain: list[int], kind: Kind) -> int | None:
        return next((event for event in chain if self.events["kind"][event] == kind), None)

    def _report(self, chain: list[int]) -> OracleReport | None:
        update = self._nearest(chain, Kind.ORACLE_UPDATE)
        if update is None:
            return None
        events = self.events
        oracle = self.world["oracles"][int(events["subject"][update])]["name"]
        tick, observed = int(events["tick"][update]), int(events["amount"][update])
        return OracleReport(update, oracle, tick, observed, float(events["value"][update]))

    def _sources(self, cause: Cause) -> tuple[Source, ...]:
        """All sources that moved the price, largest share first."""
        if cause.fall >= 0:
            return ()
        names = {OUTSIDE: EXTERNAL} | dict(enumerate(self._desks()))
        pairs = zip(self.causes.sources(cause.asset), cause.shares().tolist(), strict=True)
        sources = [
            Source(names[population], Motive(motive).name.lower(), share) for (population, motive), share in pairs
        ]
        return tuple(sorted((source for source in sources if source.share), key=lambda source: -abs(source.share)))

    def _parents(self, cause: Cause, depth: int, top: int) -> tuple[tuple[Parent, ...], int, float]:
        ids, weights = self.causes.parents(cause)
        if depth <= 0 or not ids.size or not weights.sum():
            return (), int(ids.size), float(weights.sum())
        rank = np.argsort(-weights, kind="stable")
        chosen, rest = rank[:top], rank[top:]
        parents = tuple(Parent(float(weights[i]), self.explain(int(ids[i]), depth - 1, top)) for i in chosen)
        return parents, int(rest.size), float(weights[rest].sum())

    def _shocks(self, cause: Cause) -> tuple[str, ...]:
        shocks, within = self.world["shocks"], (cause.start, cause.observed)
        return tuple(shock["name"] for shock in shocks if within[0] < shock["at"] <= within[1])


def numbers(names: "pd.Series", allowed: list[str]) -> NDArray[np.int64]:
    """Position of each name among those allowed; -1 where there is none."""
    column = names.astype("category").cat
    place = {name: number for number, name in enumerate(allowed)}
    known = np.array([place[str(name)] for name in column.categories] + [-1], dtype=np.int64)
    return known[column.codes.to_numpy()]
