"""One registry for everything that can be plugged in.

A component is one file with one decorated dataclass. Its fields are its settings; their annotations (with
`annotated_types` bounds) are its schema. Registration alone puts it in the config schema, `spillover list`,
the conformance suite and the docs.

    @component("rule", "equal_weight")
    class EqualWeight(AllocationRule):
        '''One nth of wealth in each asset.'''
        def weights(self, view): ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sim.errors import ConfigError, UnknownKind, suggestion

T = TypeVar("T", bound=type)

FAMILIES = {
    "process": "exogenous fundamentals (price paths)",
    "shock": "dated disturbances",
    "protocol": "venues that execute intents",
    "oracle": "price feeds that protocols mark to",
    "population": "behaviours of many accounts",
    "rule": "target weights of allocators",
    "trigger": "when an allocator acts on its target",
    "forecaster": "how much prices are going to vary",
    "hedge": "how far the delta of an option position may stray",
    "payoff": "what exotic contracts pay",
    "metric": "numbers measured from a run",
    "plot": "pictures of a run folder",
}

_components: dict[str, dict[str, type]] = {family: {} for family in FAMILIES}


def component(family: str, kind: str) -> Callable[[T], T]:
    """Class decorator: make a keyword-only dataclass of the class and register it.

    Raises ConfigError if the family does not exist or the kind is already taken by another class.
    """
    if family not in FAMILIES:
        raise ConfigError(f'unknown component family "{family}"{suggestion(family, sorted(FAMILIES))}')

    def register(cls: T) -> T:
        taken = _components[family].get(kind)
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigError(f'{family} "{kind}" is registered twice: {taken.__module__} and {cls.__module__}')
        made: Any = dataclass(kw_only=True, eq=False)(cls)
        made.family, made.kind = family, kind
        made.__pydantic_config__ = {"extra": "forbid"}
        _components[family][kind] = made
        return made

    return register


def kinds(family: str) -> list[str]:
    """Names of all registered kinds of a family, sorted; ConfigError if there is no such family."""
    if family not in _components:
        raise ConfigError(f'unknown component family "{family}"{suggestion(family, sorted(FAMILIES))}')
    return sorted(_components[family])


def lookup(family: str, kind: str) -> type:
    """The class registered under (family, kind); UnknownKind with the nearest name otherwise."""
    try:
        return _components[family][kind]
    except KeyError:
        raise UnknownKind(f'unknown {family} kind "{kind}"{suggestion(kind, kinds(family))}') from None


def summary(cls: type) -> str:
    """First line of a component's docstring, for `spillover list` and the docs."""
    return (cls.__doc__ or "").strip().split("\n")[0]
