"""The server that ``bench_write`` calls: ``python -m tests.bench.write_server ADMIN_URL SERVING_URL``.

Prints its port, then for each line on its standard input what it has counted so far; ends with its input.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from time import process_time
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvloop

from db.engine import Database, Target
from db.writer import Writer
from tests.bench.server import serve


@dataclass
class Counting(Database):
    """Counts the commands' transactions that ended without effect, and those of them that a deadlock ended."""

    undone: int = 0
    deadlocks: int = 0

    @contextlib.asynccontextmanager
    async def transaction(self, tenant: UUID, **options: Any) -> AsyncIterator[Writer]:
        try:
            async with super().transaction(tenant, **options) as writer:
                yield writer
        except BaseException as error:
            self.undone += 1
            self.deadlocks += isinstance(error, asyncpg.DeadlockDetectedError)
            raise


async def main(admin: str, serving: str) -> None:
    database = Counting(Target(admin, serving))

    async def report() -> None:
        while await asyncio.to_thread(sys.stdin.readline):
            counted = {"undone": database.undone, "deadlocks": database.deadlocks, "cpu": process_time()}
            print(orjson.dumps(counted).decode(), flush=True)

    await serve(database, report)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
