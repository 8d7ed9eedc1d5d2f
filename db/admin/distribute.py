"""Spreading the tables over several servers by tenant, with PostgreSQL's extension Citus: ``erpgraph db distribute``.

All of a tenant's rows lie on one server, and each statement of a request goes there (docs/scale.md). Nothing here is needed
on one server.
"""

from typing import Any

import asyncpg

from core.errors import BadInput
from db.runtime.engine import SESSION_TIMEOUTS, WRITER_SETTINGS, Target
from db.tenancy import APP, OWNER, PARTNER

DATABASE = (
    # Workers hear of SET LOCAL app.tenant_id only so.
    ("citus.propagate_set_commands", "local"),
    # With shards hidden asyncpg's look-up of array types takes seconds (2.8 s against 0.04 s): longer than our timeouts.
    ("citus.override_table_visibility", "off"),
    # Ours fill columns of their own row and read no other.
    ("citus.enable_unsafe_triggers", "on"),
)
"""Settings of the database: Citus hands them and those of roles on to its workers."""

SERVING = {
    "lock_timeout": WRITER_SETTINGS["lock_timeout"],
    "idle_in_transaction_session_timeout": SESSION_TIMEOUTS["idle_in_transaction_session_timeout"],
    "timezone": "UTC",
    "jit": "off",
}
"""What the serving role's connections between the servers begin with: they hear nothing of a session's settings."""

_IN_ORDER = """
WITH RECURSIVE t AS (
    SELECT c.oid, c.relname::text AS name FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
      AND (c.relname = 'tenants'
           OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped))
), depth AS (
    SELECT oid, name, 0 AS d FROM t WHERE name = 'tenants'
    UNION
    SELECT t.oid, t.name, depth.d + 1 FROM depth
    JOIN pg_constraint k ON k.confrelid = depth.oid AND k.contype = 'f' AND k.conrelid <> depth.oid
    JOIN t ON t.oid = k.conrelid
)
SELECT name FROM depth WHERE oid NOT IN (SELECT logicalrelid FROM pg_dist_partition) GROUP BY name ORDER BY max(d), name
"""
"""The tenants' tables that aren't spread yet, each after those that it refers to."""


async def distribute(target: Target) -> list[str]:
    """Spread the tables that aren't yet, with the rows they have, and set what the servers need; the names of those tables.

    Safe to run again, and to be run after each migration: a new table stays on the coordinator until then. Raises
    ``BadInput`` where the database isn't a coordinator of Citus with workers; nothing was changed then.
    """
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        await _check(connection)
        await _set(connection)
        await connection.execute(f"SET ROLE {OWNER}")
        # An unlogged table can't be moved to another server while others write.
        if await connection.fetchval("SELECT relpersistence = 'u' FROM pg_class WHERE oid = 'budgets'::regclass"):
            await connection.execute("ALTER TABLE budgets SET LOGGED")
        # Readable on every server, so that processes may log in to any of them.
        await connection.execute(
            "SELECT create_reference_table('alembic_version')"
            " WHERE 'alembic_version'::regclass NOT IN (SELECT logicalrelid FROM pg_dist_partition)"
        )
        tables = [row["name"] for row in await connection.fetch(_IN_ORDER)]
        for table in tables:
            await _spread(connection, table)
    finally:
        await connection.close()
    return tables


async def _check(connection: Any) -> None:
    version = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'citus'")
    if version is None:
        raise BadInput(
            "This database hasn't the extension citus, so its tables stay on this server, which is all that most need."
            " docs/scale.md says when more servers pay, and how they are set up."
        )
    if not await connection.fetchval("SELECT citus_is_coordinator()"):
        raise BadInput("This server is a worker of Citus: give the coordinator's URL.")
    if not await connection.fetchval("SELECT 1 FROM pg_dist_node WHERE shouldhaveshards LIMIT 1"):
        raise BadInput("The coordinator knows no server for the tables: SELECT citus_add_node(HOST, PORT) for each.")
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        raise BadInput("The database is empty: run 'erpgraph db upgrade' first.")


async def _set(connection: Any) -> None:
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    for name, value in DATABASE:
        await connection.execute(f"ALTER DATABASE {database} SET {name} = '{value}'")
    for name, value in SERVING.items():
        await connection.execute(f"ALTER ROLE {APP} SET {name} = '{value}'")
    # What a transaction does as the partners' role, it does on the workers through a connection of that role's. It has no
    # password: only pg_hba.conf lets it in, and only the servers should be.
    await connection.execute(f"ALTER ROLE {PARTNER} LOGIN")
    # Of this session too: it began before.
    for name, value in DATABASE:
        await connection.execute(f"SET {name} = '{value}'")


async def _spread(connection: Any, table: str) -> None:
    """Rows that are there go to the shards by COPY, which FORCE forbids, and under which the owner wouldn't even see them.
    The role is the session's: SET LOCAL ROLE would be handed on to the workers, and take their connection its rights.
    """
    how = f"'{table}', 'id'" if table == "tenants" else f"'{table}', 'tenant_id', colocate_with => 'tenants'"
    parts = await connection.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass($1)", table
    )
    forced = [table, *(row[0] for row in parts)]
    async with connection.transaction():
        for each in forced:
            await connection.execute(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY")
        await connection.execute(f"SELECT create_distributed_table({how})")
        for each in forced:
            await connection.execute(f"ALTER TABLE {each} FORCE ROW LEVEL SECURITY")
