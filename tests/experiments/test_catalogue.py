"""Plug-in files: found, imported once, and blamed with file and line when they do not import."""

import pytest

from experiments.catalogue import load_components
from sim.errors import ConfigError
from sim.registry import FAMILIES, kinds, lookup
from tests.worlds import own_registry

PLUGIN = """
from sim.interfaces import Metric
from sim.registry import component

@component("metric", "{kind}")
class {name}(Metric):
    '''A number from outside the tree.'''
    def step(self, world):
        return {{"{kind}": 1.0}}
"""


@pytest.fixture(autouse=True)
def apart():
    with own_registry():
        yield


@pytest.fixture
def plugin(tmp_path):
    def write(text, name):
        file = tmp_path / name
        file.write_text(text)
        return str(file)

    return write


def test_everything_of_ours_is_registered():
    load_components()
    counts = {family: len(kinds(family)) for family in FAMILIES}
    assert min(counts[family] for family in FAMILIES if family != "plot") >= 1
    assert counts["protocol"] >= 3
    assert counts["population"] >= 9


def test_a_plug_in_file_registers_its_components_and_may_be_named_twice(plugin):
    file = plugin(PLUGIN.format(kind="outsider", name="Outsider"), "outsider_plugin.py")
    load_components((file,))
    cls = lookup("metric", "outsider")
    load_components((file, file))
    assert lookup("metric", "outsider") is cls


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("x = 1\ny = x / 0\n", "divides.py", r"divides\.py:2: the plug-in does not import: ZeroDivisionError"),
        ("x = 1\n\ndef broken(:\n", "broken.py", r"broken\.py:3: the plug-in does not import: SyntaxError"),
        (
            "import no_such_module_anywhere\n",
            "lost.py",
            r"lost\.py:1: the plug-in does not import: ModuleNotFoundError",
        ),
        ("hello", "readme.txt", r'readme\.txt" is not a Python file; --plugin takes a file that ends in \.py'),
        (PLUGIN.format(kind="market", name="Mine"), "taken.py", 'metric "market" is registered twice'),
    ],
)
def test_plug_ins_that_do_not_import_say_where(plugin, text, name, message):
    with pytest.raises(ConfigError, match=message):
        load_components((plugin(text, name),))


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r'no plug-in file "nowhere\.py"; --plugin takes the path of a Python file'):
        load_components(("nowhere.py",))
