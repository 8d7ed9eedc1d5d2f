"""The server that ``bench_write`` calls: ``python -m tests.bench.write_server ADMIN_URL SERVING_URL``.

Prints its port, then for each line on its standard input what it has counted so far; ends with its input.
"""

import asyncio
import sys
from time import process_time

import orjson
import uvloop

from db.runtime.engine import Database, Target
from services.kit.work import repeated
from tests.bench.server import serve


async def report() -> None:
    """Tell how often commands were begun again, and for deadlocks, and the seconds of CPU used."""
    while await asyncio.to_thread(sys.stdin.readline):
        deadlocks = repeated["DeadlockDetectedError"]
        counted = {"retries": repeated.total(), "deadlocks": deadlocks, "cpu": process_time()}
        print(orjson.dumps(counted).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(serve(Database(Target(*sys.argv[1:])), report))
