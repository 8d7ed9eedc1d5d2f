"""Reading the log of commits: what was touched or happened behind a place, up to where the log is complete."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from core.changes import Cursor, ResyncRequired
from db.runtime.log import NEWEST
from db.runtime.reader import Reader

SCANNED = 2_000
"""Commits that a batch looks at, whatever it finds in them: a tenth of a second for what matches nothing."""


class Head(NamedTuple):
    """The newest commit up to which a tenant's log is complete, as a request's snapshot sees it."""

    seq: int
    commit: UUID


class Entry(NamedTuple):
    """What a batch found: an event, or a record of a kind; without an id the whole kind is to be read again."""

    seq: int
    commit: UUID
    place: int
    id: UUID | None
    kind: int = 0


class Found(NamedTuple):
    """The entries of a batch, where to go on from, and whether there is more already."""

    entries: list[Entry]
    cursor: Cursor
    seq: int
    more: bool


class Context(Protocol):
    """What reading the log needs of a request."""

    reader: Reader


class Oldest(NamedTuple):
    """The oldest commit that a tenant's log has still, and when it was."""

    seq: int
    commit: UUID
    at: datetime


_OLDEST = "SELECT seq, id, created_at FROM commits WHERE tenant_id = $1 ORDER BY seq LIMIT 1"

_SEQ = "SELECT seq FROM commits WHERE tenant_id = $1 AND id = $2"

_SCAN = f"""
    WITH scanned AS MATERIALIZED (
        SELECT * FROM commits WHERE tenant_id = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq LIMIT {SCANNED}
    ), found AS (
        %s
        ORDER BY seq, place LIMIT $5
    )
    SELECT seq, commit, place, id, kind FROM found
    UNION ALL (SELECT seq, id, NULL, NULL, NULL FROM scanned ORDER BY seq DESC LIMIT 1)
"""
"""``$2`` is where to begin and ``$4`` how many entries of that commit were read before, none where it is 0: all were."""

_BEHIND = "(s.seq > $2 OR ($4 > 0 AND place > $4))"

_TOUCHED = (
    _SCAN
    % f"""
        SELECT seq, commit, place, id, kind FROM (
            SELECT s.seq, s.id AS commit, u.place, u.id, u.kind
            FROM scanned s CROSS JOIN LATERAL unnest(s.subjects, s.kinds) WITH ORDINALITY AS u (id, kind, place)
            UNION ALL
            SELECT s.seq, s.id, 0, NULL, u.kind FROM scanned s CROSS JOIN LATERAL unnest(s.reload) AS u (kind)
        ) s WHERE {_BEHIND} AND kind = ANY($6::smallint[])
"""
)

_HAPPENED = (
    _SCAN
    % f"""
        SELECT s.seq, s.id AS commit, u.place, u.id, NULL::smallint AS kind
        FROM scanned s CROSS JOIN LATERAL unnest(s.events) WITH ORDINALITY AS u (id, place)
        WHERE {_BEHIND}
"""
)

_CHOSEN = (
    _SCAN
    % f"""
        SELECT s.seq, s.id AS commit, u.place, u.id, NULL::smallint AS kind
        FROM scanned s CROSS JOIN LATERAL unnest(s.events) WITH ORDINALITY AS u (id, place)
        JOIN events e ON e.tenant_id = $1 AND e.id = u.id
        WHERE {_BEHIND} AND ($6::text[] IS NULL OR e.type = ANY($6) OR split_part(e.type, '.', 1) || '.*' = ANY($6))
          AND ($7::uuid[] IS NULL OR e.subject_id = ANY($7))
"""
)


async def newest(reader: Reader, upto: int) -> Head | None:
    """The newest commit up to a number; None where the tenant has none."""
    rows = await reader.fetch(NEWEST, reader.tenant, upto)
    return Head(*rows[0]) if rows else None


async def touched(context: Context, after: Cursor, head: Head, kinds: Sequence[int], first: int) -> Found:
    """The records of these kinds that were touched behind a place. Raises ``ResyncRequired``."""
    return await _batch(context.reader, after, head, first, _TOUCHED, list(kinds))


async def happened(
    context: Context,
    after: Cursor,
    head: Head,
    types: Sequence[str] | None,
    subjects: Sequence[UUID] | None,
    first: int,
) -> Found:
    """The events behind a place: of these types (``order.*`` stands for all of orders), about these records. Raises
    ``ResyncRequired``.
    """
    if types is None and subjects is None:
        return await _batch(context.reader, after, head, first, _HAPPENED)
    return await _batch(context.reader, after, head, first, _CHOSEN, types, subjects)


async def oldest(reader: Reader) -> Oldest:
    """The oldest commit of a tenant that has one."""
    [row] = await reader.fetch(_OLDEST, reader.tenant)
    return Oldest(row["seq"], UUID(int=row["id"].int), row["created_at"])


async def all_that_happened(context: Context, begin: Oldest, head: Head, first: int) -> Found:
    """The events from the oldest commit on, its own as well."""
    return await _read(context.reader, begin.seq - 1, Cursor(begin.commit), head, first, _HAPPENED)


async def _batch(reader: Reader, after: Cursor, head: Head, first: int, sql: str, *values: Any) -> Found:
    begin = await _seq(reader, after.commit)
    if begin >= head.seq and not after.offset:
        return Found([], after, begin, more=False)
    return await _read(reader, begin, after, head, first, sql, *values)


async def _read(reader: Reader, begin: int, after: Cursor, head: Head, first: int, sql: str, *values: Any) -> Found:
    """The entries of the commits behind a number, and of that one those behind the place."""
    rows = await reader.fetch(sql, reader.tenant, begin, max(begin, head.seq), after.offset, first + 1, *values)
    *entries, last = [Entry(row["seq"], row["commit"], row["place"], row["id"], row["kind"] or 0) for row in rows]
    if len(entries) <= first:
        return Found(entries, after._replace(commit=last.commit, offset=0), last.seq, more=last.seq < head.seq)
    whole = [entry for entry in entries[:first] if entry.seq != entries[first].seq]
    if whole:
        return Found(whole, after._replace(commit=whole[-1].commit, offset=0), whole[-1].seq, more=True)
    # A commit that is larger than a batch is the only one that is cut.
    cut = entries[:first]
    return Found(cut, after._replace(commit=cut[-1].commit, offset=cut[-1].place), cut[-1].seq, more=True)


async def _seq(reader: Reader, commit: UUID) -> int:
    rows = await reader.fetch(_SEQ, reader.tenant, commit)
    if not rows:
        raise ResyncRequired(
            "This place isn't in the feed any more: it is older than the feed is kept, or of another state of the database."
            " Take a new cursor, and read again what you keep a copy of."
        )
    return int(rows[0]["seq"])


async def there(reader: Reader, commit: UUID) -> bool:
    """Whether a commit is in the log."""
    return bool(await reader.fetch(_SEQ, reader.tenant, commit))


class Interest(NamedTuple):
    """What of a commit makes a feed tell more: records of these kinds, these records, or any event."""

    kinds: frozenset[int] = frozenset()
    records: frozenset[tuple[int, UUID]] = frozenset()
    events: bool = False


class News(NamedTuple):
    """What some commits hold together. ``everything``: so much that it wasn't looked at."""

    records: frozenset[tuple[int, UUID]] = frozenset()
    reload: frozenset[int] = frozenset()
    events: bool = False
    everything: bool = False

    def concern(self, interest: Interest) -> bool:
        """Whether a feed with this interest has something to tell."""
        if self.everything or (interest.events and self.events) or not interest.records.isdisjoint(self.records):
            return True
        kinds = {kind for kind, _ in self.records} | self.reload
        return not interest.kinds.isdisjoint(kinds) or any(kind in self.reload for kind, _ in interest.records)


GLANCED = 200
"""Commits that are looked at one by one for whom they concern; more concern everybody."""

_NEWS = (
    "SELECT kinds, subjects, reload, cardinality(events) > 0 AS events FROM commits"
    f" WHERE tenant_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT {GLANCED + 1}"
)


async def news(reader: Reader, after: int, upto: int) -> News:
    """What the commits behind a number hold, up to another one."""
    rows = await reader.fetch(_NEWS, reader.tenant, after, upto)
    if len(rows) > GLANCED:
        return News(everything=True)
    records = frozenset(
        (kind, UUID(int=each.int)) for row in rows for kind, each in zip(row["kinds"], row["subjects"], strict=True)
    )
    return News(records, frozenset(kind for row in rows for kind in row["reload"]), any(row["events"] for row in rows))
