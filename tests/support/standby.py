"""A real standby that streams from a server of the tests' own."""

import os
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import asyncpg

from db.admin import embedded


class Standby:
    """A copy of ``primary`` in ``folder``, which is to have a short path: sockets need one."""

    def __init__(self, primary: embedded.Server, folder: Path, database: str = embedded.DATABASE) -> None:
        self.primary = primary
        self.folder = folder
        self.database = database

    @classmethod
    def of(cls, primary: embedded.Server, beside: Path, database: str = embedded.DATABASE) -> Self:
        """Copy the primary, and follow it."""
        beside.mkdir(mode=0o755)
        owner = primary.data.stat()
        os.chown(beside, owner.st_uid, owner.st_gid)
        made = cls(primary, beside / "standby", database)
        copy = ("-D", made.folder, "-h", primary.socket, "-p", "5432", "-U", "postgres", "-R", "-c", "fast")
        made.run("pg_basebackup", *copy)
        made.launch()
        return made

    @property
    def url(self) -> str:
        return f"postgresql://erpgraph_app@/{self.database}?host={quote(str(self.folder.parent))}&port=5432"

    def run(self, program: str, *arguments: str | Path) -> None:
        failed = embedded._run(self.primary._programs / program, *arguments, uid=self.primary._uid)
        log = self.folder / "log"
        assert not failed, (failed, log.read_text() if log.exists() else "")

    def launch(self) -> None:
        """Not by ``embedded``, which waits until a server takes writes."""
        options = f"-k {self.folder.parent} -p 5432 -c listen_addresses=''"
        self.run("pg_ctl", "start", "-D", self.folder, "-w", "-l", self.folder / "log", "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """At once, as after a power cut; ``fast``: as it is told to, which ends its connections in order."""
        self.run("pg_ctl", "stop", "-D", self.folder, "-m", mode, "-w")

    async def asked(self, statement: str) -> Any:
        """What it answers, as its administrator."""
        connection = await asyncpg.connect(self.url.replace("erpgraph_app@", "postgres@"))
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()
