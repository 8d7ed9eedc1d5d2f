"""Records that people keep, such as products: created or changed by their key."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import orjson
from pydantic.alias_generators import to_camel

from core.ids import encode, new_id
from core.problems import DUPLICATE, NOT_FOUND, VERSION_CONFLICT, CommandRejected, Problems, refuse
from db.runtime.failures import constraint
from services.kit.work import Retry, UnitOfWork


class RecordType(NamedTuple):
    """A kind of records: what people call one, its table, the column of its key, those columns that have JSON, those
    that a new one must be given, and those that refer to other records, with the prefix of their ids.
    """

    name: str
    table: str
    key: str
    json: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    refs: Mapping[str, str] = {}

    @property
    def keyed(self) -> str:
        """The condition that a row has the key ``$2``, or had it before it was renamed."""
        return f"({self.key} = $2 OR id = (SELECT record_id FROM key_aliases WHERE {self.known}))"

    @property
    def known(self) -> str:
        """The condition that ``$2`` was the key of a record of this kind."""
        return f"tenant_id = $1 AND kind = '{self.name}' AND key = $2"


Merge = Callable[[Any], Any]
"""Makes a column's new value of the one that is there (None for a new record). Raises ``CommandRejected``."""

Check = Callable[[UnitOfWork, Any, Mapping[str, Any]], Awaitable[None]]
"""Sees a record under its lock and the columns that are to change; raises ``CommandRejected`` where they may not."""


@contextmanager
def all_at_once(work: UnitOfWork) -> Iterator[None]:
    """Within it a refusal tells what was noted before, as well; and what was noted is refused at its end."""
    try:
        yield
    except CommandRejected as refused:
        raise CommandRejected((*work.problems.found, *refused.problems)) from None
    work.problems.check()


async def upsert(
    work: UnitOfWork, kind: RecordType, values: Mapping[str, Any], *, expected: int | None, check: Check | None = None
) -> UUID:
    """Make or change the record whose key has the given value; ``values`` has the columns that were given, or a ``Merge``.

    A record that already is as wanted is left alone. Raises ``CommandRejected`` for another version than the
    expected one, and for an external id that another record has.
    """
    columns = ", ".join(("id", "version", *values))
    sql = f"SELECT {columns} FROM {kind.table} WHERE tenant_id = $1 AND {kind.keyed} FOR NO KEY UPDATE"
    found = await work.rows(sql, values[kind.key])
    if not found:
        if expected is not None:
            message = f"There is no {kind.name} with this {kind.key}, so it has no version yet."
            raise refuse(NOT_FOUND, message, to_camel(kind.key))
        return await _insert(work, kind, {name: _merged(value, None) for name, value in values.items()})
    # The key itself stays: it may be one that the record had before.
    given = {name: value for name, value in values.items() if name != kind.key}
    await _apply(work, kind, found[0], given, expected=expected, check=check)
    identity: UUID = found[0]["id"]
    return identity


async def patch(
    work: UnitOfWork, kind: RecordType, identity: UUID, values: Mapping[str, Any], *, expected: int | None
) -> bool:
    """Change the record with this id; whether there is one. It is left alone where it already is as wanted."""
    columns = ", ".join(("id", "version", *values))
    sql = f"SELECT {columns} FROM {kind.table} WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
    found = await work.rows(sql, identity)
    if found:
        await _apply(work, kind, found[0], values, expected=expected)
    return bool(found)


async def _apply(
    work: UnitOfWork,
    kind: RecordType,
    record: Any,
    values: Mapping[str, Any],
    *,
    expected: int | None,
    check: Check | None = None,
) -> None:
    if expected not in (None, record["version"]):
        raise version_conflict(record["version"], expected)
    values = {name: _merged(value, record[name]) for name, value in values.items()}
    before = {name: record[name] for name, value in values.items() if record[name] != value}
    if before:
        after = {name: values[name] for name in before}
        if check is not None:
            await check(work, record, after)
        await _change(work, kind, record, before, after)


def _merged(value: Any, there: Any) -> Any:
    return value(there) if callable(value) else value


async def _insert(work: UnitOfWork, kind: RecordType, values: Mapping[str, Any]) -> UUID:
    identity, problems = new_id(), Problems()
    for name in kind.required:
        if not values.get(name):
            problems.invalid(
                f"There is no {kind.name} with this {kind.key} yet, and a new one needs this.", to_camel(name)
            )
    problems.check()
    key = 3 + list(values).index(kind.key)
    places = ", ".join(f"${index}" for index in range(3, 3 + len(values)))
    sql = f"""
        INSERT INTO {kind.table} (tenant_id, id, {", ".join(values)})
        SELECT t.id, $2, {places} FROM tenants t
        WHERE t.id = $1 AND NOT EXISTS (SELECT FROM key_aliases WHERE {kind.known.replace("$2", f"${key}")})
        ON CONFLICT (tenant_id, {kind.key}) DO NOTHING RETURNING id
    """
    if not await stored(work, kind, sql, identity, *values.values()):
        raise Retry("made by another")  # a moment ago: the next attempt finds it
    work.note(f"{kind.name}.created", identity, version=1, after=_facts(kind, values))
    return identity


async def _change(
    work: UnitOfWork, kind: RecordType, record: Any, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    settings = ", ".join(f"{name} = ${index}" for index, name in enumerate(after, start=3))
    sql = f"""
        UPDATE {kind.table} SET {settings}, version = version + 1, updated_at = statement_timestamp()
        WHERE tenant_id = $1 AND id = $2 RETURNING version
    """
    [[version]] = await stored(work, kind, sql, record["id"], *after.values())
    work.note(
        f"{kind.name}.updated", record["id"], version=version, before=_facts(kind, before), after=_facts(kind, after)
    )


async def stored(work: UnitOfWork, kind: RecordType, sql: str, *values: Any) -> list[Any]:
    """Run a statement that stores a record. Raises ``CommandRejected`` where another one has its external id, or a
    number that was asked for.
    """
    try:
        return await work.rows(sql, *values)
    except asyncpg.UniqueViolationError as error:
        column = constraint(error).removeprefix(f"uq_{kind.table}_tenant_id_")
        if column == "external_id":
            raise refuse(DUPLICATE, f"Another {kind.name} has this externalId.", "externalId") from None
        raise


def _facts(kind: RecordType, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in kind.refs:
            found[name.removesuffix("_id")] = value and encode(kind.refs[name], value)
        else:
            found[name] = _read(value) if name in kind.json else value
    return facts(found)


def _read(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def facts(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns under the names that the graph gives them."""
    return {to_camel(name): value for name, value in values.items()}


def version_conflict(current: int, expected: int | None) -> CommandRejected:
    """The refusal for a record that was changed since the caller read it."""
    message = (
        f"This was changed in the meantime: it is at version {current}, and {expected} was expected. Read it again."
    )
    return refuse(VERSION_CONFLICT, message, "expectedVersion", current_version=current)
