"""Reading an output folder as pandas frames."""

import json
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.store.layout import BATCHED, FORMAT, INTERRUPTED, MANIFEST, RUNNING, RUNS, SCHEMA, part
from experiments.store.places import is_url, place_of
from experiments.store.sweep_folder import SweepFolder
from sim.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of an output folder; ConfigError if it is none, or of another schema."""
    try:
        return _checked((path / MANIFEST).read_text(encoding="utf-8"), path)
    except (FileNotFoundError, NotADirectoryError):
        what = "has no manifest.json" if path.is_dir() else "does not exist" if not path.exists() else "is a file"
        raise ConfigError(
            f'"{path}" is no output folder of Spillover: it {what}; `spillover run` or `sweep` makes one'
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(f'"{path / MANIFEST}" cannot be read ({error}); run again to replace the folder') from None


def _checked(text: str, path: Path | str) -> dict[str, Any]:
    manifest = json.loads(text)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ConfigError(f'"{path}" is no output folder of Spillover: its manifest.json is of another program')
    if manifest.get("schema") != SCHEMA:
        raise ConfigError(
            f'"{path}" has schema {manifest.get("schema")}, this version reads {SCHEMA}; '
            "run its config again, or read it with the version that wrote it"
        )
    return manifest


def open_folder(path: Path | str) -> "Folder | SweepFolder":
    """The output folder of a run or of a sweep. path: of this machine; of a sweep also a URL.

    Raises ConfigError if there is none, if it is of another schema, or if a single run in it goes on or was killed.
    """
    if is_url(path):
        return _remote(str(path))
    manifest = read_manifest(Path(path))
    return SweepFolder(place_of(path), manifest) if "sweep" in manifest else open_run(path)


def _remote(url: str) -> "SweepFolder":
    place = place_of(url)
    try:
        manifest = _checked(place.text(MANIFEST), url)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ConfigError(
            f'"{url}" is no output folder of Spillover: its manifest.json cannot be read ({error})'
        ) from None
    if "sweep" not in manifest:
        raise ConfigError(f'"{url}" holds a single run, which is read from this machine only; copy it first')
    return SweepFolder(place, manifest)


def open_run(path: Path | str) -> "Folder":
    """The output folder of a run that is complete, or was interrupted in an orderly way.

    Raises ConfigError if there is none, if it is of another schema, or if its run goes on or was killed.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if "sweep" in manifest:
        raise ConfigError(
            f'"{path}" holds a sweep, not a run; see `spillover query` and `spillover analyse`, or repeat one of its '
            "runs with the command in its column repeat"
        )
    if manifest["status"] == RUNNING or not (folder / RUNS).is_file():
        raise ConfigError(f'"{path}" is incomplete: its run is still going on, or was killed; run it again')
    return Folder(folder, manifest)


class Folder:
    """The results of a run.

    Attributes
    ----------
    path: the folder. manifest: all of manifest.json. world: its part on lengths, names and account slices.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path, self.manifest = path, manifest
        self.world: dict[str, Any] = manifest["world"]

    @property
    def name(self) -> str:
        """Title of the run."""
        return str(self.manifest["name"])

    @property
    def interrupted(self) -> bool:
        """Whether replications are missing because the run was stopped."""
        return bool(self.manifest["status"] == INTERRUPTED)

    def time(self, tick: int) -> datetime:
        """UTC moment of a tick."""
        return datetime.fromisoformat(self.world["start"]) + timedelta(seconds=tick * self.world["dt"])

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """One row per run, in the order of replications: run_key, replication, seed, status, outcomes, param.*, ..."""
        return self._table(self.path / RUNS).to_pandas()

    @property
    def replications(self) -> list[int]:
        """Replications that finished, in order."""
        return [int(number) for number in self.runs.loc[self.runs["status"] == "ok", "replication"]]

    @property
    def first(self) -> int:
        """The first replication that finished; ConfigError if none did."""
        if not self.replications:
            raise ConfigError(f'"{self.path}" holds no finished replication{self._why()}')
        return self.replications[0]

    def steps(self, replication: int | None = None) -> "pd.DataFrame":
        """Metrics at every sampled tick, of one replication or of all."""
        return self._read(BATCHED, replication)

    def events(self, replication: int | None = None) -> "pd.DataFrame":
        """The causal log, of one replication or of all; `id` counts from 0 in each."""
        return self._read("events", replication)

    def flows(self, replication: int | None = None) -> "pd.DataFrame":
        """Attribution of price moves, of one replication or of all."""
        return self._read("flows", replication)

    def edges(self, replication: int | None = None) -> "pd.DataFrame":
        """The exposure network at the ticks asked for, of one replication or of all."""
        return self._read("edges", replication)

    def accounts(self, replication: int | None = None) -> "pd.DataFrame":
        """Every account's wealth and health before and after, of one replication or of all."""
        return self._read("accounts", replication)

    def postings(self, replication: int | None = None) -> "pd.DataFrame":
        """Every move on the ledger; ConfigError if the run did not keep them."""
        if not self.manifest["config"]["record"]["postings"]:
            raise ConfigError(f'"{self.path}" keeps no postings; run it with --set record.postings=true')
        return self._read("postings", replication)

    def _read(self, table: str, replication: int | None) -> "pd.DataFrame":
        import pyarrow as pa

        wanted = [self._known(self.first if replication is None else replication)]
        wanted = self.replications if replication is None else wanted
        parts = self._batched(wanted) if table == BATCHED else [self._part(table, number) for number in wanted]
        frame = pa.concat_tables(parts, promote_options="default").unify_dictionaries().to_pandas()
        # A part of many runs knows the keys of all of them.
        frame["run_key"] = frame["run_key"].cat.remove_unused_categories()
        return frame

    def _part(self, table: str, replication: int) -> "pa.Table":
        place = self.path / table / part(replication)
        if not place.is_file():
            raise ConfigError(f'"{self.path}" is incomplete: {table}/{place.name} is missing; run it again')
        return self._table(place)

    def _batched(self, wanted: list[int]) -> "list[pa.Table]":
        places = sorted((self.path / BATCHED).glob("*.parquet"))
        return [self._table(place, filters=[("replication", "in", wanted)]) for place in places]

    def _table(self, place: Path, **chosen: Any) -> "pa.Table":
        """A file of the folder; ConfigError if it is damaged."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_table(place, **chosen)
        except (pa.ArrowException, OSError) as error:
            raise ConfigError(
                f'"{self.path}" is damaged: {place.relative_to(self.path)} cannot be read ({error}); '
                f"`spillover verify {self.path}` names all such files; run again with --force"
            ) from None

    def _known(self, replication: int) -> int:
        if replication not in self.replications:
            known = self.replications
            allowed = ", ".join(map(str, known[:10])) + (", ..." if len(known) > 10 else "")
            raise ConfigError(f'"{self.path}" has no finished replication {replication}; allowed: {allowed or "none"}')
        return replication

    def _why(self) -> str:
        errors = self.runs["error"].dropna()
        return f"; the first one failed with {errors.iloc[0]}" if len(errors) else ""
