"""The feed: what changed or happened behind a place in the log of commits, in batches."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core import ids
from core.changes import KINDS, NAMES, SUBJECTS, Cursor, prefix_of, read_cursor
from core.errors import BadInput, ErpError
from core.paging import digest
from execution import Batch
from loaders import feed
from loaders.events import EventById
from loaders.feed import Found, Head, Interest
from resolvers import nodes
from resolvers.columns import parsed

MOST = 500
"""Entries of a batch."""

MAX_TYPES, MAX_SUBJECTS = 50, 100

_TYPE = re.compile(r"[a-z][a-z_]{0,50}\.(\*|[a-z][a-z_]{0,50})", re.ASCII)


@dataclass
class Delivering:
    """What a webhook reads in place of a batch: what there is to deliver, and then these events."""

    ids: list[UUID] | None = None
    found: Found | None = None


async def changes(batch: Batch) -> list[Any]:
    """What changed: each record once. Rows of kinds of which a business partner sees its own are left out where they
    aren't; of other kinds one that can't be found is gone.
    """
    context, first = batch.context, _first(batch)
    kinds = _kinds(batch)
    head: Head = await context.settle()
    after = _after(batch, head, "changes", sorted(kinds) if batch.args.get("kinds") is not None else None)
    found = await feed.touched(context, after, head, kinds, first)
    records = dict.fromkeys((entry.kind, entry.id) for entry in found.entries if entry.id is not None)
    changes = [
        {
            "kind": NAMES[kind],
            "key": key,
            "prefix": (prefix := KINDS[NAMES[kind]].prefix),
            "id": ids.encode(prefix, key),
        }
        for kind, key in await _visible(context, list(records))
    ]
    again = dict.fromkeys(NAMES[entry.kind] for entry in found.entries if entry.id is None)
    interest = Interest(kinds=frozenset(kinds))
    return [_row(context, found, changes or again, interest, changes=changes, reload=[*again])]


async def events(batch: Batch) -> list[Any]:
    """What happened, in the order in which it was stored."""
    context, first = batch.context, _first(batch)
    types, subjects = _where(batch.args.get("where") or {})
    head: Head = await context.settle()
    after = _after(batch, head, "eventFeed", types and sorted(types), subjects and sorted(map(str, subjects)))
    delivering: Delivering | None = context.delivering
    if delivering is not None and delivering.ids is not None:
        return [{"cursor": str(after), "hasMore": False, "ids": delivering.ids}]
    found = await feed.happened(context, after, head, types, subjects, first)
    if delivering is not None:
        # Only what there is: each event is read when it is its turn.
        delivering.found = found
        return [_row(context, found, (), Interest(events=True), ids=[])]
    return [_row(context, found, found.entries, Interest(events=True), ids=[entry.id for entry in found.entries])]


async def record(batch: Batch) -> list[Any]:
    """A record as it is; whoever follows it is told again when it was touched."""
    context = batch.context
    prefix, key = nodes.key(batch, batch.args["id"], "id")
    numbers = [kind.number for kind in KINDS.values() if kind.prefix == prefix]
    if not numbers:
        raise BadInput(f"The feed has no kind for ids that start with {prefix}_.", path=("id",))
    head: Head = await context.settle()
    interest = Interest(records=frozenset({(numbers[0], key)}))
    context.read_up_to(Cursor(head.commit), head.seq, interest, anything=True, more=False)
    return await nodes.load(batch, [(prefix, key)])


def _row(context: Any, found: Found, news: Any, interest: Interest, **more: Any) -> dict[str, Any]:
    context.read_up_to(found.cursor, found.seq, interest, anything=bool(news), more=found.more)
    return {"cursor": str(found.cursor), "hasMore": found.more, **more}


def listed_changes(batch: Batch) -> Sequence[Any]:
    """The changes of batches."""
    return batch.column("changes")


async def listed(batch: Batch) -> list[list[Any]]:
    """The events of batches."""
    rows = EventById.of(batch.context, batch.columns())
    return [[row for row in await rows.load_level(each["ids"]) if row is not None] for each in batch.sources]


async def node(batch: Batch) -> list[Any]:
    """The records of changes, as they are now."""
    return await nodes.load(batch, [(each["prefix"], each["key"]) for each in batch.sources])


async def gone(batch: Batch) -> list[bool]:
    """Whether the records of changes aren't there."""
    there = await _there(batch.context, [(each["prefix"], each["key"]) for each in batch.sources])
    return [(each["prefix"], each["key"]) not in there for each in batch.sources]


def subject_id(batch: Batch) -> list[str]:
    """The public ids of what events are about."""
    types, keys = batch.column("type"), batch.column("subject_id")
    return [ids.encode(prefix_of(type_), key) for type_, key in zip(types, keys, strict=True)]


async def subject(batch: Batch) -> list[Any]:
    """What events are about, as it is now; an error for what may not be read, and its neighbours stand."""
    types, keys = batch.column("type"), batch.column("subject_id")
    wanted = [(prefix_of(type_), key) for type_, key in zip(types, keys, strict=True)]
    found: list[Any] = [None] * len(wanted)
    for prefix in dict.fromkeys(prefix for prefix, _ in wanted):
        places = [place for place, (each, _) in enumerate(wanted) if each == prefix]
        values: Sequence[Any]
        try:
            values = (
                await nodes.load(batch, [wanted[place] for place in places])
                if prefix in batch.context.node_types
                else []
            )
        except ErpError as error:
            values = [error] * len(places)
        for place, value in zip(places, values):  # noqa: B905 - none at all of a module that isn't installed
            found[place] = value
    return found


def values(column: str) -> Callable[[Batch], Sequence[Any]]:
    """What changed by events; nothing of records that may not be read: their prices would be told here."""
    parse = parsed(column)

    def read(batch: Batch) -> Sequence[Any]:
        context, hidden = batch.context, dict[str, bool]()
        for type_ in set(batch.column("type")):
            loader = context.node_types.get(prefix_of(type_))
            hidden[type_] = loader is not None and loader.entity.permission not in context.principal.permissions
        found = parse(batch)
        if not any(hidden.values()):
            return found
        return [None if hidden[type_] else value for type_, value in zip(batch.column("type"), found, strict=True)]

    return read


# ---------------------------------------------------------------- what is asked for


def _first(batch: Batch) -> int:
    first: int = batch.args["first"]
    if not 1 <= first <= MOST:
        raise BadInput(f"first must be between 1 and {MOST}.", path=("first",))
    return first


def _after(batch: Batch, head: Head, *marks: object) -> Cursor:
    """The place to go on from: the one given, or that of now."""
    mark = bytes.fromhex(digest(*marks))
    if batch.context.following is not None:
        place: Cursor = batch.context.following
        return place.of(mark)
    given = batch.args.get("after")
    if given is None:
        return Cursor(head.commit, 0, mark)
    try:
        return read_cursor(given, None).of(mark)
    except BadInput as error:
        raise error.below("after") from None


def _kinds(batch: Batch) -> list[int]:
    """The numbers of the kinds that are asked for, or of all that may be read. Raises ``Forbidden`` for one that is asked
    for and may not be.
    """
    context, given = batch.context, batch.args.get("kinds")
    if given is not None:
        given = {str(getattr(name, "value", name)) for name in given}
    found = []
    for name, kind in KINDS.items():
        loader = context.node_types.get(kind.prefix)
        if loader is None or (given is not None and name not in given):
            continue
        if given is not None:
            context.require(loader.entity.permission)
        if loader.entity.permission in context.principal.permissions:
            found.append(kind.number)
    return found


def _where(where: dict[str, Any]) -> tuple[list[str] | None, list[UUID] | None]:
    types, subjects = where.get("types"), where.get("subjects")
    for name, given, most in (("types", types, MAX_TYPES), ("subjects", subjects, MAX_SUBJECTS)):
        if given is not None and len(given) > most:
            raise BadInput(f"At most {most} {name}.", path=("where", name))
    for place, each in enumerate(types or ()):
        if not _TYPE.fullmatch(each):
            raise BadInput(
                "A type is such as order.confirmed, or order.* for all of orders.", path=("where", "types", place)
            )
    keys = None
    if subjects is not None:
        keys = []
        for place, each in enumerate(subjects):
            try:
                prefix, key = ids.parse(each)
                if prefix not in SUBJECTS.values():
                    raise BadInput(f"No event is about what has an id that starts with {prefix}_.")
                keys.append(key)
            except BadInput as error:
                raise error.below("where", "subjects", place) from None
    return types, keys


# ---------------------------------------------------------------- what may be seen


async def _visible(context: Any, records: list[tuple[int, UUID]]) -> list[tuple[int, UUID]]:
    """Those of which this request may know. A business partner doesn't learn of others' rows that they are there."""
    if context.principal.partner is None:
        return records
    own = {kind for kind, _ in records if context.node_types[KINDS[NAMES[kind]].prefix].entity.own is not None}
    asked = [(KINDS[NAMES[kind]].prefix, key) for kind, key in records if kind in own]
    there = await _there(context, asked)
    return [each for each in records if each[0] not in own or (KINDS[NAMES[each[0]]].prefix, each[1]) in there]


async def _there(context: Any, wanted: list[tuple[str, UUID]]) -> set[tuple[str, UUID]]:
    """Which of these records the request can see: a statement for each kind."""
    keys: dict[str, list[UUID]] = {}
    for prefix, key in wanted:
        keys.setdefault(prefix, []).append(key)
    found: set[tuple[str, UUID]] = set()
    for prefix, each in keys.items():
        rows = await context.node_types[prefix].of(context, ()).load_level(each)
        found.update((prefix, key) for key, row in zip(each, rows, strict=True) if row is not None)
    return found
