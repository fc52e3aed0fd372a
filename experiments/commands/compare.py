"""`spillover compare`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.exits import OK
from experiments.store.layout import PLOTS
from experiments.wording import percent
from sim.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from experiments.analysis.bootstrap import Interval
    from experiments.compare import Comparison
    from experiments.comparison.ranking import Ranking

COMPARISON = "comparison.json"


def main(place: Path, level: float, order: list[str] | None, pictures: bool, as_json: bool) -> int:
    """Compare the rules of a sweep, write comparison.json and pictures next to it, and print what they say."""
    from experiments.analysis import open_study
    from experiments.compare import compare

    if not 0.0 < level < 1.0:
        raise ConfigError(f"--level: found {level:g}; must lie between 0 and 1, such as 0.95")
    found = compare(open_study(place), level, tuple(order or ()))
    target, data = write(place, found)
    drawn, left_out = draw(place, found) if pictures else ({}, {})
    if as_json:
        console.emit(data | {"pictures": drawn, "not_drawn": left_out})
    else:
        notes = [f"{name}: not drawn: {reason}" for name, reason in left_out.items()]
        console.show(*tables(found), *notes, *(path for paths in drawn.values() for path in paths), str(target))
    return OK


def write(place: Path, found: "Comparison") -> tuple[Path, dict[str, Any]]:
    """Write comparison.json into a sweep's folder; its path and what it holds."""
    data = found.as_data()
    target = place / PLOTS / COMPARISON
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(console.jsonable(data), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return target, data


def draw(place: Path, found: "Comparison") -> tuple[dict[str, list[str]], dict[str, str]]:
    """Write the pictures into a sweep's folder: (name -> paths, name -> why it is not drawn)."""
    from experiments.plots import comparisons

    drawn, left_out = {}, {}
    for name in comparisons.names():
        picture = comparisons.picture(found, name)
        if picture.reason:
            left_out[name] = picture.reason
        else:
            drawn[name] = [str(path) for path in picture.save(place / PLOTS / name)]
    return drawn, left_out


def tables(found: "Comparison") -> "list[RenderableType]":
    """What a tournament says, for people."""
    top = percent(found.arena.shares[-1], 0)
    parts: list[RenderableType] = [f"{found.arena.study.footer}; intervals {percent(found.level, 0)}", ""]
    parts += [*_ranking(found, top), ""]
    if found.margins:
        rows = [[row.rule, *(_cents(part) for part in (row.first, row.last, row.difference))] for row in found.margins]
        first, last = (percent(share, 0) for share in (found.arena.shares[1], found.arena.shares[-2]))
        title = "losses of everybody else per adopting dollar at the margin, in cents"
        columns = ["rule", f"first (0% to {first})", f"last ({last} to {top})", "last less first"]
        parts += [console.table(title, columns, rows), ""]
    if found.critical:
        parts += [_critical(found), ""]
    if found.diversity:
        rows = [[row.rule, *(_cents(part) for part in (row.alike, row.mixed, row.effect))] for row in found.diversity]
        title = f"losses of everybody else per adopting dollar, in cents, at {top}, if followers are alike or differ"
        parts += [console.table(title, ["rule", "alike", "different", "different less alike"], rows), ""]
    if found.ordering:
        rows = [
            [f"{pair.first} < {pair.second}", _shown(pair.difference, 1e4), f"{pair.adjusted:.3g}"]
            for pair in found.ordering
        ]
        title = (
            f"mispricing at {percent(found.arena.shares[1], 0)}, basis points per $100M: order appears: {found.ordered}"
        )
        parts += [console.table(title, ["", "second less first", "p (Holm)"], rows), ""]
    return parts


def _ranking(found: "Comparison", top: str) -> "list[RenderableType]":
    rows, alike = [], []
    for place in found.footprint_ranking.places:
        private = found.cell(place.rule, found.arena.shares[-1], "return")
        worth = found.cell(place.rule, found.arena.shares[-1], "certainty_equivalent")
        own = [_shown(cell.interval, 100) if cell else "" for cell in (private, worth)]
        rows.append([place.rule, f"{place.place} [{place.low} to {place.high}]", _cents(place.value), *own])
        alike.append([place.rule, _alike(found.footprint_ranking, place.rule)])
    title = (
        f"at {top} adoption, mean over markets: cents lost by others per adopting dollar, and points of return and of "
        "certainty equivalent over the benchmark"
    )
    told = f"losses of others not distinguishable (Holm's correction at {percent(1 - found.level, 0)})"
    columns = ["rule", "place", "lost by others", "own return", "certainty equivalent"]
    return [console.table(title, columns, rows), "", console.table(told, ["rule", "from "], alike)]


def _alike(ranking: "Ranking", rule: str) -> str:
    """The rules that one cannot be told apart from, by whichever list is shorter."""
    alike, others = ranking.like(rule), [place.rule for place in ranking.places if place.rule != rule]
    distinct = [other for other in others if other not in alike]
    if len(distinct) < len(alike):
        return f"all but {', '.join(distinct)}" if distinct else "any other"
    return ", ".join(alike) or "none"


def _critical(found: "Comparison") -> "RenderableType":
    rows = []
    for row in found.critical:
        gains = [_shown(row.gains[0], 1, 2), _shown(row.gains[-1], 1, 2)]
        rows.append([row.rule, row.market, row.asset, *gains, _share(row.share)])
    none, all_ = (percent(found.arena.shares[number], 0) for number in (0, -1))
    columns = ["rule", "market ", "asset ", f"gain at {none}", f"gain at {all_}", "one at a share of"]
    return console.table("gain of the loop through all orders that follow prices", columns, rows)


def _share(share: "Interval") -> str:
    """A share at which something happens; beyond is one above all that were run."""
    value, low, high = ("beyond" if end == float("inf") else percent(end, 0) for end in _ends(share))
    value = "not reached" if value == "beyond" else value
    return value if low == high == "beyond" else f"{value} [{low} to {high}]"


def _cents(interval: "Interval") -> str:
    return _shown(interval, 100.0)


def _shown(interval: "Interval", scale: float, digits: int = 1) -> str:
    """An estimate and its ends; open where nothing bounds it."""
    if interval.value != interval.value:
        return "no runs"
    value, low, high = ("open" if abs(end) == float("inf") else f"{scale * end:,.{digits}f}" for end in _ends(interval))
    return f"{value} [{low}, {high}]"


def _ends(interval: "Interval") -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
