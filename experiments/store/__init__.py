"""The output folder of a run: manifest.json, runs.parquet and one folder of Parquet parts per table."""

from experiments.store.identity import content_digest, run_key
from experiments.store.reading import Folder, open_folder
from experiments.store.writing import Writer, occupied

__all__ = ["Folder", "Writer", "content_digest", "occupied", "open_folder", "run_key"]
