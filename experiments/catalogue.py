"""Everything that can be named in a config: the built-in components, plug-in files and installed plug-ins."""

import importlib
import importlib.util
import pkgutil
import sys
from importlib.metadata import entry_points
from pathlib import Path

from sim.errors import ConfigError

ENTRY_POINTS = "spillover.components"
"""Group under which other distributions register components."""
_ROOMS = ("sim.processes", "sim.pricing", "sim.shocks", "sim.metrics", "protocols", "agents")
_loaded = False


def load_components(plugins: tuple[str, ...] = ()) -> None:
    """Import all components once, then the given plug-in files.

    plugins: paths of Python files. Raises ConfigError if one does not exist or does not import.
    """
    global _loaded
    if not _loaded:
        for room in _ROOMS:
            _import_tree(room)
        for entry in entry_points(group=ENTRY_POINTS):
            entry.load()
        _loaded = True
    for plugin in plugins:
        _import_file(Path(plugin))


def _import_tree(name: str) -> None:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        importlib.import_module(module.name)


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f'no plug-in file "{path}"; --plugin takes the path of a Python file')
    name = f"spillover_plugin_{path.stem}"
    if name in sys.modules and getattr(sys.modules[name], "__file__", None) == str(path.resolve()):
        return
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ConfigError(f'"{path}" is not a Python file; --plugin takes a file that ends in .py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except Exception as error:
        line = _line_in(error, path.resolve())
        raise ConfigError(f"{path}:{line}: the plug-in does not import: {type(error).__name__}: {error}") from error


def _line_in(error: Exception, path: Path) -> int:
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
