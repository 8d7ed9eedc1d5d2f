"""A site as README sets one up on a server of one's own: an administrator that may create roles, and no superuser."""

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from db.runtime.engine import Target
from db.tenancy import APP, BACKUP, OWNER, PARTNER
from tests.support.postgres import TestServer

PASSWORD = "s3cret/with:signs"
LOCALE = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"


class Site:
    """Where the databases of one administrator are."""

    def __init__(self, server: TestServer) -> None:
        self.server = server
        self.name = f"{server.template}_admin"
        self._numbers = iter(range(100))

    def url(self, database: str) -> str:
        """The administrator's connection URL."""
        parts = urlsplit(self.server.admin_url)
        host = parts.netloc.rpartition("@")[2]
        account = f"{self.name}:{PASSWORD.replace('/', '%2F').replace(':', '%3A')}"
        return urlunsplit(parts._replace(path=f"/{database}", netloc=f"{account}@{host}"))

    def unbound(self, target: Target) -> str:
        """A connection URL to the same database as the tests' own superuser, whom row-level security doesn't bind."""
        return urlunsplit(urlsplit(self.server.admin_url)._replace(path=urlsplit(target.admin).path))

    async def execute(self, *statements: str, within: Target | None = None) -> None:
        """Run statements as that superuser, in a database or the server's own one."""
        connection = await asyncpg.connect(self.unbound(within) if within else self.server.admin_url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def version(self) -> int:
        """The server's major version."""
        connection = await asyncpg.connect(self.server.admin_url)
        try:
            return int(connection.get_server_version().major)
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def empty(self) -> AsyncIterator[Target]:
        """A database that the administrator owns, in which nothing is."""
        name = f"{self.name}_{next(self._numbers)}"
        await self.execute(f'CREATE DATABASE "{name}" OWNER "{self.name}" TEMPLATE template0 {LOCALE}')
        try:
            yield Target.of(self.url(name))
        finally:
            await self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.asynccontextmanager
async def administered(server: TestServer) -> AsyncIterator[Site]:
    """README's administrator. The house's roles belong to the whole server and are there already: it gets them as whoever
    creates a role does, and of the one for backups not what it may see, where PostgreSQL tells that apart.
    """
    site = Site(server)
    apart = "ADMIN TRUE, INHERIT FALSE" if await site.version() >= 16 else "ADMIN OPTION"
    await site.execute(
        f"CREATE ROLE \"{site.name}\" LOGIN CREATEROLE NOSUPERUSER PASSWORD '{PASSWORD}'",
        *(f'GRANT {role} TO "{site.name}" WITH ADMIN OPTION' for role in (OWNER, APP, PARTNER)),
        f'GRANT {BACKUP} TO "{site.name}" WITH {apart}',
    )
    try:
        yield site
    finally:
        await site.execute(f'DROP ROLE "{site.name}"')
