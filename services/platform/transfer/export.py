"""A tenant as files: a line of JSON for each row, a file for each table, all from one moment of the data."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg

from core.errors import BadInput, Unavailable
from db.admin import migrate
from db.runtime.engine import Target
from db.tenancy import OWNER, set_tenant
from services.platform import tenants
from services.platform.transfer import parts, wire
from services.platform.transfer.manifest import NAME, Company, File, Manifest
from services.platform.transfer.parts import Part

Report = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


async def export(target: Target, name: str, folder: Path, program: str, report: Report = silent) -> Manifest:
    """Write all that the tenant of that name has into a folder that is empty, or not there yet; nobody else may read it.
    ``program`` is this program's version. It takes no lock that a request would wait for.

    Raises ``BadInput`` for an unknown tenant and for a folder that isn't empty or can't be written, and ``Unavailable``
    while a migration runs. The folder is empty then.
    """
    identity = await tenants.find(target, name)
    with _Folder(folder) as written:
        async with snapshot(target, identity) as connection:
            await parts.refuse_unknown(connection)
            described = Manifest(
                program=program,
                revision=migrate.head(),
                server=connection.get_server_version().major,
                taken_at=await connection.fetchval("SELECT now()"),
                tenant=await _company(connection, identity),
                tables=tuple([file async for file in _files(connection, identity, written, report)]),
                left_out=parts.left_out(),
            )
        await asyncio.to_thread(written.publish, described.model_dump_json(indent=2).encode() + b"\n")
    return described


@contextlib.asynccontextmanager
async def snapshot(target: Target, tenant: UUID) -> AsyncIterator[Any]:
    """A connection of the owner's in a transaction that sees one moment of a tenant's data; migrations wait meanwhile."""
    connection = await asyncpg.connect(target.admin, timeout=5)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(f"SET LOCAL ROLE {OWNER};{wire.EXACT}")
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", migrate.LOCK):
                raise Unavailable("A migration runs. Wait until it has ended.")
            await connection.execute(set_tenant(tenant))
            yield connection
    finally:
        await connection.close()


async def _company(connection: Any, tenant: UUID) -> Company:
    name = await connection.fetchval("SELECT name FROM tenants WHERE id = $1", tenant)
    if name is None:
        raise BadInput("The tenant was erased in the meantime.")
    return Company(id=tenant, name=name)


async def _files(connection: Any, tenant: UUID, folder: "_Folder", report: Report) -> AsyncIterator[File]:
    every = parts.parts()
    for done, part in enumerate(every):
        report("exporting tables", done, len(every))
        yield await _file(connection, part, tenant, folder)
    report("exporting tables", len(every), len(every))


async def _file(connection: Any, part: Part, tenant: UUID, folder: "_Folder") -> File:
    name = f"{part.table}.jsonl"
    with folder.create(name) as opened:

        async def write(piece: bytes) -> None:
            opened.write(piece)

        written = await wire.read(connection, part, tenant, write)
        _settle(opened)
    return File(table=part.table, file=name, rows=written.rows, bytes=written.bytes, sha256=written.sha256)


class _Folder:
    """A folder of one's own, in which nobody else may read. Whatever goes wrong, what was written is gone again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._created: list[Path] = []

    def __enter__(self) -> Self:
        with _writing():
            self._path.mkdir(mode=0o700, exist_ok=True)
            if any(self._path.iterdir()):
                raise BadInput(f"{self._path} isn't empty: an export replaces nothing. Choose another folder.")
            self._path.chmod(0o700)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if error is not None:
            for path in self._created:
                path.unlink(missing_ok=True)

    def create(self, name: str) -> Any:
        """A new file that only its owner may read. Raises ``BadInput`` where there is one already."""
        path = self._path / name
        with _writing():
            opened = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._created.append(path)
        return opened

    def publish(self, manifest: bytes) -> None:
        """Give the manifest its name, when everything is on the disk."""
        with self.create(f"{NAME}.unfinished") as opened:
            opened.write(manifest)
            _settle(opened)
        self._created[-1].rename(self._path / NAME)
        number = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"{error.filename} can't be written ({error.strerror}). Nothing was exported.") from None


def _settle(opened: Any) -> None:
    opened.flush()
    os.fsync(opened.fileno())
