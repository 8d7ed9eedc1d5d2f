"""Looking things up: what a command does under its locks, a query may ask of its snapshot."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol
from uuid import UUID

from db.runtime.reader import Reader
from db.tenancy import set_price_list


class Looking(Protocol):
    """What looks rows up: a command's ``UnitOfWork``, or a query's ``Snapshot``."""

    products: frozenset[UUID]
    decimals: dict[UUID, int]

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a statement, whose ``$1`` is the tenant."""
        ...


class Traced(Protocol):
    """What is told of a query's statements: ``execution.Trace``."""

    def batch(self, loader: str, keys: int, rows: int, statement: str, seconds: float) -> None:
        """A statement was run for some keys."""
        ...


@dataclass(slots=True)
class Snapshot:
    """A query's snapshot, for the services' own look-ups: the same words and rules as a command's, and nothing can be locked
    or changed. ``name`` is what the plan calls its statements.
    """

    reader: Reader
    name: str
    trace: Traced | None = None
    products: frozenset[UUID] = frozenset()
    decimals: dict[UUID, int] = field(default_factory=dict)

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a statement, whose ``$1`` is the tenant."""
        start = perf_counter()
        rows = await self.reader.fetch(sql, self.reader.tenant, *values)
        if self.trace is not None:
            self.trace.batch(self.name, 1, len(rows), sql, perf_counter() - start)
        return rows

    async def show_prices_of(self, price_list: UUID) -> None:
        """Let a business partner's transaction see the prices of its own list, whose id its own row had."""
        await self.reader.fetch(set_price_list(price_list))
