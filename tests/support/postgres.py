"""Databases for tests, on the server given by ERPGRAPH_DATABASE_URL or on an embedded one.

A run has one migrated template, and one with the small demo, each built by whichever worker comes first; every other
database is a copy of one of them, which takes a tenth of a second. Their names start with the run's own prefix, so that
a run never touches what was there before, nor another run's.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from db.admin import embedded, migrate
from db.runtime.engine import Target
from db.tenancy import APP
from services import demo

_BUILD_LOCK = 0x74657374
_LOCALE = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
_numbers = itertools.count(1)


class TestServer:
    """A PostgreSQL server to make databases on. ``prefix`` is this run's, ``worker`` is xdist's name."""

    __test__ = False

    def __init__(self, admin_url: str, prefix: str, worker: str, *, direct_login: bool) -> None:
        self.admin_url = admin_url
        self.template = f"{prefix}_template"
        self._demo = f"{prefix}_demo"
        self._names = f"{prefix}_{worker}"
        # The embedded server trusts its socket, so that tests log in as the serving role itself there.
        self._direct_login = direct_login

    def target(self, database: str) -> Target:
        parts = urlsplit(self.admin_url)
        admin = urlunsplit(parts._replace(path=f"/{database}"))
        if not self._direct_login:
            return Target.of(admin)
        return Target(admin, urlunsplit(parts._replace(path=f"/{database}", netloc=f"{APP}@")))

    async def build_template(self) -> None:
        """Make the run's template once."""
        await self._build(self.template, f"template0 {_LOCALE}", migrate.upgrade)

    async def _build(self, name: str, template: str, fill: Callable[[Target], Awaitable[object]]) -> None:
        """Make a template once: the workers queue up, the first builds, the others find it."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _BUILD_LOCK)
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                making = f"{name}_new"
                await connection.execute(f'DROP DATABASE IF EXISTS "{making}"')
                await connection.execute(f'CREATE DATABASE "{making}" TEMPLATE {template}')
                await fill(self.target(making))
                await connection.execute(f'ALTER DATABASE "{making}" RENAME TO "{name}"')
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def with_demo(self) -> AsyncIterator[Target]:
        """A database of one's own with the small demo, dropped at the end."""
        await self._build(self._demo, f'"{self.template}"', partial(demo.load, size=demo.Size.SMALL))
        async with self.fresh(self._demo) as made:
            yield made

    @contextlib.asynccontextmanager
    async def fresh(self, template: str | None = None) -> AsyncIterator[Target]:
        """A database of one's own, migrated and empty (or a copy of ``template``), dropped at the end.

        ``template="template0"`` gives one that isn't migrated.
        """
        name = f"{self._names}_{next(_numbers)}"
        await self._execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{template or self.template}" '
            + (_LOCALE if template == "template0" else "")
        )
        try:
            yield self.target(name)
        finally:
            await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def drop_all(admin_url: str, prefix: str) -> None:
    """Drop a run's databases, those of a crashed worker too."""
    connection = await asyncpg.connect(admin_url)
    try:
        names = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"{prefix}_")
        for row in names:
            await connection.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')
    finally:
        await connection.close()


async def start_embedded(folder: Path) -> embedded.Server:
    """The run's embedded server, shared by its workers. Data of tests may be lost with the power."""
    server = embedded.start(folder)
    connection = await asyncpg.connect(server.url("postgres"))
    try:
        await connection.execute("ALTER SYSTEM SET fsync = off")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()
    return server
