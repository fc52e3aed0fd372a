"""A proposed change of one parameter, checked against the steward's limits, and the sweep that judges it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from experiments.config import Config
from experiments.config.sets import dotted
from experiments.design.toml_text import toml_text
from experiments.steward.limits import DELAY_DAYS, LIMITS, Limit
from sim.errors import ConfigError, suggestion

KEEP = ("steps", "edges")
OPENING = "record.networks=[0]"
"""Setting that stores who owes what to whom before the first tick."""
VOLATILITY = "volatility"
"""Axis that scales all volatilities."""
_HOW = "protocols.PROTOCOL.reserves.ASSET.PARAMETER=VALUE"


@dataclass(frozen=True)
class Proposal:
    """A parameter of a reserve, now and as proposed.

    protocol, asset, parameter: which one. now, proposed: its values. changes: in how many changes it is made.
    """

    protocol: str
    asset: str
    parameter: str
    now: float
    proposed: float
    changes: int = 1

    @property
    def path(self) -> str:
        """The setting."""
        return f"protocols.{self.protocol}.reserves.{self.asset}.{self.parameter}"

    @property
    def limit(self) -> Limit:
        """How far a steward may move it."""
        return LIMITS[self.parameter]

    @property
    def title(self) -> str:
        """The proposal in words."""
        show = self.limit.show
        return f"{self.asset} {self.limit.noun} {show(self.now)} to {show(self.proposed)}"


@dataclass(frozen=True)
class Study:
    """The sweep that judges a proposal.

    config: with its [sweep]. proposal: what is judged. values: of the parameter, rising. factors: of volatility, one
    after the other the fast axis of the sweep. runs: of each value and factor.
    """

    config: Config
    proposal: Proposal
    values: tuple[float, ...]
    factors: tuple[float, ...]
    runs: int


def propose(
    config: Config,
    change: str,
    changes: int = 1,
    runs: int = 80,
    factors: Sequence[float] = (1.0,),
    many: int = 5,
) -> Study:
    """Check a proposal and lay out its sweep: the values around it that a steward could set, by volatility.

    Parameters
    ----------
    config: the market. change: `path=value` of one parameter of a reserve. changes: how many changes, one after the
    other, may be used. runs: of each value and volatility, on the same random numbers. factors: of all volatilities of
    the config. many: values of the parameter, besides the proposed one.

    Raises ConfigError if there is no such parameter, or if the value is out of the steward's reach.
    """
    if changes < 1 or runs < 2 or many < 2:
        raise ConfigError(f"--changes {changes}, --runs {runs}, --frontier {many}: must be at least 1, 2 and 2")
    factors = tuple(dict.fromkeys(float(factor) for factor in factors))
    if not factors or min(factors) <= 0.0:
        raise ConfigError(f"--volatility: found {', '.join(map(str, factors)) or 'none'}; must be above 0, such as 1.5")
    proposal = _read(config, change, changes)
    config.with_sets([f"{proposal.path}={proposal.proposed!r}"])
    values = _values(config, proposal, many)
    axes: dict[str, Any] = {proposal.path: values}
    if factors != (1.0,):
        axes[VOLATILITY] = [_level(config, factor) for factor in factors]
    section = {"method": "grid", "replications": runs, "keep": KEEP, "axes": axes}
    return Study(config.with_sets([OPENING, f"sweep={toml_text(section)}"]), proposal, values, factors, runs)


def _read(config: Config, change: str, changes: int) -> Proposal:
    path, equals, text = change.partition("=")
    parts = dotted(path)
    if not equals or len(parts) != 5 or parts[0] != "protocols" or parts[2] != "reserves":
        raise ConfigError(f'--change "{change}": write it as {_HOW}')
    _, protocol, _, asset, parameter = parts
    pools = {pool.name: pool for pool in config.components("protocol") if hasattr(pool, "reserves")}
    if protocol not in pools:
        raise ConfigError(f'--change "{change}": no lending protocol "{protocol}"{suggestion(protocol, list(pools))}')
    reserves: dict[str, Any] = {reserve.asset: reserve for reserve in pools[protocol].reserves}
    if asset not in reserves:
        near = suggestion(asset, list(reserves))
        raise ConfigError(f'--change "{change}": {protocol} has no reserve "{asset}"{near}')
    if parameter not in LIMITS:
        known = suggestion(parameter, list(LIMITS))
        raise ConfigError(f'--change "{change}": a steward cannot change "{parameter}"{known}')
    try:
        proposed = float(text)
    except ValueError:
        raise ConfigError(f'--change "{change}": found "{text}"; must be a number') from None
    now = getattr(reserves[asset], parameter)
    if now is None or (now == 0.0 and LIMITS[parameter].relative):
        found = "not set" if now is None else "0"
        raise ConfigError(
            f'--change "{change}": {parameter} is {found} now, and a steward moves what is there; '
            f"write one into the config, or --set {path}=..."
        )
    proposal = Proposal(protocol, asset, parameter, float(now), proposed, changes)
    _refuse(proposal, change)
    return proposal


def _refuse(proposal: Proposal, change: str) -> None:
    """Raise ConfigError for a proposal out of reach."""
    limit, now, value = proposal.limit, proposal.now, proposal.proposed
    if value == now:
        raise ConfigError(f'--change "{change}": {proposal.parameter} is {now:g} already; propose another value')
    if limit.allows(now, value, proposal.changes):
        return
    low, high = limit.range(now, proposal.changes)
    needed = limit.needed(now, value)
    within = "1 change" if proposal.changes == 1 else f"{proposal.changes} changes"
    way = f"; or reach it in {needed} with --changes {needed}" if needed else ""
    above = "above " if low <= 0.0 or (limit.relative and limit.step >= 1.0) else ""
    raise ConfigError(
        f'--change "{change}": {now:g} -> {value:g} is a change of {limit.change(now, value)}; allowed in {within}: '
        f"{above}{low:.10g} to {high:.10g} (the limit of {limit.words} applies per change, and the next change can "
        f"come {DELAY_DAYS} days later){way}"
    )


def _values(config: Config, proposal: Proposal, many: int) -> tuple[float, ...]:
    """Values within reach that the config takes, with now and proposed among them."""
    found = [proposal.now, proposal.proposed]
    for value in proposal.limit.values(proposal.now, proposal.changes, many):
        if any(abs(value - other) <= 1e-9 * max(1.0, abs(other)) for other in found):
            continue
        try:
            config.with_sets([f"{proposal.path}={value!r}"])
        except ConfigError:
            continue  # An LTV above the threshold, for example: no steward can set it either.
        found.append(value)
    return tuple(sorted(found))


def _level(config: Config, factor: float) -> dict[str, Any]:
    """A level of the axis of volatilities."""
    drivers = {
        process.name: process.volatility
        for process in config.components("process")
        if isinstance(getattr(process, "volatility", None), float | int)
    }
    if not drivers:
        raise ConfigError(f"--volatility {factor:g}: no process of this config has a volatility to be scaled")
    sets = {f"processes.{name}.volatility": round(factor * size, 12) for name, size in drivers.items()}
    return {"label": f"{factor:g} x", "set": sets}
