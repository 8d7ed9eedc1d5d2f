"""What is left of an input whose values are partly bad: enough of a command to look for all else that is wrong with it.

A bad value is replaced by one that does no harm: nothing of a quantity, an id that nobody has; what may be left out is
left out. What comes of it is never carried out (``work.examine``).
"""

from asyncio import sleep
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_origin
from uuid import UUID

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from services.kit.command import Input, Ref

I = TypeVar("I", bound=Input)  # noqa: E741 - the input
Loc = tuple[str | int, ...]

NOBODY = UUID(int=0)
_HARMLESS: dict[Any, Any] = {Decimal: Decimal(), str: "", int: 0, bool: False, UUID: NOBODY}

PARTS = 50
"""Parts of a list that are looked at in one step: of 500 bad lines that takes up to 3 ms."""


async def salvaged(model: type[I], given: Mapping[str, Any], bad: Iterable[Loc]) -> I:
    """The input without what is at the places in ``bad``, as pydantic names them; they are all that is wrong with it. Gives turns."""
    values: dict[str, Any]
    if issubclass(model, Ref):
        values = {**dict.fromkeys(model.model_fields), "id": NOBODY}
        return _made(model, values)
    below: dict[str | int, list[Loc]] = {}
    for name, *rest in filter(None, bad):
        below.setdefault(name, []).append(tuple(rest))
    values = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias in given and alias not in below:
            values[name] = _reader(model, name).validate_python(given[alias])
        elif alias in given and () not in below[alias]:
            values[name] = await _parts(field, given[alias], below[alias])
        elif field.is_required():
            values[name] = await _harmless(field)
    return _made(model, values)


def _made(model: type[I], values: Mapping[str, Any]) -> I:
    return model.model_construct(**values)  # type: ignore[return-value]  # of Input's own type, it says


async def _parts(field: FieldInfo, given: Any, bad: list[Loc]) -> Any:
    """A part of an input, or a list of such, of which some are good."""
    type_ = _parted(field.annotation)
    if not isinstance(given, list):
        return await salvaged(type_, given, bad)
    below: dict[int, list[Loc]] = {}
    for index, *rest in bad:
        below.setdefault(int(index), []).append(tuple(rest))
    if not (isinstance(type_, type) and issubclass(type_, Input)):
        return [item for index, item in enumerate(given) if index not in below]
    parts = []
    for index, item in enumerate(given):
        if index % PARTS == PARTS - 1:
            await sleep(0)
        if index in below:
            parts.append(await salvaged(type_, item if isinstance(item, Mapping) else {}, below[index]))
        else:
            parts.append(type_.model_validate(item))
    return parts


def _parted(annotation: Any) -> Any:
    """The type of the parts: ``X`` of ``X | None``, ``list[X]`` and ``Annotated[X, …]``."""
    while (arguments := [each for each in get_args(annotation) if each not in (type(None), ...)]) and get_origin(
        annotation
    ) is not None:
        annotation = arguments[0]
    return annotation


async def _harmless(field: FieldInfo) -> Any:
    """A value that does no harm in place of a bad one that must be given."""
    if get_origin(field.annotation) in (list, tuple):
        return []
    type_ = _parted(field.annotation)
    if isinstance(type_, type) and issubclass(type_, Input):
        return await salvaged(type_, {}, [])
    return _HARMLESS.get(type_, next(iter(get_args(field.annotation)), None))


@cache
def _reader(model: type[Input], name: str) -> TypeAdapter[Any]:
    return TypeAdapter(model.model_fields[name].rebuild_annotation())
