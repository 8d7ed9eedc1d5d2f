"""Transactions that write begin by making sure that their tenant isn't frozen, in the message that begins them.

Until they end they hold the lock on the tenant's row that their foreign keys would take anyway; whoever freezes the tenant
waits for that lock, and then knows that nobody writes any more (docs/decisions/0036-tenants-move.md).
"""

from typing import Any

import asyncpg

from core.errors import TenantFrozen

CHECK = "SELECT refuse_while_frozen()"

_SQLSTATE = "ERP01"


async def begin(connection: Any, statements: str, *, spread: bool = False) -> None:
    """Run the statements that begin a transaction and bind it to a tenant. Where tables are ``spread`` over servers these go
    first: Citus hands the whole of a message with SET LOCAL on to its workers. Raises ``TenantFrozen``, and what PostgreSQL
    says of them; the transaction has failed then.
    """
    try:
        if spread and statements:
            await connection.execute(statements)
        await connection.execute(f"{statements};{CHECK}" if statements and not spread else CHECK)
    except asyncpg.PostgresError as error:
        if getattr(error, "sqlstate", None) != _SQLSTATE:
            raise
        raise TenantFrozen(
            "The tenant is being moved: it can be read, and not changed. Nothing was done; try again in a moment."
        ) from error
