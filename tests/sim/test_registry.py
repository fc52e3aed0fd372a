"""The registry: one kind, one class; errors that say what there is."""

import pytest

from sim.errors import ConfigError, UnknownKind
from sim.registry import component, kinds, lookup, summary
from tests.worlds import own_registry


@pytest.fixture(autouse=True)
def apart():
    with own_registry():
        yield


def test_a_component_becomes_a_keyword_only_dataclass_that_can_be_looked_up():
    @component("metric", "temperature")
    class Temperature:
        """Degrees.

        Of what is not said here.
        """

        unit: str = "K"

    assert lookup("metric", "temperature") is Temperature
    assert "temperature" in kinds("metric")
    assert (Temperature.family, Temperature.kind, Temperature().unit) == ("metric", "temperature", "K")
    assert summary(Temperature) == "Degrees."
    with pytest.raises(TypeError, match="positional"):
        Temperature("C")


def test_a_kind_is_taken_once():
    @component("metric", "one")
    class First:
        """The first."""

    with pytest.raises(ConfigError, match=r'metric "one" is registered twice: .*test_registry and .*test_registry'):

        @component("metric", "one")
        class Second:
            """The second."""

    assert lookup("metric", "one") is First


def test_a_class_of_the_same_name_elsewhere_does_not_replace_one_silently():
    @component("metric", "two")
    class Twin:
        """Here."""

    stranger = type("Twin", (), {"__module__": "plugin", "__qualname__": Twin.__qualname__})
    with pytest.raises(ConfigError, match=r'metric "two" is registered twice: .*test_registry and plugin'):
        component("metric", "two")(stranger)


def test_reading_a_module_again_replaces_its_own_classes():
    for _ in range(2):

        @component("metric", "three")
        class Again:
            """Same place, same name."""

    assert lookup("metric", "three") is Again


def test_unknown_names_come_with_the_nearest_one():
    with pytest.raises(UnknownKind, match=r'unknown protocol kind "pooled_lendin"; did you mean "pooled_lending"\?'):
        lookup("protocol", "pooled_lendin")
    for call in (lambda: component("metrics", "x"), lambda: kinds("metrics"), lambda: lookup("metrics", "x")):
        with pytest.raises(ConfigError, match=r'unknown component family "metrics"; did you mean "metric"\?'):
            call()
