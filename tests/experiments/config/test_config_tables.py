"""Models made from dataclasses: every kind of annotation a component may use."""

import importlib.util
import math
import sys
from dataclasses import dataclass, field
from enum import Enum

import pytest
from pydantic import ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticCustomError

from experiments.config import ConfigProblems, load
from experiments.config.resolve_fields import Context
from experiments.config.tables import instance_of, model_of, read
from sim.errors import ConfigError

PLUGIN = '''
from __future__ import annotations
from dataclasses import field
from typing import TYPE_CHECKING
from sim.fields import AssetName, Count, Duration
from sim.registry import component
if TYPE_CHECKING:
    from somewhere import Unknown

@component("population", "patient")
class Patient:
    """Waits."""
    name: str
    count: Count
    waits: Duration = 60.0
    wants: list[AssetName] | None = None
    state: Unknown = field(default=None, init=False)
'''


class Side(Enum):
    BUY = "buy"
    SELL = "sell"


@dataclass(kw_only=True)
class Settings:
    flag: bool = False
    size: float = math.inf
    side: Side = Side.BUY
    pair: tuple[int, str] = (1, "a")
    table: dict[str, list[float]] = field(default_factory=dict)
    either: float | str = 0.0


def refused(table):
    with pytest.raises(ValidationError) as caught:
        read(Settings, table, Context())
    return [error["loc"] for error in caught.value.errors()]


def test_defaults_and_containers():
    assert instance_of(read(Settings, {}, Context())) == Settings()
    table = {"flag": True, "size": 3, "side": "sell", "pair": [2, "b"], "table": {"x": [1, 2.5]}, "either": "z"}
    assert instance_of(read(Settings, table, Context())) == Settings(
        flag=True, size=3.0, side=Side.SELL, pair=(2, "b"), table={"x": [1.0, 2.5]}, either="z"
    )


def test_infinity_is_allowed_where_it_is_the_default_and_nan_nowhere():
    assert instance_of(read(Settings, {"size": math.inf}, Context())).size == math.inf
    assert refused({"size": math.nan}) == [("size",)]
    assert refused({"table": {"x": [math.inf]}}) == [("table", "x", 0)]


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"flag": 1}, ("flag",)),
        ({"flag": "true"}, ("flag",)),
        ({"size": "3"}, ("size",)),
        ({"size": True}, ("size",)),
        ({"side": "hold"}, ("side",)),
        ({"pair": [1, 2]}, ("pair", 1)),
        ({"pair": [1, "a", 2]}, ("pair",)),
        ({"table": {"x": 3}}, ("table", "x")),
        ({"table": []}, ("table",)),
        ({"other": 1}, ("other",)),
    ],
)
def test_types_are_strict(table, place):
    assert refused(table) == [place]


def test_what_is_no_table():
    with pytest.raises(PydanticCustomError, match=r'found "x" \(text\); must be a table of settings'):
        read(Settings, "x", Context())


def test_a_model_is_made_once():
    assert model_of(Settings) is model_of(Settings)


def test_a_type_that_no_config_can_hold_names_its_class():
    class Opaque:
        pass

    @dataclass(kw_only=True)
    class Odd:
        inside: Opaque

    with pytest.raises(PydanticUserError) as caught:
        model_of(Odd)
    assert caught.value.__notes__ == [f"while reading the settings of {Odd.__module__}.{Odd.__qualname__}"]


def test_a_plugin_with_postponed_annotations(folder):
    (folder / "plugin.py").write_text(PLUGIN)
    spec = importlib.util.spec_from_file_location("config_plugin", folder / "plugin.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["config_plugin"] = module
    try:
        spec.loader.exec_module(module)
        (folder / "mine.toml").write_text(
            'extends = "market.toml"\n[[agents]]\nname = "p"\nkind = "patient"\ncount = 1\nwaits = "2h"\n'
            'wants = ["ETH"]'
        )
        patient = load("mine.toml").components("population")[2]
        assert (patient.waits, patient.wants, patient.state) == (7200.0, ["ETH"], None)
        with pytest.raises(ConfigProblems, match=r"agents.p.state: unknown setting"):
            load("mine.toml", ["agents.p.state=1"])
    finally:
        del sys.modules["config_plugin"]


def test_checks_may_name_deeper_settings_or_raise(edited, toys, monkeypatch):
    monkeypatch.setattr(
        toys.Pool, "check", lambda self: [("reserves.USDC.ltv", "too high"), ("", "all wrong")], raising=False
    )
    edited()
    with pytest.raises(ConfigProblems) as caught:
        load("market.toml")
    assert [str(problem).partition(": ")[2] for problem in caught.value.problems] == [
        "protocols.aave: all wrong",
        "protocols.aave.reserves.USDC.ltv: too high",
    ]

    def stop(self):
        raise ConfigError("no")

    monkeypatch.setattr(toys.Pool, "check", stop)
    with pytest.raises(ConfigProblems, match=r"protocols\.aave: no"):
        load("market.toml")
