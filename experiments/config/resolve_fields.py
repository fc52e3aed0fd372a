"""From what the user writes to what a component sees, for the types of sim/fields.py.

Each resolver is a function (written value, context) -> value that raises ConfigError; as an annotation, `Resolve`
puts it in front of pydantic's own validation of the target type.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from experiments.config.nodes import Text
from experiments.config.problems import found
from sim import fields
from sim.clock import UNITS, Clock, parse_duration, parse_time
from sim.errors import ConfigError, suggestion

PROBLEM = "spillover"
"""Type of the pydantic errors whose text is already ours."""
UNDECIDED = "spillover_undecided"
"""Type of the pydantic errors that only say that something else is wrong."""


class Undecided(ConfigError):
    """A value cannot be judged, because what it refers to is wrong itself."""


@dataclass
class Context:
    """What validation knows besides the value itself.

    clock: the run's time grid; None while [run] is read or if it is wrong. names: declared names by section.
    readers: which class read which table, by id of the table's node.
    """

    clock: Clock | None = None
    names: dict[str, list[str]] = field(default_factory=dict)
    readers: dict[int, type] = field(default_factory=dict)


class DataPath(str):
    """Absolute path of an existing data file."""

    __slots__ = ()

    @property
    def sha256(self) -> str:
        """Digest of the file's bytes, hex."""
        with open(self, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Resolve:
    """Annotation that runs a resolver before (or, if `whole`, instead of) the validation of its target type."""

    def __init__(self, function: Callable[[Any, Context], Any], schema: dict[str, Any], whole: bool = False) -> None:
        self.function, self.schema, self.whole = function, schema, whole

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.whole:
            return core_schema.with_info_plain_validator_function(self._run)
        return core_schema.with_info_before_validator_function(self._run, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: Any) -> dict[str, Any]:
        return dict(self.schema)

    def _run(self, value: Any, info: ValidationInfo) -> Any:
        try:
            return self.function(value, info.context or Context())
        except ConfigError as error:
            kind = UNDECIDED if isinstance(error, Undecided) else PROBLEM
            raise PydanticCustomError(kind, "{text}", {"text": str(error)}) from None


def _when(value: Any, context: Context) -> int:
    if context.clock is None:
        raise Undecided("the run's time grid is wrong")
    return context.clock.tick_of(value)


def _name(value: Any, context: Context) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"""[^\s.=\[\]"']+""", value):
        raise ConfigError(f"{found(value)}; a name is a text without spaces, dots, quotes, brackets and =")
    return str(value)


def _data_file(value: Any, context: Context) -> DataPath:
    if not isinstance(value, str):
        raise ConfigError(f"{found(value)}; must be the path of a file")
    path = (value.folder if isinstance(value, Text) else Path.cwd()) / value
    if path.is_file():
        return DataPath(path.resolve())
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_file()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, beside, n=1)
    hint = f'did you mean "{Path(value).with_name(near[0])}"?' if near else f"nothing like it is in {path.parent}"
    raise ConfigError(f'no file "{value}"; {hint}')


def _declared(section: str, what: str) -> Callable[[Any, Context], str]:
    def resolve(value: Any, context: Context) -> str:
        known = context.names.get(section, [])
        if not isinstance(value, str):
            raise ConfigError(f"{found(value)}; must be the name of {what}{suggestion('', known)}")
        if value not in known:
            raise ConfigError(f'no {what.split()[-1]} "{value}" under [[{section}]]{suggestion(value, known)}')
        return str(value)

    return resolve


_UNITS = "|".join(UNITS)
_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": rf"^(\d+(\.\d+)?\s*({_UNITS})\s*)+$"},
    ],
    "description": 'Seconds, or a text such as "90s", "10min", "8h", "7d".',
}
_WHEN_SCHEMA = {
    "type": ["integer", "string"],
    "description": 'A tick, an offset from the start such as "6h", or a UTC date such as "2021-05-19T12:00:00Z".',
}
_TIME_SCHEMA = {"type": "string", "description": 'A UTC date such as "2021-05-19T12:00:00Z".'}


def _reference(section: str, what: str) -> Resolve:
    schema = {"type": "string", "description": f"Name of {what} declared under [[{section}]]."}
    return Resolve(_declared(section, what), schema)


def _holding(value: Any, context: Context) -> str:
    known = [*context.names.get("assets", []), *context.names.get("protocols", [])]
    if value in known:
        return str(value)
    if not isinstance(value, str):
        raise ConfigError(f"{found(value)}; must be the name of an asset or a protocol{suggestion('', known)}")
    raise ConfigError(f'no asset "{value}" under [[assets]], and no protocol{suggestion(value, known)}')


Name = Annotated[str, Resolve(_name, {"type": "string", "pattern": r"""^[^\s.=\[\]"']+$"""})]
"""A name that paths, columns and --set can carry."""

RESOLVED: dict[Any, Any] = {
    fields.Duration: Annotated[float, Resolve(lambda value, _: parse_duration(value), _DURATION_SCHEMA)],
    fields.When: Annotated[int, Resolve(_when, _WHEN_SCHEMA)],
    fields.AssetName: Annotated[str, _reference("assets", "an asset")],
    fields.HoldingName: Annotated[
        str, Resolve(_holding, {"type": "string", "description": "Name of an asset or of a protocol."})
    ],
    fields.ProtocolName: Annotated[str, _reference("protocols", "a protocol")],
    fields.OracleName: Annotated[str, _reference("oracles", "an oracle")],
    fields.AgentName: Annotated[str, _reference("agents", "a population")],
    fields.DataFile: Annotated[str, Resolve(_data_file, {"type": "string", "description": "A file."}, whole=True)],
    datetime: Annotated[datetime, Resolve(lambda value, _: parse_time(value), _TIME_SCHEMA)],
}
"""What stands in for each type of setting."""
