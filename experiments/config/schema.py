"""The JSON Schema of configs, for editors and for `spillover schema`.

A file may extend another and write only what differs, so nothing is required unless a `kind` is named. References
between tables ("this name is declared under [[assets]]") and cross-field rules are left to `spillover check`.
"""

from dataclasses import MISSING, Field
from typing import Any

from experiments.config.calibrate_section import CalibrateTable
from experiments.config.canonical import jsonable
from experiments.config.docstrings import description, setting_descriptions
from experiments.config.sections import FAMILY_OF, Asset, Correlation, Observed, Record, RunTable
from experiments.config.sweep_section import SweepTable
from experiments.config.tables import NESTED, model_of, settings, written
from sim.registry import FAMILIES, kinds, lookup

Schema = dict[str, Any]
_EXTENDS = "A config to start from: a path relative to this file, or the name of a preset."
_QUICK = "Values by dotted path that `--set run.quick=true` puts in: a short version of the config."
_REMOVE = {"const": True, "description": "Delete the inherited item of this name."}


def json_schema() -> Schema:
    """The schema of a whole config file, of all components registered now (JSON Schema 2020-12)."""
    from sim.chain import ChainSettings

    book = _Book()
    properties: Schema = {
        "extends": {"type": "string", "description": _EXTENDS},
        "quick": {"type": "object", "description": _QUICK},
    }
    single = {"run": RunTable, "record": Record, "chain": ChainSettings}
    single |= {"sweep": SweepTable, "calibrate": CalibrateTable}
    for section, cls in single.items():
        properties[section] = book.reference(cls)
    for section, cls in {"assets": Asset, "correlations": Correlation, "observed": Observed}.items():
        properties[section] = {"type": "array", "items": book.reference(cls, item=True)}
    for section, family in FAMILY_OF.items():
        items = {"allOf": [book.reference(family), {"required": ["name"]}]}
        properties[section] = {"type": "array", "items": items, "description": FAMILIES[family]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spillover config",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": dict(sorted(book.definitions.items())),
    }


class _Book:
    """Collects definitions while references to them are made."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def reference(self, target: type | str, item: bool = False) -> Schema:
        """A reference to the schema of a class or of a family (by name), which is written if it is not there yet.

        item: whether the class describes items of a list, which an extending file can remove.
        """
        name = target if isinstance(target, str) else target.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._family(target) if isinstance(target, str) else self._class(target)
            if item and not isinstance(target, str):
                self.definitions[name]["properties"]["remove"] = _REMOVE
        return {"$ref": f"#/$defs/{name}"}

    def _family(self, family: str) -> Schema:
        """Any component of a family. Without a kind it changes an inherited one and only `check` can judge it."""
        choices = []
        for kind in kinds(family):
            cls = lookup(family, kind)
            name = f"{family}.{kind}"
            self.definitions[name] = self._class(cls)
            named = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
            choices.append({"if": named, "then": {"$ref": f"#/$defs/{name}"}})
        kind_schema = {"enum": kinds(family), "description": "Which of them it is."}
        return {
            "type": "object",
            "description": FAMILIES[family],
            "properties": {"kind": kind_schema},
            "allOf": choices,
        }

    def _class(self, cls: type) -> Schema:
        """A table of settings of one class."""
        schema = self._linked(model_of(cls).model_json_schema())
        schema["description"] = description(cls)
        texts, declared = setting_descriptions(cls), settings(cls)
        for name, setting in schema.get("properties", {}).items():
            setting.pop("title", None)
            said = [texts.get(name, ""), setting.pop("description", "")]
            if any(said):
                setting["description"] = " ".join(text for text in said if text)
            if name in declared:
                setting |= _default(declared[name])
        if not hasattr(cls, "kind"):
            schema.pop("required", None)
        return schema

    def _linked(self, schema: Any) -> Any:
        """The schema with its placeholders for nested tables replaced by references."""
        if isinstance(schema, list):
            return [self._linked(item) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if NESTED in schema:
            rest = {key: value for key, value in schema.items() if key not in (NESTED, "title")}
            return rest | self.reference(schema[NESTED], item=True)
        if {"type": "null"} in schema.get("anyOf", []):
            others = [choice for choice in schema["anyOf"] if choice != {"type": "null"}]
            return self._linked(others[0] if len(others) == 1 else schema | {"anyOf": others})
        return {key: self._linked(value) for key, value in schema.items()}


def _default(field: Field[Any]) -> Schema:
    if field.default_factory is not MISSING:
        return {"default": jsonable(written(field.default_factory()))}
    return {} if field.default is MISSING or field.default is None else {"default": jsonable(written(field.default))}
