"""Inputs and enums of the graph, made from where their names are written: entities, commands, choices.

A name that clients see stands once. What a list can be filtered and sorted by is written in its ``Entity``, what can be asked
of a record in its ``Command``; the GraphQL input has the same fields, so that the two can't differ
(docs/decisions/0024-written-once.md). Types with output fields are never made: they are written in ``schema/``.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

import strawberry
from pydantic import AwareDatetime
from pydantic.alias_generators import to_snake
from pydantic_core import PydanticUndefined
from strawberry.annotation import StrawberryAnnotation

from core.choices import Choice
from core.progress import Progress
from loaders.kit.entity import Entity
from loaders.kit.filters import AnyFilter, Filtered, Referred, Related
from loaders.kit.grouping import upper
from loaders.kit.having import Having
from schema.module import WrongDeclaration
from schema.scalars import JSON, CurrencyCode, Date, DateTime, Decimal
from schema.shared import (
    DIRECTION,
    SORTED_BY,
    BooleanFilter,
    DateFilter,
    DateTimeFilter,
    DecimalFilter,
    IDFilter,
    SortDirection,
    StringFilter,
)
from services.kit.command import Command, Currency, Input, Ref
from services.kit.keeping import RecordId

C = TypeVar("C", bound=type[Choice])


class _Field(NamedTuple):
    """A field of an input: its type, its description, and its default; ``...`` where it must be given."""

    type: Any
    description: str
    default: Any = strawberry.UNSET


# ---------------------------------------------------------------- enums


def enum_type(choices: C) -> C:
    """Make a set of choices an enum of the graph, with the same name. Returns the set itself."""
    made = strawberry.enum(choices, description=_prose(choices))
    for value, member in zip(made.__strawberry_definition__.values, choices, strict=True):  # type: ignore[attr-defined]  # strawberry.enum sets it
        value.description = member.description
    return choices


def named_enum(name: str, members: Mapping[str, str], description: str) -> Any:
    """An enum of these names and their descriptions, where no class has them."""
    values = {each: strawberry.enum_value(each, description=text) for each, text in members.items()}
    return strawberry.enum(Enum(name, values), description=description)  # type: ignore[call-overload]  # the functional form


# ---------------------------------------------------------------- what lists can be asked for

_COMPARED = {
    "id": IDFilter,
    "text": StringFilter,
    "decimal": DecimalFilter,
    "moment": DateTimeFilter,
    "day": DateFilter,
    "boolean": BooleanFilter,
}
_made: dict[str, Any] = {}
"""Inputs by their GraphQL name: one that several others refer to is made once."""


def where_input(entity: Filtered, many: str) -> Any:
    """The input ``…Where`` of an entity's filters. ``many`` is what people call several of them."""
    name = f"{entity.typename}Where"
    if name not in _made:
        # Not those that upper modules added: whether they have been imported yet is chance.
        fields = {each: _compared(entity.filters[each]) for each in entity.declared}
        made = _made[name] = _input(name, f"Conditions on {many}; all that are given must hold.", _LOGIC | fields)
        own = {"and": list[made], "or": list[made], "not": made}  # type: ignore[valid-type]  # a class, though made here
        for field in made.__strawberry_definition__.fields:
            if field.graphql_name in own:
                field.type_annotation = StrawberryAnnotation(own[field.graphql_name] | None)
    return _made[name]


_LOGIC = {
    "and": _Field(str, "All of these conditions hold; an empty list always does."),
    "or": _Field(
        str, "At least one of these conditions holds; an empty list matches nothing, and no entry may be empty."
    ),
    "not": _Field(str, "This condition doesn't hold. A row whose value is null passes, too."),
}


def where_extension(entity: Filtered, target: Any, *names: str) -> type:
    """The fields of an upper module's filters, for the input of a lower module's entity: for ``Module(extends=…)``."""
    made = _input(
        f"{entity.typename}Where{''.join(names)}", "", {each: _compared(entity.filters[each]) for each in names}
    )
    made.__extends__ = target  # what ``extends`` marks a class with, which would make an input of it once more
    return cast("type", made)


def _compared(given: AnyFilter) -> _Field:
    if isinstance(given, Related):
        text = given.description if given.permission is None else f"{given.description} Needs {given.permission}."
        return _Field(_list_filter(given) if not isinstance(given, Referred) else _where_of(given), text)
    if isinstance(given, Having):
        return _Field(_choice_filter(given.choices, _ONE_OF_SEVERAL), given.description)
    return _Field(_choice_filter(given.choices) if given.choices else _COMPARED[given.kind], given.description)


_ONE = ("Exactly this one.", "Any other one.", "One of these; an empty list matches nothing.", "None of these.")
_ONE_OF_SEVERAL = (
    "It is this one, maybe others too.",
    "It isn't this one.",
    "It is at least one of these; an empty list matches nothing.",
    "It is none of these.",
)


def _choice_filter(choices: Any, texts: tuple[str, ...] = _ONE) -> Any:
    name = f"{choices.__name__}Filter"
    if name not in _made:
        types = dict.fromkeys(("eq", "ne"), choices) | dict.fromkeys(("in", "notIn"), list[choices])
        fields = {each: _Field(type_, text) for (each, type_), text in zip(types.items(), texts, strict=True)}
        _made[name] = _input(name, f"Compares {to_snake(choices.__name__).replace('_', ' ')}, by name.", fields)
    return _made[name]


def _where_of(given: Related) -> Any:
    return where_input(given.entity, given.many)


def _list_filter(given: Related) -> Any:
    where = _where_of(given)
    fields = {
        "some": _Field(where, "At least one of them fulfils these."),
        "every": _Field(where, "All of them fulfil these; so it is where there are none."),
        "none": _Field(where, "None of them fulfils these; so it is where there are none."),
    }
    name = f"{given.entity.typename}ListFilter"
    return _made.setdefault(name, _input(name, f"Conditions on a record's {given.many}.", fields))


def order_input(entity: Entity[Any], many: str) -> Any:
    """The input ``…OrderBy`` of an entity's sorts, as far as they have a description."""
    members = {name: sort.description for name, sort in entity.sorts.items() if sort.description}
    if entity.search is not None:
        members["RELEVANCE"] = "How well the row matches the search; only with search."
    fields = {
        "field": _Field(
            named_enum(f"{entity.typename}OrderField", members, f"What {many} can be sorted by."), SORTED_BY, ...
        ),
        "direction": _Field(SortDirection, DIRECTION, SortDirection.ASC),
    }
    return _input(f"{entity.typename}OrderBy", f"What {many} are sorted by, and in which direction.", fields)


def group_inputs(entity: Entity[Any], many: str, period: Any, part: Any) -> tuple[Any, Any, Any]:
    """The inputs ``…GroupBy``, ``…Having`` and ``…GroupOrderBy`` of an entity's dimensions; made once."""
    of, name = entity.dimensions, entity.typename
    if f"{name}GroupBy" in _made:
        return cast("tuple[Any, Any, Any]", _made[f"{name}GroupBy"])
    values = {
        each: value.description if value.permission is None else f"{value.description} Needs {value.permission}."
        for each, value in of.values.items()
    }
    enum = named_enum(f"{name}GroupField", values, f"Values that {many} can be put into groups by.")
    by = {"field": _Field(enum, "By a value, or by the record that it refers to.")}
    if of.time is not None:
        time, text = of.time.key, of.time.description
        by[time] = _Field(period, f"By {text}: in periods of this length.")
        by[f"{time}Part"] = _Field(part, f"By a part of {text}.")
        by["age"] = _Field(
            list[int], f"By how many whole days ago {text}: limits in rising order, such as [8, 31, 61]."
        )
    by |= {each: _Field(list[Decimal], value.description) for each, value in of.bands.items()}
    having = {each: _Field(DecimalFilter, f"By {text}.") for each, text in of.ranked.items()}
    sorts = {"KEY": "The dimensions, in the order of by; no value counts as the largest."}
    sorts |= {upper(each): f"{text[0].upper()}{text[1:]}." for each, text in of.ranked.items()}
    order = {
        "field": _Field(
            named_enum(f"{name}GroupOrderField", sorts, f"What groups of {many} can be sorted by."), SORTED_BY, ...
        ),
        "direction": _Field(SortDirection, DIRECTION, SortDirection.ASC),
    }
    made: tuple[Any, Any, Any] = (
        _input(f"{name}GroupBy", f"What {many} are put into groups by.", by, one_of=True),
        _input(f"{name}Having", f"Conditions on groups of {many}; all that are given must hold.", having),
        _input(f"{name}GroupOrderBy", f"What groups of {many} are sorted by, and in which direction.", order),
    )
    _made[f"{name}GroupBy"] = made
    return made


# ---------------------------------------------------------------- what can be asked of a record

_TAIL = ("expected_version", "idempotency_key")
"""Fields that every command has, or many: they come last."""

_SCALARS: dict[Any, Any] = {
    Currency: CurrencyCode,
    RecordId: strawberry.ID,
    Decimal: Decimal,
    DateTime: DateTime,
    date: Date,
    UUID: strawberry.ID,
    dict[str, Any]: JSON,
    AwareDatetime: DateTime,
}


def input_type(model: type[Input], name: str | None = None) -> Any:
    """The input with a command's fields: their names, types, defaults and descriptions. One of several keys for a ``Ref``.

    A field that must be given must be given there; one that may be null may be left out; a default is the graph's, too, but in
    a command that changes records (``Command.is_change``), in which what is left out stays as it is. Inputs within it are made
    with it. Raises ``WrongDeclaration`` for a field without a description, or of a type that the graph doesn't have.
    """
    name = name or (model.__name__ if issubclass(model, Ref) else f"{model.__name__}Input")
    if model not in _inputs:
        hints = get_type_hints(model, include_extras=True)
        order = sorted(model.model_fields, key=lambda each: _TAIL.index(each) + 1 if each in _TAIL else 0)
        fields = {str(model.model_fields[each].alias): _of_model(model, each, hints[each]) for each in order}
        _inputs[model] = _input(name, _prose(model), fields, one_of=model.one_of)
    return _inputs[model]


_inputs: dict[type[Input], Any] = {}


def _of_model(model: type[Input], name: str, hint: Any) -> _Field:
    declared = model.model_fields[name]
    if not declared.description:
        raise WrongDeclaration(f"{model.__name__}.{name} has no description: write a docstring below it.")
    place = f"{model.__name__}.{name}"
    type_, description = _graphql(hint, place), " ".join(declared.description.split())
    if declared.is_required():
        return _Field(type_, description, ...)
    changes = issubclass(model, Command) and model.is_change
    if declared.default in (None, PydanticUndefined) or changes:
        return _Field(type_, description)
    return _Field(type_, description, declared.default)


def _graphql(hint: Any, place: str) -> Any:
    """The graph's type of what a command takes."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _graphql(arguments[0], place)
    if origin in (Union, UnionType) and NoneType in arguments:
        [only] = [each for each in arguments if each is not NoneType]
        return _graphql(only, place) | None
    if origin in (list, tuple):
        return list[_graphql(arguments[0], place)]  # type: ignore[misc]  # a type, though worked out here
    if hint in (str, int, bool) or (isinstance(hint, type) and issubclass(hint, Choice)):
        return hint
    if isinstance(hint, type) and issubclass(hint, Input):
        return input_type(hint)
    raise WrongDeclaration(f"{place} is of a type that the graph doesn't have: {hint}.")


# ---------------------------------------------------------------- the making


def _input(name: str, description: str, fields: Mapping[str, _Field], *, one_of: bool = False) -> Any:
    """A Strawberry input with these fields, by their GraphQL names."""
    members: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    # Fields with a default come behind those without: a dataclass wants it, and the graph's order is put right below.
    for graphql, each in _required_first(fields.items()):
        python = f"{to_snake(graphql)}_"
        members["__annotations__"][python] = each.type | None if each.default is strawberry.UNSET else each.type
        default = {} if each.default is ... else {"default": each.default}
        members[python] = strawberry.field(name=graphql, description=each.description, **default)
    made = cast("Any", strawberry.input(type(name, (), members), name=name, description=description, one_of=one_of))
    places = {graphql: index for index, graphql in enumerate(fields)}
    made.__strawberry_definition__.fields.sort(key=lambda field: places[field.graphql_name])
    return made


def _required_first(fields: Iterable[tuple[str, _Field]]) -> list[tuple[str, _Field]]:
    return sorted(fields, key=lambda pair: pair[1].default is not ...)


def _prose(documented: type) -> str:
    """A docstring as one line."""
    return " ".join((documented.__doc__ or "").split())


enum_type(Progress)  # of more than one module
