"""Where a folder is: a local path, or any URL that pyarrow or fsspec can read (file://, s3://, gs://, memory://)."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow.fs


@dataclass(frozen=True)
class Place:
    """A folder to read from. files: a pyarrow file system. root: the folder's path in it. name: as it was given."""

    files: "pyarrow.fs.FileSystem"
    root: str
    name: str

    def text(self, path: str) -> str:
        """A file's text. Raises FileNotFoundError."""
        with self.files.open_input_stream(f"{self.root}/{path}") as stream:
            return str(stream.readall().decode("utf-8"))

    def parts(self, table: str) -> list[str]:
        """Names of a table's finished parts, in order."""
        from pyarrow.fs import FileSelector

        found = self.files.get_file_info(FileSelector(f"{self.root}/{table}", allow_not_found=True))
        return sorted(info.base_name for info in found if _is_part(info.base_name))

    def open(self, path: str) -> Any:
        """A file for reading at any position."""
        return self.files.open_input_file(f"{self.root}/{path}")


def is_url(place: Path | str) -> bool:
    """Whether a place is not a path of this machine."""
    return isinstance(place, str) and "://" in place


def place_of(folder: Path | str) -> Place:
    """The place of a folder. Raises ConfigError for a URL that nothing installed can read."""
    from pyarrow.fs import FileSystem, FSSpecHandler, LocalFileSystem, PyFileSystem

    if not isinstance(folder, str) or not is_url(folder):
        return Place(LocalFileSystem(), str(Path(folder).absolute()), str(folder))
    try:
        files, root = FileSystem.from_uri(folder)
        return Place(files, root.rstrip("/"), folder)
    except (ValueError, OSError):
        pass
    try:
        import fsspec

        found, root = fsspec.url_to_fs(folder)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f'"{folder}" cannot be read ({error}); `pip install "spillover[remote]"` reads URLs'
        ) from None
    return Place(PyFileSystem(FSSpecHandler(found)), root.rstrip("/"), folder)


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")
