"""Sealing finished runs of a sweep into Parquet parts, in run order and by write-and-rename.

Part k holds runs 250 k to 250 k + 249 of the sweep in its order, so its bytes depend neither on who computed the runs
nor on when. What the machine decides (durations, tracebacks) is in a table of its own, `host`. The part of `runs` is
renamed last: a part counts for readers once it is there.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial as bound
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.store.blobs import schema_of, table_of
from experiments.store.hashes import Parts, Sealed, file_hash, settle, write_parts
from experiments.store.layout import HOST, HOST_PREFIX, SWEEP_RUNS, is_host_column, sweep_part

PART_RUNS = 250
GROUP_BYTES = 64_000_000
"""Size in memory at which a row group is written."""
HEAD = {
    "run_key": pa.string(),
    "config_key": pa.string(),
    "point": pa.int32(),
    "replication": pa.int32(),
    "seed": pa.int64(),
    "status": pa.string(),
    "error": pa.string(),
    "repeat": pa.string(),
}
HOST_HEAD = {
    "run_key": pa.string(),
    "point": pa.int32(),
    "replication": pa.int32(),
    "duration_s": pa.float64(),
    "traceback": pa.string(),
}
PARAM = "param."


@dataclass(frozen=True)
class Run:
    """A finished run about to be sealed. row: all its columns, those of the host included."""

    point: int
    replication: int
    row: dict[str, Any]
    blob: bytes


class Sealer:
    """Writes the parts of one folder.

    Parameters
    ----------
    folder: of the sweep. parts: what is sealed already. keep: tables besides the rows. texts: parameters whose values
    are texts, whatever they look like.
    """

    def __init__(self, folder: Path, parts: Parts, keep: Sequence[str], texts: Callable[[str], bool]) -> None:
        self.folder, self.parts, self.keep, self.texts = folder, parts, keep, texts

    def seal(self, number: int, runs: Sequence[Run], partial: bool = False) -> None:
        """Write part `number`. Raises OSError, with the old part still in place, if there is no room for it."""
        drafts: dict[str, Path] = {}
        try:
            for table, write in self._writers(runs):
                name = sweep_part(table, number)
                place = self.folder / name
                place.parent.mkdir(exist_ok=True)
                draft = place.with_name(f".{place.name}.staged")
                drafts[name] = draft
                write(draft)
                settle(draft)
        except BaseException:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
            raise
        self._commit(
            number, Sealed(len(runs), partial, {name: file_hash(path) for name, path in drafts.items()}), drafts
        )

    def _commit(self, number: int, part: Sealed, drafts: dict[str, Path]) -> None:
        write_parts(self.folder, Parts(self.parts.sealed, (number, part)))
        for name, draft in drafts.items():
            os.replace(draft, self.folder / name)
        before = self.parts.sealed.get(number)
        for name in set(before.files if before else ()) - set(drafts):
            (self.folder / name).unlink(missing_ok=True)
        self.parts.sealed[number] = part
        write_parts(self.folder, self.parts)

    def _writers(self, runs: Sequence[Run]) -> Iterator[tuple[str, Callable[[Path], None]]]:
        """What writes each table of a part, rows last."""
        for table in self.keep:
            schema = _unified(runs, table)
            if schema is not None:
                yield table, bound(_write_table, table=table, schema=schema, runs=runs)
        yield HOST, lambda place: _write(place, self._host(runs))
        yield SWEEP_RUNS, lambda place: _write(place, self._rows(runs))

    def _rows(self, runs: Sequence[Run]) -> pa.Table:
        names = dict.fromkeys([*HEAD, *(name for run in runs for name in run.row if not is_host_column(name))])
        params = [name for name in names if name.startswith(PARAM)]
        outcomes = [name for name in names if name not in HEAD and name not in params]
        columns = {name: pa.array([run.row.get(name) for run in runs], kind) for name, kind in HEAD.items()}
        for name in params:
            columns[name] = _param([run.row.get(name) for run in runs], self.texts(name.removeprefix(PARAM)))
        for name in outcomes:
            columns[name] = pa.array([_number(run.row.get(name)) for run in runs], pa.float64())
        return pa.table(columns)

    def _host(self, runs: Sequence[Run]) -> pa.Table:
        phases = dict.fromkeys(name for run in runs for name in run.row if name.startswith(HOST_PREFIX))
        kinds = HOST_HEAD | dict.fromkeys(phases, pa.float64())
        return pa.table({name: pa.array([run.row.get(name) for run in runs], kind) for name, kind in kinds.items()})


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _param(values: list[Any], text: bool) -> pa.Array:
    """Values of an axis in the narrowest type that holds them all."""
    given = [value for value in values if value is not None]
    if not text and all(isinstance(value, bool) for value in given):
        return pa.array(values, pa.bool_())
    if not text and all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        whole = all(isinstance(value, int) for value in given)
        return pa.array(values, pa.int64() if whole else pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _unified(runs: Sequence[Run], table: str) -> pa.Schema | None:
    """The columns of a table over all runs, names as plain texts; None if no run has it."""
    schemas = [schema for run in runs if (schema := schema_of(run.blob, table)) is not None]
    if not schemas:
        return None
    plain = [pa.schema([field.with_type(_plain(field.type)) for field in schema]) for schema in dict.fromkeys(schemas)]
    joined = pa.unify_schemas(plain)
    return pa.schema([("point", pa.int32()), ("replication", pa.int32()), *joined])


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _write_table(place: Path, table: str, schema: pa.Schema, runs: Sequence[Run]) -> None:
    """Write one table of all runs in row groups of bounded size."""
    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    others = [field.name for field in schema if not pa.types.is_floating(field.type)]
    options: dict[str, Any] = {"use_dictionary": others, "use_byte_stream_split": floats}
    with pq.ParquetWriter(place, schema, compression="zstd", **options) as writer:
        group: list[pa.Table] = []
        held = 0
        for run in runs:
            found = table_of(run.blob, table)
            if found is None:
                continue
            group.append(_conformed(found, run, schema))
            held += group[-1].nbytes
            if held >= GROUP_BYTES:
                writer.write_table(pa.concat_tables(group))
                group, held = [], 0
        if group:
            writer.write_table(pa.concat_tables(group))


def _conformed(table: pa.Table, run: Run, schema: pa.Schema) -> pa.Table:
    """The table with exactly these columns; a metric this run lacks is NaN."""
    rows, columns = table.num_rows, []
    given = {"point": run.point, "replication": run.replication}
    for field in schema:
        if field.name in given:
            columns.append(pa.repeat(pa.scalar(given[field.name], field.type), rows))
        elif field.name in table.column_names:
            columns.append(table[field.name].cast(field.type))
        else:
            missing = float("nan") if pa.types.is_floating(field.type) else None
            columns.append(pa.repeat(pa.scalar(missing, field.type), rows))
    return pa.table(columns, schema=schema)


def _write(place: Path, table: pa.Table) -> None:
    pq.write_table(table, place, compression="zstd")
