"""The exposure network of a run: who holds whose claims at each sampled tick, and where each node is drawn."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.plots.run_view import RunView

if TYPE_CHECKING:
    import networkx as nx

VISIBLE = 1e-3
"""Links that never reach this share of the largest one are left out."""
INNER = 0.5
"""Radius of the ring of protocols, where the others stand at 1."""
BEND = 0.16
"""How far links bend, as a share of their length, so that two in opposite directions keep apart."""
CLEAR, LETTER, LINE, MARGIN = 0.24, 0.085, 0.14, 0.05
"""Room a name keeps from its node's centre, the size of its letters and lines, room around it; the ring being 1."""


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

    def graph(self, sample: int) -> "nx.MultiDiGraph":
        """One sampled network: nodes by name, an edge from holder to issuer for each kind of claim, with its `usd`."""
        import networkx as nx

        graph = nx.MultiDiGraph(tick=int(self.ticks[sample]))
        for node, protocol in zip(self.nodes, self.protocol, strict=True):
            graph.add_node(node, protocol=bool(protocol))
        for link, usd in zip(self.links, self.usd[sample], strict=True):
            if usd > 0:
                graph.add_edge(self.nodes[link.holder], self.nodes[link.issuer], key=link.kind, usd=float(usd))
        return graph

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


def curve(start: NDArray[np.float64], end: NDArray[np.float64], points: int = 15) -> NDArray[np.float64]:
    """(points, 2) along the arc that a link is drawn as: a quadratic Bezier curve, bent to its right by BEND."""
    across = end - start
    control = (start + end) / 2 + BEND * np.array([across[1], -across[0]])
    t = np.linspace(0.0, 1.0, points)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def anchor(direction: NDArray[np.float64]) -> tuple[int, int]:
    """To which side of its point a name in some direction is written, across and up: -1, 0 (centred) or 1."""
    across = 0 if abs(direction[0]) < 0.35 else int(np.sign(direction[0]))
    return across, 0 if abs(direction[1]) < 0.75 else int(np.sign(direction[1]))


def name_direction(network: Exposures, node: int) -> NDArray[np.float64]:
    """(2,) unit vector from a node to its name: outwards from the ring; for a protocol, where it covers least."""
    place = network.places[node]
    if not network.protocol[node] and np.hypot(*place) > 0:
        return place / np.hypot(*place)
    arcs = [curve(network.places[link.holder], network.places[link.issuer]) for link in network.links]
    others = np.delete(network.places, node, axis=0)
    busy = np.concatenate([*arcs, np.repeat(others, 4, axis=0)])
    busy = busy[np.hypot(*(busy - place).T) > CLEAR]
    angles = 2 * np.pi * (np.arange(24) - 6) / 24  # below first: it wins a tie
    directions = _ring(angles, 1.0)
    half = np.array([LETTER * len(network.nodes[node]) / 2, LINE / 2])
    covered = []
    for direction in directions:
        centre = place + direction * CLEAR + np.array(anchor(direction)) * half
        covered.append(int(np.count_nonzero((np.abs(busy - centre) < half + MARGIN).all(axis=1))))
    return directions[int(np.argmin(covered))]


def _order(run: RunView, keys: list[tuple[str, str, str]]) -> list[str]:
    """Nodes in the order of the config: protocols, then everybody else."""
    present = {name for holder, issuer, _ in keys for name in (holder, issuer)}
    listed = [item["name"] for section in ("protocols", "populations") for item in run.world[section]]
    return [name for name in listed if name in present] + sorted(present - set(listed))


def _layout(nodes: list[str], protocol: NDArray[np.bool_], links: list[Link]) -> NDArray[np.float64]:
    """Protocols on an inner ring (a single one in the middle), others around, each near the protocols it deals with."""
    inner, outer = np.flatnonzero(protocol).tolist(), np.flatnonzero(~protocol).tolist()
    places = np.zeros((len(nodes), 2))
    toward = {node: np.pi / 2 + 2 * np.pi * rank / len(inner) for rank, node in enumerate(inner)}
    places[inner] = _ring(np.array(list(toward.values())), INNER if len(inner) > 1 else 0.0)
    wish = {node: _mean_angle([toward[end] for end in _partners(node, links) if end in toward]) for node in outer}
    outer.sort(key=lambda node: (wish[node], node))
    even = 2 * np.pi * np.arange(len(outer)) / max(len(outer), 1)
    turn = _mean_angle([wish[node] - angle for node, angle in zip(outer, even, strict=True)])
    places[outer] = _ring(even + turn, 1.0)
    return places


def _partners(node: int, links: list[Link]) -> list[int]:
    ends = [(link.holder, link.issuer) for link in links if node in (link.holder, link.issuer)]
    return [issuer if holder == node else holder for holder, issuer in ends]


def _ring(angles: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _mean_angle(angles: list[float]) -> float:
    """Direction of the mean of unit vectors, in [0, 2 pi); 0 where there is none."""
    x, y = np.cos(angles).sum(), np.sin(angles).sum()
    return float(np.round(np.arctan2(y, x), 9) % (2 * np.pi)) if np.hypot(x, y) > 1e-9 else 0.0
