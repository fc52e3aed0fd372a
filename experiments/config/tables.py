"""Pydantic models made from the dataclasses that components and settings are.

A model is strict (a text is no number), closed (unknown settings are refused) and frozen; it is made on first use. The
dataclass stays the only place where a setting is declared.
"""

import inspect
import math
import sys
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Strict, ValidationInfo, create_model
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from experiments.config.nodes import Written
from experiments.config.problems import found
from experiments.config.resolve_fields import PROBLEM, RESOLVED, Context, Name
from experiments.config.sections import FAMILY_OF
from sim.errors import ConfigError, UnknownKind, suggestion
from sim.registry import kinds, lookup

FAULTS = "spillover_check"
"""Type of the pydantic error that carries what a `check` method found."""


NESTED = "nested"
"""Keyword in generated JSON schemas that stands for the schema of a family or settings class."""


class Table(BaseModel):
    """Base of all generated models. validates_: the dataclass that it validates settings for."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )
    validates_: ClassVar[type]


class FrozenList(tuple[Any, ...]):
    """A list that cannot be changed any more; components get it back as a list."""

    __slots__ = ()


_FREEZE = {
    list: AfterValidator(FrozenList),
    dict: AfterValidator(types.MappingProxyType),
    tuple: Strict(False),
}
"""How each container is kept; a tuple is read from a TOML array, which strictly is a list."""


def settings(cls: type) -> dict[str, Field[Any]]:
    """The settings of a component or settings class: the dataclass fields that its constructor takes."""
    return {field.name: field for field in fields(cls) if field.init}


def annotation(cls: type, field: Field[Any]) -> Any:
    """A field's type; texts (postponed annotations) are read in the module that wrote them."""
    if not isinstance(field.type, str):
        return field.type
    owner = next(base for base in cls.__mro__ if field.name in inspect.get_annotations(base))
    return eval(field.type, vars(sys.modules[owner.__module__]))


def is_named(cls: type) -> bool:
    """Whether the class describes items of a top-level list of components, which all have a name."""
    return getattr(cls, "kind", None) is not None and getattr(cls, "family", None) in FAMILY_OF.values()


@cache
def model_of(cls: type) -> type[Table]:
    """The model that validates tables of settings of a dataclass."""
    definitions: dict[str, Any] = {}
    for name, field in settings(cls).items():
        definitions[name] = _definition(annotation(cls, field), field)
    if is_named(cls):
        definitions["name"] = (Name, ...)
    if getattr(cls, "kind", None) is not None:
        definitions["kind"] = (Literal[cls.kind], ...)  # type: ignore[attr-defined]
    try:
        model = create_model(cls.__name__, __base__=Table, **definitions)
    except pydantic.errors.PydanticUserError as error:
        error.add_note(f"while reading the settings of {cls.__module__}.{cls.__qualname__}")
        raise
    model.validates_ = cls
    return model


def _definition(declared: Any, field: Field[Any]) -> tuple[Any, Any]:
    wanted = translate(declared)
    if field.default_factory is not MISSING:
        factory = field.default_factory
        return wanted, pydantic.Field(default_factory=lambda: written(factory()))
    if field.default is MISSING:
        return wanted, ...
    default = field.default
    if isinstance(default, float) and math.isinf(default):
        wanted = Annotated[wanted, pydantic.AllowInfNan(True), AfterValidator(_not_nan)]
    return wanted, pydantic.Field(default_factory=lambda: written(default))


def _not_nan(value: float) -> float:
    if math.isnan(value):
        raise PydanticCustomError("finite_number", "must be a number")
    return value


def written(value: Any) -> Any:
    """A default value as a user would have written it, so that it passes the same checks."""
    if is_dataclass(value) and not isinstance(value, type):
        table = {name: written(getattr(value, name)) for name in settings(type(value))}
        return table | ({"kind": value.kind} if hasattr(value, "kind") else {})
    if isinstance(value, list | tuple):
        return [written(item) for item in value]
    if isinstance(value, dict):
        return {key: written(item) for key, item in value.items()}
    return value


def translate(declared: Any) -> Any:
    """The type pydantic validates in place of the type a dataclass declares."""
    try:
        if declared in RESOLVED:
            return RESOLVED[declared]
    except TypeError:
        pass
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is Annotated:
        return _annotated(translate(arguments[0]), *declared.__metadata__)
    if origin in (Union, types.UnionType):
        return Union[tuple(translate(argument) for argument in arguments)]  # noqa: UP007
    if origin in (list, tuple, dict):
        inner = tuple(argument if argument is Ellipsis else translate(argument) for argument in arguments)
        return _annotated(types.GenericAlias(origin, inner), _FREEZE[origin])
    return _translate_class(declared) if isinstance(declared, type) else declared


def _annotated(declared: Any, *metadata: Any) -> Any:
    return Annotated[(declared, *metadata)]


def _translate_class(declared: type) -> Any:
    if issubclass(declared, Enum):
        return Annotated[declared, Strict(False)]
    if hasattr(declared, "family") or is_dataclass(declared):
        return Annotated[Any, Nested(declared)]
    return declared


class Nested:
    """Annotation of a setting that is itself a table: of a settings class, or of any component of a family."""

    def __init__(self, declared: type) -> None:
        self.declared = declared

    @property
    def family(self) -> str | None:
        """The family whose components may stand here; None if it is one class."""
        return None if hasattr(self.declared, "kind") else getattr(self.declared, "family", None)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self._run)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: Any) -> dict[str, Any]:
        return {NESTED: self.family or self.declared}

    def _run(self, value: Any, info: ValidationInfo) -> Table:
        context = info.context or Context()
        return read_component(self.family, value, context) if self.family else read(self.declared, value, context)


def read_component(family: str, table: Any, context: Context) -> Table:
    """Validate a table whose `kind` says which component of a family it configures; errors as for `read`."""
    if not isinstance(table, dict):
        raise _refusal(f"{found(table)}; must be a table with a kind{suggestion('', kinds(family))}")
    kind = table.get("kind")
    if kind is None:
        raise _faulty([("kind", f"missing; every {family} needs one{suggestion('', kinds(family))}")])
    try:
        cls = lookup(family, kind)
    except (UnknownKind, TypeError):
        text = f'unknown {family} kind "{kind}"' if isinstance(kind, str) else f"{found(kind)}; must be a {family} kind"
        raise _faulty([("kind", text + suggestion(str(kind), kinds(family)))]) from None
    return read(cls, table, context)


def read(cls: type, table: Any, context: Context) -> Table:
    """Validate a table of settings of one class, its cross-field rules included.

    Raises pydantic's ValidationError, or a PydanticCustomError of type PROBLEM (its text) or FAULTS (its faults).
    """
    if not isinstance(table, dict):
        raise _refusal(f"{found(table)}; must be a table of settings")
    if isinstance(table, Written):
        context.readers[id(table.node)] = cls
    model = model_of(cls).model_validate(table, context=context)
    try:
        instance = instance_of(model)
        faults = list(instance.check()) if hasattr(instance, "check") else []
    except ConfigError as error:
        raise _refusal(str(error)) from None
    if faults:
        raise _faulty(faults)
    return model


def instance_of(model: Table) -> Any:
    """A new instance of the dataclass, with the settings of a validated table; its name is set where it has one."""
    cls = type(model).validates_
    instance = cls(**{name: _thawed(getattr(model, name)) for name in settings(cls)})
    if is_named(cls) and "name" not in settings(cls):
        instance.name = getattr(model, "name")  # noqa: B009
    return instance


def _thawed(value: Any) -> Any:
    if isinstance(value, Table):
        return instance_of(value)
    if isinstance(value, FrozenList):
        return [_thawed(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_thawed(item) for item in value)
    if isinstance(value, types.MappingProxyType):
        return {key: _thawed(item) for key, item in value.items()}
    return value


def _refusal(text: str) -> PydanticCustomError:
    return PydanticCustomError(PROBLEM, "{text}", {"text": text})


def _faulty(faults: list[tuple[str, str]]) -> PydanticCustomError:
    return PydanticCustomError(FAULTS, "{faults}", {"faults": faults})
