"""The one transaction of an import."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg

from core.changes import KINDS
from core.errors import BadInput
from core.ids import new_id
from db.runtime import freezing, log
from db.runtime.engine import Target
from db.runtime.sessions import SHARDED, server_version
from db.tenancy import set_tenant


@contextlib.asynccontextmanager
async def begin(target: Target, tenant: UUID, *, keep: bool = True) -> AsyncIterator[Any]:
    """A transaction as the serving role, bound to the tenant: the policies check every row. Unless it is to be kept, all of it
    is undone at its end.

    Its own connection, because the pools' statement timeout is for requests.
    """
    connection = await asyncpg.connect(target.serving, server_settings=target.settings(), timeout=5)
    try:
        if await server_version(connection) == SHARDED:
            raise BadInput(
                "The tables are spread over servers, where a file can't be compared with what is there. Import it into a database "
                "of its own, and bring the tenant here by 'erpgraph tenant export' and 'import'. Nothing was imported."
            )
        transaction = connection.transaction()
        await transaction.start()
        try:
            await freezing.begin(connection, set_tenant(tenant))
            yield connection
        except BaseException:
            await transaction.rollback()
            raise
        await (transaction.commit() if keep else transaction.rollback())
    finally:
        await connection.close()


async def announce(connection: Any, tenant: UUID, *kinds: str) -> None:
    """Tell those that follow changes which kinds of records they have to read as a whole: a million records aren't told one by
    one. To be the last before the commit.
    """
    numbers = tuple(KINDS[name].number for name in kinds if name in KINDS)
    await connection.execute(log.place(tenant, new_id(), reload=numbers))
