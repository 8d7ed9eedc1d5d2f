"""Records renamed and archived: what all kinds of them have in common. A module says which of its kinds can be."""

from typing import Annotated, Any, NamedTuple
from uuid import UUID

import asyncpg
from pydantic import AfterValidator
from pydantic.alias_generators import to_camel

from core import ids
from core.errors import BadInput
from core.ids import new_id
from core.problems import DUPLICATE, refuse
from services.kit.answer import References
from services.kit.command import Change, Command, Label, shown
from services.kit.hooks import Hook
from services.kit.records import RecordType, version_conflict
from services.kit.work import UnitOfWork


class Kept(NamedTuple):
    """A kind of records that people keep: the prefix of their ids, and what changing one needs. ``in_use`` is SQL with the
    record's id as ``$2``: a sentence's end for each reason why it can't be archived. ``besides`` archives what goes with it, by
    the time ``$3``.
    """

    prefix: str
    kind: RecordType
    permission: str
    in_use: str = ""
    besides: str = ""


KEPT: Hook[Kept] = Hook()
"""The kinds of records that can be renamed and archived."""


def kept_as(given: Any) -> Kept | None:
    """The kind of record that an id is of."""
    try:
        prefix, _ = ids.parse(given if isinstance(given, str) else "")
    except BadInput:
        return None
    return next((each for each in KEPT.added if each.prefix == prefix), None)


def _record_id(given: str) -> str:
    try:
        ids.parse(given)
    except BadInput as error:
        raise ValueError(error.message) from None
    if kept_as(given) is None:
        wanted = ", ".join(f"{each.prefix}_" for each in KEPT.added)
        raise ValueError(f"This is the id of another type: one that starts with {wanted} is expected.")
    return given


RecordId = Annotated[str, AfterValidator(_record_id)]
"""The id of a record of any kind that is kept."""


class Rename(Change):
    """A key of a record to be changed; the old one goes on finding it."""

    id: RecordId
    """The id of a product, partner, warehouse or location."""
    key: Label
    """The new key: sku or code."""


class Archive(Command):
    """A record that is no longer used, or is again. Archived ones stay in what they are part of, and can't be used in new
    documents."""

    id: RecordId
    """The id of a product, partner, warehouse or location."""
    archived: bool = True
    """Whether it is archived from now on."""


_TAKEN = """
    SELECT FROM {table} WHERE tenant_id = $1 AND {key} = $2 AND id <> $3
    UNION ALL SELECT FROM key_aliases WHERE {known} AND record_id <> $3
"""
_RENAME = """
    WITH dropped AS (DELETE FROM key_aliases WHERE {known} AND record_id = $3),
    remembered AS (
        INSERT INTO key_aliases (tenant_id, id, kind, key, record_id)
        SELECT t.id, $4, '{kind}', $5, $3 FROM tenants t WHERE t.id = $1
    )
    UPDATE {table} SET {key} = $2, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $3 RETURNING version
"""
_ARCHIVE = """
    UPDATE {table} SET archived_at = $3, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND id = $2 RETURNING version
"""


async def _locked(work: UnitOfWork, given: str, *columns: str) -> tuple[Kept, UUID, Any]:
    """The kind, the id and the row of a record, under its lock. Raises ``CommandRejected`` where there is none."""
    kept = kept_as(given)
    if kept is None:  # its id couldn't be read, which is known by now
        work.problems.check()
        raise refuse(DUPLICATE, "There is no such record.", "id")
    _, identity = ids.parse(given)
    sql = f"SELECT version, statement_timestamp() AS now, {', '.join(columns)} FROM {kept.kind.table}"
    rows = await work.rows(f"{sql} WHERE tenant_id = $1 AND id = $2 FOR UPDATE", identity)
    if not rows:
        work.problems.missing(f"{kept.kind.name} with the {shown('id', given)}", "id")
        work.problems.check()
    return kept, identity, rows[0]


def _references(kept: Kept, identity: UUID) -> References:
    return {f"{kept.prefix}_record_id": identity}


async def rename(work: UnitOfWork, command: Rename) -> References:
    """Change a record's key. Raises ``CommandRejected`` where another record has it, or had it before."""
    kind = kept.kind if (kept := kept_as(command.id)) else None
    kept, identity, row = await _locked(work, command.id, kind.key if kind else "version")
    kind = kept.kind
    before = row[kind.key]
    if command.expected_version not in (None, row["version"]):
        raise version_conflict(row["version"], command.expected_version)
    work.problems.check()
    if before == command.key:
        return _references(kept, identity)
    names = {"table": kind.table, "key": kind.key, "known": kind.known, "kind": kind.name}
    taken = refuse(DUPLICATE, f"Another {kind.name} has this {to_camel(kind.key)}, or had it before.", "key")
    if await work.rows(_TAKEN.format(**names), command.key, identity):
        raise taken
    try:
        [[version]] = await work.rows(_RENAME.format(**names), command.key, identity, new_id(), before)
    except asyncpg.UniqueViolationError:  # another command took it a moment ago
        raise taken from None
    name = to_camel(kind.key)
    work.note(f"{kind.name}.renamed", identity, version=version, before={name: before}, after={name: command.key})
    return _references(kept, identity)


async def archive(work: UnitOfWork, command: Archive) -> References:
    """Take a record out of use, or back into it. Raises ``CommandRejected`` where goods are still there."""
    kept, identity, row = await _locked(work, command.id, "archived_at")
    work.problems.check()
    if (row["archived_at"] is not None) == command.archived:
        return _references(kept, identity)
    if command.archived and kept.in_use:
        for [reason] in await work.rows(kept.in_use, identity):
            work.problems.invalid(f"It can't be archived: {reason}.", "id")
        work.problems.check()
    at = row["now"] if command.archived else None
    if command.archived and kept.besides:
        await work.rows(kept.besides, identity, at)
    [[version]] = await work.rows(_ARCHIVE.format(table=kept.kind.table), identity, at)
    kind, happened = kept.kind, "archived" if command.archived else "unarchived"
    work.note(f"{kind.name}.{happened}", identity, version=version)
    return _references(kept, identity)
