"""Names and the version of what an output folder holds."""

FORMAT = "spillover"
SCHEMA = 1
"""Raised whenever a reader of the old folder would misread a new one."""

MANIFEST, RUNS, REPORT = "manifest.json", "runs.parquet", "report.html"
TABLES = ("steps", "events", "flows", "edges", "accounts", "postings")
BATCHED = "steps"
"""The table that keeps many runs in one part; the others have one part per run."""
SWEEP_RUNS, HOST = "runs", "host"
"""Of a sweep, the rows of runs in parts, and what their machines decided."""
PLOTS = "plots"
STEWARD = ("steward.html", "steward.json")
"""A steward report, page and data."""
OURS = (MANIFEST, RUNS, REPORT, PLOTS, *TABLES, SWEEP_RUNS, HOST, "parts.json", ".journals", *STEWARD)
"""Everything that replacing a folder deletes."""

RUNNING, COMPLETE, INTERRUPTED = "running", "complete", "interrupted"

HOST_COLUMNS = ("duration_s", "traceback")
HOST_PREFIX = "phase_s."
"""Columns of runs.parquet that tell about the machine, not about the model."""

OPENING = "opening"
"""Phase of events that happened before the first tick."""
EXTERNAL = "external"
"""Population of price moves that are nobody's order: fundamentals, shocks, recovery, liquidity."""


def is_host_column(name: str) -> bool:
    """Whether a column of runs.parquet may differ between two machines that compute the same run."""
    return name in HOST_COLUMNS or name.startswith(HOST_PREFIX)


def part(replication: int) -> str:
    """File name of the part that belongs to one run."""
    return f"{replication:06d}.parquet"


def sweep_part(table: str, number: int) -> str:
    """Path, within the folder, of a part of a sweep."""
    return f"{table}/part-{number:05d}.parquet"
