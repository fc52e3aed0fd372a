"""Output folders of runs and of sweeps: manifest.json, rows of runs, and one folder of Parquet parts per table."""

from experiments.store.identity import content_digest, run_key
from experiments.store.reading import Folder, open_folder, open_run
from experiments.store.sweep_folder import SweepFolder
from experiments.store.writing import Writer, occupied

__all__ = ["Folder", "SweepFolder", "Writer", "content_digest", "occupied", "open_folder", "open_run", "run_key"]
