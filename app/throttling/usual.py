"""What is usual for a tenant: how many rows its relations have, so that prices are near to what is read.

Looked at beside the requests, one tenant at a time, and again after a while. Until then, and for business partners, whose
prices would tell how many orders others have, a list is taken to be as long as its page.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextvars import Context
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import structlog

from app.context import Principal
from core.errors import ErpError, Unavailable
from db.runtime.engine import Database
from loaders.kit.kept import KeptOf
from loaders.kit.many import Many
from loaders.kit.usual import sizes, usual

log = structlog.get_logger()

LASTS = 600.0
"""Seconds after which a tenant is looked at again, at its next request."""

TENANTS = 5_000
"""Tenants whose figures are kept, some 2 kB each; beyond that those that asked longest ago are forgotten."""

NOTHING: Mapping[Any, int] = MappingProxyType({})


class _Figures(NamedTuple):
    """A tenant's, and when they were looked at. ``rolled``: whether there are rollups among them, looked for once and not by each
    request, which took 0.7 % of an order's time.
    """

    at: float
    rows: Mapping[Any, int]
    rolled: bool


UNKNOWN = _Figures(float("-inf"), NOTHING, rolled=False)


class UsualSizes:
    """The figures of each tenant, as one process knows them."""

    def __init__(self, database: Database, relations: Iterable[type[Many]]) -> None:
        """Without ``relations`` it knows of nothing."""
        self._database = database
        self._relations = tuple(relations)
        self._known: OrderedDict[UUID, _Figures] = OrderedDict()
        self._waiting: OrderedDict[UUID, None] = OrderedDict()
        self.looking: asyncio.Task[None] | None = None

    def of(self, principal: Principal) -> Mapping[Any, int]:
        """How many rows are usual, by the relations; nothing of those that nobody has looked at."""
        return self._figures(principal).rows

    def rolled(self, principal: Principal) -> bool:
        """Whether the tenant has rollups, which sums may come from."""
        return self._figures(principal).rolled

    def _figures(self, principal: Principal) -> _Figures:
        if principal.partner is not None or not self._relations:
            return UNKNOWN
        found = self._known.get(principal.tenant, UNKNOWN)
        if monotonic() - found.at > LASTS:
            self._look_at(principal.tenant)
        return found

    def _look_at(self, tenant: UUID) -> None:
        if len(self._waiting) < TENANTS:
            self._waiting[tenant] = None
        if self.looking is None:
            # Without a context: it isn't the request's doing.
            self.looking = asyncio.create_task(self._look(), context=Context())

    async def _look(self) -> None:
        try:
            while self._waiting:
                tenant, _ = self._waiting.popitem(last=False)
                self._keep(tenant, await self._found(tenant))
        finally:
            self.looking = None

    async def _found(self, tenant: UUID) -> Mapping[Any, int]:
        try:
            async with self._database.reader(tenant) as reader:
                rows = await usual(reader, self._relations)
                return {**rows, **await sizes(reader, self._relations, rows)}
        except Unavailable:  # the log has a line of that
            return self._known.get(tenant, UNKNOWN).rows
        except (ErpError, asyncpg.PostgresError) as error:
            log.warning("usual sizes not found", tenant=str(tenant), reason=type(error).__name__)
            return self._known.get(tenant, UNKNOWN).rows

    def _keep(self, tenant: UUID, found: Mapping[Any, int]) -> None:
        rolled = any(isinstance(each, KeptOf) for each in found)
        self._known[tenant] = _Figures(monotonic(), found, rolled)
        self._known.move_to_end(tenant)
        if len(self._known) > TENANTS:
            self._known.popitem(last=False)
