"""Types of component settings that the config layer resolves before a component sees them.

A component says `start: When` and receives a tick; the user writes a tick, an offset ("6h") or a date.
"""

from typing import Annotated, NewType

from annotated_types import Ge, Gt, Le

Duration = NewType("Duration", float)
"""Seconds. The user writes seconds or a text such as "90s", "10min", "8h", "7d"."""

When = NewType("When", int)
"""A tick. The user writes a tick, an offset from the start ("6h") or a UTC date ("2021-05-19T12:00:00Z")."""

AssetName = NewType("AssetName", str)
"""Name of a base asset declared under [[assets]]."""

HoldingName = NewType("HoldingName", str)
"""What an allocator may hold: a base asset, or a deposit, which bears the name of its protocol."""

ProtocolName = NewType("ProtocolName", str)
"""Name of a protocol declared under [[protocols]]."""

OracleName = NewType("OracleName", str)
"""Name of an oracle declared under [[oracles]]."""

AgentName = NewType("AgentName", str)
"""Name of a population declared under [[agents]]."""

DataFile = NewType("DataFile", str)
"""A file; relative paths start at the config file that names them. Must exist."""

Share = Annotated[float, Ge(0.0), Le(1.0)]
Positive = Annotated[float, Gt(0.0)]
NonNegative = Annotated[float, Ge(0.0)]
Count = Annotated[int, Ge(0)]
