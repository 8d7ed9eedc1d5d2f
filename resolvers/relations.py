"""Relations of a level: keys out of the parents' rows, all of them to the loader in one call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from core import ids
from core.errors import BadInput
from execution import Batch, Shared
from loaders.kit.all import All
from loaders.kit.counts import Counts
from loaders.kit.filters import text_value
from loaders.kit.many import Connection, Many
from loaders.kit.one import One

Load = Callable[[Batch], Awaitable[Sequence[Any] | Shared]]
PAGE = "@page"
"""Stands among the columns for "the page must be loaded", though no column of it is asked for."""
MORE = "@more"
"""Stands among them for "and whether rows are beyond it", which a page of none has to look for as well."""
CURSOR = "@cursor"
"""Stands among the columns for the sort values that a cursor is made of."""


def one(loader: type[One], key: str) -> Load:
    """The row that each parent's ``key`` column refers to."""

    async def load(batch: Batch) -> Shared:
        keys = batch.column(key)
        return Shared(keys, await loader.of(batch.context, batch.columns()).load_distinct(keys))

    return load


def through(loader: type[One], key: str, name: str, missing: Any) -> Load:
    """A leaf that a loader works out for each parent, such as a sum over its children; ``missing`` where
    there is nothing to work it out from."""

    async def load(batch: Batch) -> list[Any]:
        found = await loader.of(batch.context).load_level(batch.column(key))
        return [missing if row is None else row[name] for row in found]

    return load


def many(loader: type[Many], key: str | None = None) -> Load:
    """A page of rows for each parent; with no ``key`` a page of all there are."""

    async def load(batch: Batch) -> list[Connection]:
        query = loader.query(batch.args)
        if query.shape != ("and",):
            for permission in loader.permissions(query):
                batch.context.require(permission)
        keys = [()] * len(batch.sources) if key is None else batch.column(key)
        columns = batch.columns()
        if columns and (query.page.limit or MORE in columns):
            return await loader.of(batch.context, columns, query).load_level(keys)
        return [Connection(loader, query, each) for each in keys]

    return load


def everything(loader: type[All], key: str) -> Load:
    """All rows of each parent, as a list."""

    async def load(batch: Batch) -> Sequence[Any]:
        return await loader.of(batch.context, batch.columns()).load_level(batch.column(key))

    return load


def lookup(prefix: str, loaders: Mapping[str, type[One]]) -> Load:
    """The row that a ``by`` argument names: by id, or by one of the other keys."""

    async def load(batch: Batch) -> list[Any]:
        ((name, given),) = batch.args["by"].items()
        try:
            key = ids.decode(prefix, given) if name == "id" else text_value(given)
        except BadInput as error:
            raise error.below("by", name) from None
        return await loaders[name].of(batch.context, batch.columns()).load_level([key])

    return load


# ---------------------------------------------------------------- the parts of a connection


def nodes(batch: Batch) -> list[Any]:
    return [page.rows for page in batch.sources]


def edges(batch: Batch) -> list[Any]:
    """An edge is its row and the page that it is on, which knows how to make its cursor."""
    return [[(row, page) for row in page.rows] for page in batch.sources]


def cursor(batch: Batch) -> list[str]:
    return [page.cursor(row) for row, page in batch.sources]


def has_next(batch: Batch) -> list[bool]:
    return [page.has_next for page in batch.sources]


def has_previous(batch: Batch) -> list[bool]:
    return [page.has_previous for page in batch.sources]


def start_cursor(batch: Batch) -> list[str | None]:
    return [page.cursor(page.rows[0]) if page.rows else None for page in batch.sources]


def end_cursor(batch: Batch) -> list[str | None]:
    return [page.cursor(page.rows[-1]) if page.rows else None for page in batch.sources]


MAX_COUNT = 100_000
USUAL_COUNT = 10_000
"""Where counting stops if nothing is said."""


async def total_count(batch: Batch) -> list[tuple[int, bool]]:
    """``(value, exact)``: how many rows the list has, page or no page, counted up to ``max``."""
    cap = batch.args["max"]
    if not 0 <= cap <= MAX_COUNT:
        raise BadInput(f"max must be between 0 and {MAX_COUNT}.", path=("max",))
    first: Connection = batch.sources[0]
    # Pages of a level differ in their parents only: they are of one field with one set of arguments.
    arguments = (first.loader, first.query._replace(page=first.query.page._replace(after=None, before=None)), cap)
    counts = await Counts.of(batch.context, (), arguments).load_level([page.key for page in batch.sources])
    return [(min(count, cap), count <= cap) for count in counts]
