"""The server that ``bench_read`` calls over HTTP: ``python -m tests.bench.server ADMIN_URL SERVING_URL``.

Prints its port when it accepts requests, and ends when its standard input does.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import uvicorn
import uvloop

from app.asgi import create_app, settle_memory
from app.settings import load
from db.engine import Database, Target


async def serve(database: Database, ended: Callable[[], Awaitable[object]]) -> None:
    """Open the database, serve the graph on a free port, print it, and stop when ``ended`` returns."""
    await database.open()
    config = uvicorn.Config(
        create_app(load(), database),
        port=0,
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_keep_alive=600,
    )
    settle_memory()
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await ended()
    server.should_exit = True
    await running
    await database.close()


async def main(admin: str, serving: str) -> None:
    await serve(Database(Target(admin, serving)), lambda: asyncio.to_thread(sys.stdin.read))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
