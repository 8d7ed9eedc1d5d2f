"""Alembic's environment: migrations on a live site take short locks, one at a time, as the owner.

A migration that waits for a lock makes every later query of that table wait behind it, so it gives
up after two seconds and is tried again a second later (``db.admin.migrate``). The advisory lock lets several
processes start at once: one migrates, the others wait and find nothing to do.
"""

from time import sleep

from alembic import context
from sqlalchemy import Connection, text

from db.admin.migrate import LOCK
from db.models import metadata
from db.tenancy import OWNER

PAUSE = 0.1
ATTEMPTS = 20


def include(_object: object, name: str | None, kind: str, *_: object) -> bool:
    return not (kind == "table" and name == "alembic_version")


def run(connection: Connection) -> None:
    connection.execute(text(f"SET ROLE {OWNER}"))
    connection.execute(text("SET lock_timeout = '2s'"))
    connection.execute(text("SET statement_timeout = '10min'"))
    connection.execute(text("SET idle_in_transaction_session_timeout = '1min'"))
    # Where tables are spread, a function can't be made in a transaction that changed them by several connections at once.
    connection.execute(text("SET citus.multi_shard_modify_mode = 'sequential'"))
    # Asked for again and again, not waited for: the statement that waits has a snapshot, which an index that is made
    # concurrently by the one who holds the lock would wait for in turn.
    for _ in range(ATTEMPTS):
        if connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar():
            break
        connection.commit()
        sleep(PAUSE)
    else:
        connection.execute(text("SET LOCAL lock_timeout = '10ms'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        include_object=include,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
    connection.commit()


run(context.config.attributes["connection"])
