"""Events: what happened, stored with the change itself. They tell facts, by the ids that clients know."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from core.ids import new_id
from core.money import decimal_text


class Event(NamedTuple):
    """A change of one record. ``before`` and ``after`` have the facts that the change touched."""

    type: str
    subject: UUID
    version: int | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


STORE = """
    INSERT INTO events (tenant_id, id, type, subject_id, version, principal, before, after, occurred_at)
    SELECT t.id, h.id, h.type, h.subject_id, h.version, $2, h.before, h.after, statement_timestamp()
    FROM tenants t, unnest($3::uuid[], $4::text[], $5::uuid[], $6::int[], $7::jsonb[], $8::jsonb[])
         AS h (id, type, subject_id, version, before, after)
    WHERE t.id = $1
"""
"""Stores ``values`` in one statement, in their order: their ids rise."""


class Values(NamedTuple):
    """What ``STORE`` takes besides the tenant."""

    principal: str
    ids: Sequence[UUID]
    types: Sequence[str]
    subjects: Sequence[UUID]
    versions: Sequence[int | None]
    befores: Sequence[str | None]
    afters: Sequence[str | None]


def values(principal: str, happened: Sequence[Event]) -> Values:
    """The columns of what happened, each event with an id of its own."""
    columns: tuple[Sequence[Any], ...] = tuple(zip(*happened, strict=True)) or ((), (), (), (), ())
    types, subjects, versions, befores, afters = columns
    ids = [new_id() for _ in happened]
    return Values(principal, ids, types, subjects, versions, [*map(_json, befores)], [*map(_json, afters)])


def _json(facts: Mapping[str, Any] | None) -> str | None:
    return None if facts is None else orjson.dumps(dict(facts), default=_plain).decode()


def _plain(value: Any) -> Any:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)
