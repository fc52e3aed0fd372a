"""The exposure network of a run: who holds whose claims at each sampled tick, and where each node is drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.plots.run_view import RunView

VISIBLE = 1e-3
"""Links that never reach this share of the largest one are left out."""


@dataclass(frozen=True)
class Link:
    """All claims of one kind that one owner holds on another.

    kind: "claim" (receipts, shares) or "debt"; holder and issuer: places in the list of nodes.
    """

    holder: int
    issuer: int
    kind: str


@dataclass(frozen=True)
class Exposures:
    """Networks of one run on a common layout.

    nodes: names. protocol: (nodes,) whether each is a protocol. places: (nodes, 2) in [-1, 1]. ticks: (samples,).
    usd: (samples, links). hidden: links too small to be shown.
    """

    nodes: list[str]
    protocol: NDArray[np.bool_]
    places: NDArray[np.float64]
    ticks: NDArray[np.int64]
    links: list[Link]
    usd: NDArray[np.float64]
    hidden: int

    @property
    def sizes(self) -> NDArray[np.float64]:
        """(samples, nodes) USD of claims a node holds or owes, whichever is more."""
        held, owed = np.zeros((2, self.ticks.size, len(self.nodes)))
        for column, link in enumerate(self.links):
            held[:, link.holder] += self.usd[:, column]
            owed[:, link.issuer] += self.usd[:, column]
        return np.maximum(held, owed)

    @property
    def total(self) -> NDArray[np.float64]:
        """(samples,) USD of all links shown."""
        return self.usd.sum(axis=1)


def exposures(run: RunView) -> Exposures | None:
    """The networks of the run shown; None if none was sampled or nobody ever held a claim."""
    edges = run.edges
    if not len(edges):
        return None
    debts = [token["name"] for token in run.world["tokens"] if token["kind"] == "debt"]
    edges = edges.assign(kind=np.where(edges["token"].isin(debts), "debt", "claim"))
    table = edges.pivot_table(
        index="tick", columns=["holder", "issuer", "kind"], values="usd", aggfunc="sum", fill_value=0.0, observed=True
    )
    usd = table.to_numpy(dtype=float)
    large = usd.max(axis=0) >= VISIBLE * usd.max()
    keys = [key for key, keep in zip(table.columns, large, strict=True) if keep]
    nodes = _order(run, keys)
    links = [Link(nodes.index(holder), nodes.index(issuer), kind) for holder, issuer, kind in keys]
    known = {protocol["name"] for protocol in run.world["protocols"]}
    protocol = np.array([name in known for name in nodes])
    return Exposures(
        nodes=nodes,
        protocol=protocol,
        places=_layout(nodes, protocol, links),
        ticks=table.index.to_numpy(dtype=np.int64),
        links=links,
        usd=usd[:, large],
        hidden=int(np.count_nonzero(~large)),
    )


def _order(run: RunView, keys: list[tuple[str, str, str]]) -> list[str]:
    """Nodes in the order of the config: protocols, then everybody else."""
    present = {name for holder, issuer, _ in keys for name in (holder, issuer)}
    listed = [item["name"] for section in ("protocols", "populations") for item in run.world[section]]
    return [name for name in listed if name in present] + sorted(present - set(listed))


def _layout(nodes: list[str], protocol: NDArray[np.bool_], links: list[Link]) -> NDArray[np.float64]:
    """Protocols on an inner ring (a single one in the middle), others around, each near the protocols it deals with."""
    import networkx as nx

    inner, outer = np.flatnonzero(protocol).tolist(), np.flatnonzero(~protocol).tolist()
    if not inner or not outer:
        ring = nx.circular_layout(range(len(nodes)))
        return np.array([ring[i] for i in range(len(nodes))])
    turn = {node: 2 * np.pi * rank / len(inner) for rank, node in enumerate(inner)}
    partners: dict[int, list[float]] = {node: [] for node in outer}
    for link in links:
        for node, other in ((link.holder, link.issuer), (link.issuer, link.holder)):
            if node in partners and other in turn:
                partners[node].append(turn[other])
    outer.sort(key=lambda node: (_mean_angle(partners[node]), node))
    first = _mean_angle(partners[outer[0]]) - np.pi * (sum(_mean_angle(partners[n]) == _mean_angle(partners[outer[0]]) for n in outer) - 1) / len(outer)
    del first
    shells = nx.shell_layout(range(len(nodes)), nlist=[inner, outer], rotate=np.pi / max(len(outer), 1))
    return np.array([shells[i] for i in range(len(nodes))])


def _mean_angle(angles: list[float]) -> float:
    """Direction of the mean of unit vectors, in [0, 2 pi); 0 for none."""
    if not angles:
        return 0.0
    return float(np.round(np.angle(np.exp(1j * np.array(angles)).sum()), 9) % (2 * np.pi))
