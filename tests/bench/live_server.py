"""The server that ``bench_live`` calls: ``python -m tests.bench.live_server ADMIN_URL SERVING_URL [--limits]``.

It tells its own hub of its commits, as ``erpgraph serve`` does, and lets one key follow as much as a whole process may, unless it is to have
the limits of any server. Prints its
port, then for each line on its standard input what it has counted since the last one; ends with its input.
"""

import asyncio
import sys
from time import perf_counter, process_time
from uuid import UUID

import orjson
import uvloop
from starlette.types import ASGIApp

from app.live import hub as hubs
from db.runtime.engine import Database, Target
from tests.bench.open_files import raise_limit
from tests.bench.server import ENDLESS, serve

committed: list[float] = []
"""When each commit was done, by the clock that all processes of a machine share."""


async def main(admin: str, serving: str, *options: str) -> None:
    raise_limit()
    settings = dict(ENDLESS)
    if "--limits" in options:
        del settings["limit_in_flight"]
    else:
        hubs.OF_KEY = hubs.OF_TENANT = hubs.OF_PROCESS
    found: list[hubs.Hub] = []
    database = Database(Target(admin, serving))

    def watched(app: ASGIApp) -> ASGIApp:
        found.append(app.state.hub)  # type: ignore[attr-defined]  # the application's, whose type uvicorn doesn't know
        return app

    async def report() -> None:
        """Serve until the input ends; then end the streams, as a server does that stops."""
        [hub] = found
        async with hub.running():
            told = database.on_commit

            def tell(tenant: UUID) -> None:
                committed.append(perf_counter())
                if told is not None:
                    told(tenant)

            database.report_commits(tell)
            while await asyncio.to_thread(sys.stdin.readline):
                counted = {"cpu": process_time(), "executed": hub.batches.executed, "following": hub.following}
                counted |= {"held": hub.held, "tasks": len(asyncio.all_tasks())}
                print(orjson.dumps(counted | {"committed": committed}).decode(), flush=True)
                committed.clear()

    await serve(database, report, settings, watched)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
