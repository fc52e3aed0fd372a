"""What makes a run the run it is, and whether two folders hold the same values."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiments import provenance
from experiments.store.layout import RUNS, TABLES, is_host_column

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.config import Config


def model_digest(plugins: tuple[str, ...] = ()) -> str:
    """sha256 (hex) of the model's source, plug-in files included in the order they are loaded."""
    digest = provenance.source_digest()
    for plugin in plugins:
        content = hashlib.sha256(Path(plugin).read_bytes()).hexdigest()
        digest = hashlib.sha256(f"{digest}{content}".encode()).hexdigest()
    return digest


def run_key(config: "Config", replication: int, digest: str) -> str:
    """sha256 (hex) of the canonical resolved config, the words of the seed, and the digest of the model's source."""
    words = f"{config.run.seed} {replication}"
    return hashlib.sha256("\0".join((_canonical(config), words, digest)).encode()).hexdigest()


@lru_cache(maxsize=4)
def _canonical(config: "Config") -> str:
    from experiments.config import canonical

    return canonical(config)


def content_digest(path: Path | str) -> str:
    """sha256 (hex) over every value in the tables of an output folder, in their order.

    Left out is what the host decides: durations, tracebacks, how tables are cut into parts, and the manifest.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder, digest = Path(path), hashlib.sha256()
    runs = pq.read_table(folder / RUNS)
    _update(digest, runs.drop_columns([name for name in runs.column_names if is_host_column(name)]))
    for name in TABLES:
        parts = sorted((folder / name).glob("*.parquet"))
        digest.update(f"table {name}\0".encode())
        if parts:
            _update(digest, pa.concat_tables([pq.read_table(part) for part in parts], promote_options="default"))
    return digest.hexdigest()


def _update(digest: "hashlib._Hash", table: "pa.Table") -> None:
    import numpy as np
    import pyarrow as pa

    for name, column in zip(table.column_names, table.columns, strict=True):
        digest.update(f"{name}\0{column.type}\0{len(column)}\0".encode())
        if pa.types.is_dictionary(column.type) or pa.types.is_string(column.type):
            values = column.cast(pa.string()).to_pylist()
            digest.update("\0".join("" if value is None else f"={value}" for value in values).encode())
        else:
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
