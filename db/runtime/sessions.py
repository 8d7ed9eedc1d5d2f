"""What a serving connection has to be, how it becomes that, and whether it is: role, timeouts, row-level security.

Behind a pooler a server can look right and be wrong: PgBouncer drops the settings that a connection starts with, or hands
a session to somebody else after each transaction. So each new connection is looked at before anything is read on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import Unfit
from db.runtime.failures import UNAVAILABLE_MESSAGE, report
from db.tenancy import APP

Pooler = Literal["none", "session", "transaction"]
"""What stands before PostgreSQL: nothing, or a pooler that lends a connection for a session or for a transaction."""

Settings = Mapping[str, str]

_LOOK = """
SELECT current_user::text AS role, r.rolsuper OR r.rolbypassrls AS unbound,
    pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS read_only,
    ARRAY(SELECT current_setting(name, true) FROM unnest($1::text[]) AS name) AS settings
FROM pg_roles r WHERE r.rolname = current_user
"""

_UNGUARDED = """
SELECT string_agg(c.relname, ', ' ORDER BY c.relname)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
"""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))

ORDERED_ARRAYS = 17
"""The first PostgreSQL whose plan for any array is as good as one for the values."""

SHARDED = 0
"""In place of a version, where Citus has spread the tables over servers."""

PLANNED_AS_IT_GOES = {"plan_cache_mode": "auto"}
"""There, where a plan that is made without the values finds no shard."""

NOT_COMPARED = ("role", "application_name", "tcp_")
"""Settings that are looked at otherwise, that nothing depends on, or that a socket in the file system doesn't have."""


@dataclass(frozen=True)
class Seen:
    """A serving connection as it was found. ``fault`` is a sentence for the log, empty where all is well."""

    fault: str
    standby: bool
    read_only: bool


async def server_version(connection: Any) -> int:
    """PostgreSQL's major version, or ``SHARDED``: by what statements are planned. Raises what asyncpg raises."""
    if await connection.fetchval("SELECT to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL"):
        return SHARDED
    return int(connection.get_server_version().major)


def unfit(fault: str) -> Unfit:
    """The error for a connection with this fault, which is reported; clients hear nothing of it."""
    error = Unfit(UNAVAILABLE_MESSAGE)
    error.reason = f"The connection to the database isn't what it has to be: {fault}."
    report(error)
    return error


@dataclass(frozen=True)
class Session:
    """How the connections of one pool are to be. ``settings`` by their names, timeouts in milliseconds;
    ``older`` are those besides for a PostgreSQL before ``ORDERED_ARRAYS``.
    """

    settings: Settings
    pooler: Pooler = "none"
    older: Settings = field(default_factory=dict)

    def at(self, version: int) -> "Session":
        """As it is with this major version of PostgreSQL, or with ``SHARDED`` tables."""
        if version == SHARDED:
            return Session({**self.settings, **PLANNED_AS_IT_GOES}, self.pooler)
        return self if version >= ORDERED_ARRAYS else Session({**self.settings, **self.older}, self.pooler)

    @property
    def startup(self) -> Settings:
        """What a connection is started with."""
        return self.settings if self.pooler == "none" else {"application_name": self.settings["application_name"]}

    @property
    def opening(self) -> str:
        """What a transaction begins with, before it is anybody's: with a pooler of transactions, all settings."""
        if self.pooler != "transaction":
            return ""
        return "".join(f"SET LOCAL {each};" for each in self._assignments())

    async def settle(self, connection: Any) -> None:
        """Make a new connection what it has to be. Raises ``Unfit`` with the reason where it isn't."""
        session = self.at(await server_version(connection))
        if self.pooler == "session" or (self.pooler == "none" and session is not self):
            await connection.execute("".join(f"SET {each};" for each in session._assignments()))  # noqa: SLF001 - its own kind
        seen = await session.look(connection)
        if seen.fault:
            raise unfit(seen.fault)

    async def look(self, connection: Any, *, tables: bool = False) -> Seen:
        """What the connection is, which is in no transaction. ``tables``: and whether all of them guard their rows."""
        if self.opening:
            await connection.execute(f"BEGIN READ ONLY;{self.opening}")
        row = await connection.fetchrow(_LOOK, list(self.settings))
        unguarded = await connection.fetchval(_UNGUARDED) if tables else None
        if self.opening:
            await connection.execute("ROLLBACK")
        fault = self._fault(row)
        if unguarded and not fault:
            fault = f"row-level security isn't in force for {unguarded}"
        return Seen(fault, row["standby"], row["read_only"])

    def _assignments(self) -> list[str]:
        """The settings as SET has them: the role last, since it may not be allowed to set the others."""
        names = sorted(self.settings, key=lambda name: name == "role")
        return [f"{name} = '{self.settings[name]}'" for name in names]

    def _fault(self, row: Any) -> str:
        if row["role"] != APP:
            return f"it is {row['role']}, and not {APP}"
        if row["unbound"]:
            return f"row-level security doesn't bind {APP}: it must be neither superuser nor BYPASSRLS"
        for (name, value), found in zip(self.settings.items(), row["settings"], strict=True):
            asked = _shown(value) if name.endswith("_timeout") else value
            if not name.startswith(NOT_COMPARED) and found != asked:
                return f"{name} is {found}, and {asked} was asked for"
        return ""


def _shown(milliseconds: str) -> str:
    """A timeout as PostgreSQL shows it: in the largest unit in which it is whole."""
    value = int(milliseconds)
    return next((f"{value // size}{unit}" for unit, size in _UNITS if value and value % size == 0), "0")
