"""`spillover explain`: the tree of causes on a terminal, as indented text, or as JSON."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.commands import console
from experiments.exits import OK
from experiments.explain import Ancestor, Evidence, Liquidation, Source
from experiments.store import open_run
from experiments.store.layout import EXTERNAL
from experiments.wording import count, percent, price, usd
from sim.errors import ConfigError
from sim.events import Kind

if TYPE_CHECKING:
    from rich.tree import Tree

FORCED = ("liquidation", "unwind")
"""Motives of what liquidations made somebody sell."""
SMALL = 0.005
SMALL_INSIDE = 0.05
"""Sources with a smaller share are counted, not listed: of the first liquidation, and of those below it."""
_MOTIVES = {
    "fundamental": "fundamental price",
    "shock": "shocks to the fundamental price",
    "noise": "noise trading",
    "momentum": "momentum trading",
    "market_making": "market making",
    "run": "runs",
}


@dataclass
class Twig:
    """One line of a tree and what hangs below it."""

    text: str
    twigs: "list[Twig]" = field(default_factory=list)


def main(
    place: Path,
    account: str | None,
    event: int | None,
    replication: int | None,
    depth: int,
    top: int,
    as_json: bool,
) -> int:
    """Explain a liquidation, or print the causes of any other event; the exit code."""
    if account is not None and event is not None:
        raise ConfigError("--account and --event name two things; give one of them")
    evidence = Evidence(open_run(place), replication)
    chosen, more = _choose(evidence, account, event)
    if chosen is None:
        if as_json:
            console.emit(None)
        else:
            console.show(f"No account was liquidated in replication {evidence.replication}.")
    elif evidence.events["kind"][chosen] != Kind.LIQUIDATION:
        _print(_history(evidence, chosen), [chain(evidence, link) for link in evidence.chain(chosen)], as_json)
    else:
        found = replace(evidence.explain(chosen, depth, top), lineage=evidence.lineage(chosen))
        tree = liquidation(found)
        if more:
            tree.twigs.append(Twig(f"other liquidations of this account: events {', '.join(map(str, more))}"))
        _print(tree, found.as_dict(), as_json)
    return OK


def _choose(evidence: Evidence, account: str | None, event: int | None) -> tuple[int | None, list[int]]:
    """The event to explain, and other liquidations of the same account."""
    if event is not None:
        evidence.chain(event)
        return event, []
    if account is not None:
        first, *more = evidence.of_account(evidence.account(account))
        return first, more
    return evidence.largest(), []


def liquidation(found: Liquidation) -> Twig:
    """The tree of one liquidation."""
    moment = found.time.replace("T", " ").replace("+00:00", " UTC")
    head = f"{found.label} was liquidated on {found.protocol} at tick {found.tick} ({moment}), event {found.event}"
    state = []
    if found.health is not None:
        state.append(f"health factor {found.health:.4f}")
    if found.debt_usd is not None:
        state.append(f"debt {usd(found.debt_usd)}")
    state.append(f"{found.liquidator} seized {found.seized:,.6g} {found.token} ({usd(found.seized_usd)})")
    twigs = [Twig("; ".join(state))]
    if found.oracle is not None:
        oracle = found.oracle
        told = (
            f"oracle {oracle.oracle} said {price(oracle.price)} at tick {oracle.tick}, seen at tick {oracle.observed}"
        )
        twigs.append(Twig(told))
    twigs.append(_fall(found, set(), SMALL))
    if found.lineage:
        twigs.append(Twig("traced back to the first liquidation:", [_ancestor(step) for step in found.lineage]))
    return Twig(head, twigs)


def _ancestor(step: Ancestor) -> Twig:
    """One step back: whose liquidation, and the sale by which it had a part in the fall."""
    sale = "" if step.sale == step.event else f"; part of the fall by a sale of {step.seller}, event {step.sale}"
    through = f", after {', '.join(kind.replace('_', ' ') for kind in step.through)}" if step.through else ""
    return Twig(f"{step.label} on {step.venue}, tick {step.tick}, event {step.event}{sale}{through}")


def _fall(found: Liquidation, shown: set[int], small: float) -> Twig:
    """The price fall and its sources. shown: events explained already; small: sources below this share are counted."""
    shown.add(found.event)
    since = "since the opening" if found.since < 0 else f"since the account last borrowed at tick {found.since}"
    if not found.sources:
        return Twig(f"the price of {found.token} did not fall {since}: the debt grew, or became dearer")
    sales = sum(source.share for source in found.sources if source.motive in FORCED)
    others = [source for source in found.sources if source.motive not in FORCED]
    lines = [(source.share, Twig(f"{percent(source.share)} {_source(source, found)}")) for source in others]
    if sales:
        lines.append((sales, Twig(f"{percent(sales)} liquidations' selling", _parents(found, shown))))
    lines.sort(key=lambda line: -abs(line[0]))
    twigs = [twig for share, twig in lines if abs(share) >= small]
    rest = [share for share, _ in lines if abs(share) < small]
    if rest:
        twigs.append(Twig(f"{percent(sum(rest))} {count(len(rest), 'smaller source')}"))
    return Twig(f"{found.token} fell {percent(-found.fall)} {since}; of this fall:", twigs)


def _source(source: Source, found: Liquidation) -> str:
    text = _MOTIVES.get(source.motive, source.motive.replace("_", " "))
    if source.motive == "shock" and found.shocks:
        return f"{text} ({', '.join(found.shocks)})"
    return text if source.population == EXTERNAL else f"{source.population}: {text}"


def _parents(found: Liquidation, shown: set[int]) -> list[Twig]:
    twigs = []
    for parent in found.parents:
        earlier = parent.liquidation
        head = f"{percent(parent.weight)} {earlier.label}, tick {earlier.tick}, {usd(earlier.seized_usd)}"
        if earlier.event in shown:
            twigs.append(Twig(f"{head}, event {earlier.event} (see above)"))
        else:
            twigs.append(Twig(f"{head}, event {earlier.event}", [_fall(earlier, shown, SMALL_INSIDE)]))
    if found.others:
        rest = "other" if found.parents else "earlier"
        twigs.append(Twig(f"{percent(found.others_weight)} {count(found.others, f'{rest} liquidation')}"))
    return twigs


def chain(evidence: Evidence, event: int) -> dict[str, Any]:
    """One event as plain data."""
    events = evidence.events
    token = int(events["token"][event])
    return {
        "event": event,
        "tick": int(events["tick"][event]),
        "kind": Kind(int(events["kind"][event])).name.lower(),
        "actor": evidence.name(int(events["actor"][event])),
        "token": evidence.tokens[token] if token >= 0 else None,
        "value": float(events["value"][event]),
    }


def _history(evidence: Evidence, event: int) -> Twig:
    """An event with its cause below it, and so on back to the opening."""
    first, *older = [chain(evidence, link) for link in evidence.chain(event)]
    tree = Twig(_line(first))
    last = tree
    for link in older:
        last.twigs.append(Twig(f"because of {_line(link)}"))
        last = last.twigs[0]
    return tree


def _line(link: dict[str, Any]) -> str:
    who = "" if link["actor"] == "nobody" else f" by {link['actor']}"
    what = f" in {link['token']}" if link["token"] else ""
    return f"event {link['event']}, tick {link['tick']}: {link['kind'].replace('_', ' ')}{who}{what}"


def _print(tree: Twig, data: Any, as_json: bool) -> None:
    if as_json:
        console.emit(data)
    elif sys.stdout.isatty():
        console.show(_grown(tree))
    else:
        console.show(*_indented(tree))


def _grown(twig: Twig) -> "Tree":
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(twig.text))
    tree.children = [_grown(child) for child in twig.twigs]
    return tree


def _indented(twig: Twig, depth: int = 0) -> list[str]:
    return [f"{'  ' * depth}{twig.text}", *(line for child in twig.twigs for line in _indented(child, depth + 1))]
