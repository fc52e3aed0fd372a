"""What a page needs to replay the exposure network: nodes with their places, links with their USD at each sample."""

from typing import Any

import numpy as np

from experiments.plots import style
from experiments.plots.exposures import BEND, anchor, exposures, name_direction
from experiments.plots.run_view import RunView

CURVE_POINTS = 300


def replay(run: RunView) -> dict[str, Any] | None:
    """Plain data for JSON, numbers rounded to what can be seen; None if no network was sampled."""
    network = exposures(run)
    if network is None:
        return None
    tick = run.steps["tick"].to_numpy()
    at = np.clip(np.searchsorted(tick, network.ticks), 0, tick.size - 1)
    asset = run.asset(None) if run.assets else ""
    price = run.series(f"price.{asset}")
    kept = style.thin(price, CURVE_POINTS)
    names = [name_direction(network, node) for node in range(len(network.nodes))]
    return {
        "asset": asset,
        "bend": BEND,
        "ticks": network.ticks.tolist(),
        "hours": _rounded(style.hours(network.ticks, run.dt), 2),
        "times": [f"{run.folder.time(int(t)):%Y-%m-%d %H:%M} UTC" for t in network.ticks],
        "price": _significant(price[at], 6),
        "liquidations": np.cumsum(run.series("liquidations"))[at].astype(int).tolist(),
        "liquidated": _significant(np.cumsum(run.series("liquidated_usd"))[at], 4),
        "nodes": [
            {
                "name": name,
                "protocol": bool(network.protocol[i]),
                "place": _rounded(network.places[i], 3),
                "toward": _rounded(names[i], 3),
                "anchor": anchor(names[i]),
            }
            for i, name in enumerate(network.nodes)
        ],
        "links": [{"from": link.holder, "to": link.issuer, "kind": link.kind} for link in network.links],
        "usd": _significant(network.usd, 4),
        "curve": {"hours": _rounded(style.hours(tick[kept], run.dt), 2), "price": _significant(price[kept], 5)},
    }


def _rounded(values: np.ndarray, digits: int) -> Any:
    return np.round(values, digits).tolist()


def _significant(values: np.ndarray, digits: int) -> Any:
    """Values to a number of significant digits, as nested lists."""
    size = np.where(values == 0, 1.0, np.abs(values))
    scale = 10.0 ** (digits - 1 - np.floor(np.log10(size)))
    return (np.round(values * scale) / scale).tolist()
