"""What a connection's rows add up to, by what of it is asked for and allowed."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson

from core.errors import BadInput, Forbidden
from execution import Batch, Shared
from loaders.kit.aggregates import FUNCTIONS, Aggregates
from loaders.kit.dimensions import source
from loaders.kit.entity import Entity
from loaders.kit.grouping import PARTS, Grouping, Place, grouping, inner_grouping
from loaders.kit.groups import Groups
from loaders.kit.many import Connection
from loaders.tenants import TenantById


async def aggregate(batch: Batch) -> Sequence[Any]:
    """A dictionary of measures for each connection: those of its whole list, page or no page."""
    first: Connection = batch.sources[0]
    columns = allowed(batch, first.loader.entity)
    if not columns:
        return [{}] * len(batch.sources)
    # Connections of a level differ in their parents only: they are of one field with one set of arguments.
    loader = Aggregates.of(batch.context, columns, (first.loader, first.query.whole))
    return await loader.load_level([connection.key for connection in batch.sources])


def allowed(batch: Batch, entity: Entity[Any]) -> tuple[str, ...]:
    """The measures that are asked for, and the functions of them, without what the caller may not see: those fields
    refuse, and nothing is read for them.
    """
    wanted = batch.columns()
    measures = tuple(name for name in wanted if name in entity.measures and _may_see(batch, entity, name))
    return measures and (*measures, *(name for name in wanted if name in FUNCTIONS))


def _may_see(batch: Batch, entity: Entity[Any], name: str) -> bool:
    permission = entity.measures[name].permission
    try:
        if permission is not None:
            batch.context.require(permission)
    except Forbidden:
        return False
    return True


async def groups(batch: Batch) -> Sequence[Any]:
    """The groups of each connection."""
    first: Connection = batch.sources[0]
    entity = first.loader.entity
    given = await _settings(batch)
    asked = grouping(entity, batch.args, given["currency"], given["timezone"], datetime.now(UTC))
    _check_keys(batch, entity, asked)
    loader = Groups.of(batch.context, _columns(batch, entity), (first.loader, first.query.whole, asked))
    return await loader.load_level([connection.key for connection in batch.sources])


async def inner_groups(batch: Batch) -> Sequence[Any]:
    """The groups within each group."""
    first: Place = batch.sources[0]["place"]
    entity = first.loader.entity
    asked = inner_grouping(entity, batch.args, first.grouping)
    _check_keys(batch, entity, asked)
    loader = Groups.of(batch.context, _columns(batch, entity), (first.loader, first.query, asked))
    return await loader.load_level([(*group["place"].key, *group["values"]) for group in batch.sources])


def keys(batch: Batch) -> Shared:
    """What the rows of each group have in common. Groups of several lists share it: each of many products has the same months."""
    values = [group["values"] for group in batch.sources]
    return Shared(values, dict(zip(values, (group["key"] for group in batch.sources), strict=True)))


def _columns(batch: Batch, entity: Entity[Any]) -> tuple[str, ...]:
    """The measures and their functions, and what of groups is asked for besides."""
    return (*allowed(batch, entity), *(name for name in batch.columns() if name in PARTS))


def _check_keys(batch: Batch, entity: Entity[Any], asked: Grouping) -> None:
    """Refuse dimensions that the caller may not see, and parts of keys that ``by`` doesn't name."""
    for dimension in asked.by:
        permission = source(dimension, entity.dimensions).permission
        if permission is not None:
            batch.context.require(permission)
    keys = {name.removeprefix(IN_KEY) for name in batch.columns() if name.startswith(IN_KEY)}
    if unknown := sorted(keys - {each.key for each in asked.by}):
        raise BadInput(f"The key has no {unknown[0]}: by doesn't name it.", path=("by",))


IN_KEY = "@key:"
"""Begins what stands among the columns for a part of groups' keys."""


async def _settings(batch: Batch) -> dict[str, str]:
    """The currency and the time zone that were given, or the tenant's."""
    given: dict[str, Any] = {"currency": batch.args.get("currency"), "timezone": batch.args.get("timeZone")}
    if all(given.values()):
        return given
    columns = ("currency", "timezone")
    [tenant] = await TenantById.of(batch.context, columns).load_level([batch.context.reader.tenant])
    return {name: given[name] or tenant[name] for name in columns}


def moment(name: str) -> Callable[[Batch], list[str | None]]:
    """A time of a dictionary, in UTC with Z."""
    get = itemgetter(name)

    def read(batch: Batch) -> list[str | None]:
        texts: list[str | None] = orjson.loads(
            orjson.dumps(list(map(get, batch.sources)), option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
        )
        return texts

    return read
