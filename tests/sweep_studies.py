"""Made-up sweeps for tests: a table of runs whose every number is known, and what the manifest would say."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.analysis import Study
from experiments.design.samplers import draw


def ranged(name: str, low: float = 0.0, high: float = 1.0, scale: str = "linear") -> dict[str, Any]:
    """An axis between two bounds."""
    return {"name": name, "low": low, "high": high, "scale": scale, "whole": False, "numeric": True}


def listed(name: str, values: Sequence[Any], scale: str = "linear") -> dict[str, Any]:
    """An axis of values."""
    numeric = all(isinstance(value, int | float) for value in values)
    return {"name": name, "values": list(values), "scale": scale, "numeric": numeric}


def study(
    axes: Sequence[dict[str, Any]],
    params: Sequence[Sequence[Any]],
    outcomes: Callable[[np.ndarray, int], dict[str, np.ndarray]],
    replications: int = 1,
    failed: Sequence[tuple[int, int]] = (),
    **sweep: Any,
) -> Study:
    """A sweep. params: (points, axes) values. outcomes: (values, replication) -> columns over points."""
    frames = []
    for number in range(replications):
        columns = {f"param.{axis['name']}": [row[i] for row in params] for i, axis in enumerate(axes)}
        head = {"run_key": "", "point": range(len(params)), "replication": number, "seed": 7, "status": "ok"}
        made = outcomes(np.array([list(row) for row in params], dtype=object), number)
        frames.append(pd.DataFrame(head | {"duration_s": 0.1, "error": None} | columns | made))
    runs = pd.concat(frames, ignore_index=True)
    lost = pd.MultiIndex.from_frame(runs[["point", "replication"]]).isin(list(failed))
    runs.loc[lost, "status"] = "failed"
    runs.loc[lost, "error"] = "ValueError: no such luck"
    names = list(outcomes(np.array([list(row) for row in params], dtype=object), 0))
    runs[names] = runs[names].astype(float).mask(np.repeat(lost[:, None], len(names), axis=1))
    said = {"method": "grid", "axes": list(axes), "replications": replications, "points": len(params), "seed": 0}
    return Study(runs, said | {"stop": None, "keep": []} | sweep, "made up", 7)


def sampled(
    method: str,
    function: Callable[[np.ndarray], np.ndarray],
    axes: int,
    samples: int,
    noise: float = 0.0,
    **more: Any,
) -> Study:
    """A sweep over the unit cube by a sampler. function: (points, axes) -> (points,), as outcome `y`."""
    places = draw(method, axes, samples, 0, 4)

    def outcomes(values: np.ndarray, number: int) -> dict[str, np.ndarray]:
        luck = np.random.default_rng(number).standard_normal(len(values))
        return {"y": function(values.astype(float)) + noise * luck}

    named = [ranged(f"x{i}") for i in range(axes)]
    return study(named, places.tolist(), outcomes, method=method, samples=samples, levels=4, **more)


def ishigami(u: np.ndarray) -> np.ndarray:
    """The Ishigami function (a = 7, b = 0.1) on the unit cube: indices are known in closed form."""
    x = np.pi * (2 * u - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


ISHIGAMI_S1, ISHIGAMI_ST = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
