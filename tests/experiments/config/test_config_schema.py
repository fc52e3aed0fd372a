"""The JSON Schema of configs and the descriptions in it."""

import json
import tomllib

import pytest

from experiments.config import json_schema
from experiments.config.docstrings import description, setting_descriptions
from sim.chain import ChainSettings


@pytest.fixture
def schema():
    return json_schema()


@pytest.fixture
def market(folder):
    return tomllib.loads((folder / "market.toml").read_text())


def resolved(schema, part, table):
    """The properties that the schema allows in a table: references followed, kinds chosen by what is written."""
    if "$ref" in part:
        return resolved(schema, schema["$defs"][part["$ref"].removeprefix("#/$defs/")], table)
    found = dict(part.get("properties", {}))
    for choice in part.get("allOf", []):
        if "if" not in choice:
            found |= resolved(schema, choice, table)
        elif choice["if"]["properties"]["kind"]["const"] == table.get("kind"):
            found |= resolved(schema, choice["then"], table)
    return found


def unknown(schema, part, value, path=""):
    """Paths of a document that the schema does not know."""
    if isinstance(value, list):
        items = part.get("items", {})
        for index, item in enumerate(value):
            yield from unknown(schema, items, item, f"{path}[{index}]")
    if not isinstance(value, dict) or ("additionalProperties" in part and part["additionalProperties"] is not False):
        return
    properties = resolved(schema, part, value)
    for key, inner in value.items():
        if key in properties:
            yield from unknown(schema, properties[key], inner, f"{path}.{key}")
        else:
            yield f"{path}.{key}"


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for inner in part.values():
            yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_it_knows_every_setting_of_the_market_and_no_other(schema, market):
    assert list(unknown(schema, schema, market)) == []
    market["agents"][1]["rule"]["windw"] = 1
    market["protocols"][0]["reserves"][0]["lvt"] = 1
    market["chain"] = {"base_fees": 1}
    assert list(unknown(schema, schema, market)) == [
        ".protocols[0].reserves[0].lvt",
        ".agents[1].rule.windw",
        ".chain.base_fees",
    ]


def test_it_is_json_and_closed(schema):
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert {ref.removeprefix("#/$defs/") for ref in references(schema)} == set(schema["$defs"])
    assert schema["additionalProperties"] is False
    for name, part in schema["$defs"].items():
        if name not in ("process", "protocol", "oracle", "shock", "population", "rule", "trigger"):
            assert part["additionalProperties"] is False, name


def test_kinds_are_those_registered(schema, toys):
    assert schema["$defs"]["population"]["properties"]["kind"]["enum"] == ["allocator", "noise"]
    assert schema["$defs"]["population.noise"]["required"] == ["name", "count", "kind"]
    assert {
        "if": {"properties": {"kind": {"const": "equal"}}, "required": ["kind"]},
        "then": {"$ref": "#/$defs/rule.equal"},
    } in (schema["$defs"]["rule"]["allOf"])


def test_limits_defaults_and_descriptions(schema):
    assert schema["$defs"]["Reserve"] == {
        "title": "Reserve",
        "type": "object",
        "description": "One asset of a pool.",
        "additionalProperties": False,
        "properties": {
            "asset": {"type": "string", "description": "The asset. Name of an asset declared under [[assets]]."},
            "ltv": {
                "type": "number",
                "minimum": 0.0,
                "maximum": 1.0,
                "default": 0.75,
                "description": "Debt a new loan may have per dollar.",
            },
            "threshold": {
                "type": "number",
                "minimum": 0.0,
                "maximum": 1.0,
                "default": 0.8,
                "description": "Weight in the health factor.",
            },
            "remove": {"const": True, "description": "Delete the inherited item of this name."},
        },
    }
    allocator = schema["$defs"]["population.allocator"]["properties"]
    assert allocator["rule"] == {"$ref": "#/$defs/rule", "default": {"kind": "equal"}}
    assert allocator["triggers"] == {"type": "array", "items": {"$ref": "#/$defs/trigger"}, "default": []}
    assert [choice["type"] for choice in allocator["files"]["anyOf"]] == ["string", "array"]
    assert schema["$defs"]["process.tape"]["properties"]["cap"]["default"] == "inf"


def test_everything_in_the_fixed_sections_is_described(schema):
    for name in ("RunTable", "Record", "Asset", "Correlation"):
        for setting, part in schema["$defs"][name]["properties"].items():
            assert part.get("description"), f"{name}.{setting}"


def test_descriptions_come_from_docstrings(toys):
    assert description(toys.Walk) == "A random walk.\n\nIt goes nowhere in particular."
    assert setting_descriptions(toys.Walk) == {
        "asset": "what walks. Note: not a setting.",
        "volatility": "per year, of the log price.",
        "drift": "per year, of the log price.",
        "slope": "at the end of a line.",
    }
    assert (
        setting_descriptions(ChainSettings)["native"]
        == "Asset that pays for gas; the first one beside the numeraire if none is named."
    )


def test_a_signature_is_no_description(toys):
    silent = type("Silent", (toys.Reserve,), {"__doc__": "Silent(a=1)"})
    assert description(silent) == ""
    assert setting_descriptions(silent)["ltv"] == "Debt a new loan may have per dollar."
