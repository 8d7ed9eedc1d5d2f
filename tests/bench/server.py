"""The server that ``bench_read`` calls over HTTP: ``python -m tests.bench.server ADMIN_URL SERVING_URL [--budget]``.

Its keys have no end of a budget, unless ``--budget`` is given: then they have the one that is set. Prints its port when it accepts requests, and ends when its standard input does.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping

import uvicorn
import uvloop
from starlette.types import ASGIApp

from app.asgi import create_app, settle_memory
from app.http.protocol import BoundedHttpProtocol
from app.settings import load
from db.runtime.engine import Database, Target

ENDLESS = {"budget": 10**12, "budget_rate": 10**9, "limit_in_flight": 1_000}


async def serve(
    database: Database,
    ended: Callable[[], Awaitable[object]],
    settings: Mapping[str, object] = ENDLESS,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
) -> None:
    """Open the database, serve the graph on a free port, print it, and stop when ``ended`` returns. ``around`` puts
    something before the application.
    """
    await database.open()
    app = create_app(load(**settings), database)
    config = uvicorn.Config(
        around(app),
        lifespan="off",
        port=0,
        http=BoundedHttpProtocol,
        ws="none",
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
    await app.state.hub.close()
    server.should_exit = True
    await running
    await database.close()


async def main(admin: str, serving: str, *options: str) -> None:
    settings = {} if "--budget" in options else ENDLESS
    await serve(Database(Target(admin, serving)), lambda: asyncio.to_thread(sys.stdin.read), settings)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
