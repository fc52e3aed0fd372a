"""A finished run as one compressed blob: its row as JSON, then its tables as Arrow streams."""

import json
import struct
from typing import Any

import pyarrow as pa

_LENGTH = struct.Struct("<I")


def encode(row: dict[str, Any], tables: dict[str, pa.Table]) -> bytes:
    """Pack a run. row: plain values by column. tables: by name."""
    options = pa.ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=False)
    bodies = []
    for table in tables.values():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
            stream.write_table(table.combine_chunks())
        bodies.append(sink.getvalue().to_pybytes())
    lengths = [[name, len(body)] for name, body in zip(tables, bodies, strict=True)]
    head = json.dumps({"row": row, "tables": lengths}).encode()
    return b"".join([_LENGTH.pack(len(head)), head, *bodies])


def row_of(blob: bytes) -> dict[str, Any]:
    """The row of a packed run."""
    row: dict[str, Any] = _head(blob)[0]["row"]
    return row


def schema_of(blob: bytes, table: str) -> pa.Schema | None:
    """The schema of one of its tables; None if the run has no such table."""
    body = _body(blob, table)
    return None if body is None else pa.ipc.open_stream(body).schema


def table_of(blob: bytes, table: str) -> pa.Table | None:
    """One of its tables; None if the run has no such table."""
    body = _body(blob, table)
    return None if body is None else pa.ipc.open_stream(body).read_all()


def narrow(steps: pa.Table) -> pa.Table:
    """The table with its metrics as 32-bit floats: 7 significant digits, half the space.

    Whole numbers and truths too, so that a metric has one type whatever values it took in a run.
    """
    kinds = [field.type if field.name == "tick" else pa.float32() for field in steps.schema]
    schema = pa.schema([field.with_type(kind) for field, kind in zip(steps.schema, kinds, strict=True)])
    return steps.cast(schema, safe=False)


def _head(blob: bytes) -> tuple[dict[str, Any], int]:
    start = _LENGTH.size
    end = start + _LENGTH.unpack_from(blob)[0]
    return json.loads(blob[start:end]), end


def _body(blob: bytes, table: str) -> pa.Buffer | None:
    head, place = _head(blob)
    for name, length in head["tables"]:
        if name == table:
            return pa.py_buffer(blob).slice(place, length)
        place += length
    return None
