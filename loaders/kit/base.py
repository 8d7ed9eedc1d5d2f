"""The loaders: aiodataloader's, one class per relation. Asking for the class is the registration."""

import asyncio
from collections.abc import Callable, Hashable, Mapping, Sequence
from time import perf_counter
from typing import Any, ClassVar, Protocol, Self

from aiodataloader import DataLoader
from sqlalchemy.sql import ClauseElement

from db.runtime.reader import Reader
from loaders.kit.entity import Entity
from loaders.kit.statements import Statement, known, statement_in_turns

FREED = 4_000
"""Rows that are freed in one step: 12,500 held the loop for 6 ms."""

KEYS = 10_000
"""Keys that are looked at in one step."""


class Context(Protocol):
    """What a loader needs of a request."""

    reader: Reader
    loaders: dict[Hashable, Any]
    trace: Any


class Loader(DataLoader[Any, Any]):
    """Loads the values of a relation for many keys with one statement.

    One instance per request, set of columns and arguments. ``load_all`` fetches; it calls no other
    loader. ``load_level`` is the way for a whole level: it makes no future per key.
    """

    entity: ClassVar[Entity[Any]]
    rolled: bool
    """Whether the tenant has rollups, which sums may come from."""
    source: str
    """Where the rows come from, for the trace; empty: from the entity's table."""

    def __init__(self, context: Context, columns: tuple[str, ...], arguments: Any = None) -> None:
        super().__init__()
        # Not the context itself: it holds its loaders, and a request's rows in such a cycle stayed until
        # the garbage collector came, which took a seventh of a nested page's time.
        self.reader = context.reader
        self.trace = context.trace
        self.columns = columns
        self.arguments = arguments
        self.rolled = getattr(context, "rolled", False)
        self.source = ""
        self._known: dict[Any, Any] = {}

    @property
    def narrowed(self) -> bool:
        """Whether the request sees a business partner's rows only: its statements are others then."""
        return self.reader.partner is not None

    def visible(self, entity: Entity[Any] | None = None) -> tuple[Any, ...]:
        """The conditions on rows that this request may see, besides their tenant."""
        own = (entity or self.entity).own
        return (own,) if self.narrowed and own is not None else ()

    @property
    def row(self) -> type | None:
        """The class of the rows, which tells their type; None for rows that are no object of the graph."""
        return self.entity.row

    @classmethod
    def of(cls, context: Context, columns: tuple[str, ...] = (), arguments: Hashable = None) -> Self:
        """The request's loader of this relation, for these columns and arguments."""
        key = (cls, columns, arguments)
        found: Self | None = context.loaders.get(key)
        if found is None:
            found = context.loaders[key] = cls(context, columns, arguments)
        return found

    async def load_level(self, keys: Sequence[Any]) -> list[Any]:
        """The values of a level's keys, in their order; None for a None among them."""
        return list(map((await self.load_distinct(keys)).get, keys))

    async def load_distinct(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """The value of each of a level's keys; not of a None among them."""
        known = self._known
        wanted = dict.fromkeys(keys) if len(keys) <= KEYS else await _distinct(keys)
        wanted.pop(None, None)
        missing = [key for key in wanted if key not in known] if known else list(wanted)
        if missing:
            found = await self.load_all(missing)
            if len(found) < len(missing):
                known.update(dict.fromkeys(missing))
            known.update(found)
        return known.copy() if len(known) == len(wanted) else {key: known[key] for key in wanted}

    async def batch_load_fn(self, keys: list[Any]) -> list[Any]:
        """Aiodataloader's entrance: the same, for keys that came one by one."""
        return list(map((await self.load_all(keys)).get, keys))

    async def load_all(self, keys: list[Any]) -> Mapping[Any, Any]:
        """The values of distinct keys; keys without a value may be missing. One statement."""
        raise NotImplementedError

    async def made(self, shape: Hashable, build: Callable[[], ClauseElement]) -> Statement:
        """The statement of a shape. The loop has its turn before one is made, and while it is: that takes SQLAlchemy 2 to 10 ms,
        for groups by many measures 75, and what was done before it may have taken as long.
        """
        found = known(shape)
        if found is None:
            await asyncio.sleep(0)
            found = await statement_in_turns(shape, build, self.reader.tenant)
        return found

    async def fetch(self, made: Statement, given: dict[str, Any], keys: int, *, one_plan: bool = False) -> list[Any]:
        """Run a statement for this tenant. ``keys`` is only told to the trace; ``one_plan``: see ``Reader.fetch``."""
        reader = self.reader
        given["tenant"] = reader.tenant
        given["partner"] = reader.partner
        start = perf_counter()
        rows = await reader.fetch(made.sql, *made.values(given), row=self.row, one_plan=one_plan)
        if self.trace is not None:
            name = f"{type(self).__name__} ({self.source})" if self.source else type(self).__name__
            self.trace.batch(name, keys, len(rows), made.sql, perf_counter() - start)
        return rows


async def _distinct(keys: Sequence[Any]) -> dict[Any, None]:
    """The keys of a large level, once each: a UUID takes long to hash, and 100,000 held the loop for 12 ms."""
    found: dict[Any, None] = {}
    for start in range(0, len(keys), KEYS):
        found.update(dict.fromkeys(keys[start : start + KEYS]))
        await asyncio.sleep(0)
    return found


async def let_go(loaders: dict[Hashable, Any]) -> None:
    """Free what a request has loaded, once it is over, with turns for others in between."""
    freed = 0
    while loaders:
        known = loaders.popitem()[1]._known  # noqa: SLF001 - a loader's, which is one of ours
        while known:
            value = known.popitem()[1]
            freed += 1 + len(getattr(value, "rows", ()))
            del value
            if freed > FREED:
                freed = 0
                await asyncio.sleep(0)
