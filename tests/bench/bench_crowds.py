"""Crowds that mean no good, or have no luck: ``make bench-crowds`` (``ARGS="--only half --clients 2000"``).

Against a server process, from another one, while a client of another tenant asks small queries one after the other:

- ten thousand subscribers that connect at once, and go at once: how soon all have their first batch, and what is left of them;
- ten thousand connections that begin a head, a body or a socket and don't go on: when the last of them is ended, and what it takes;
- a thousand subscribers that read nothing while much is told to them: what they take of memory, in the process and in the kernel, and
  when they are given up.

Exits 1 past a bound; ``--short`` is for CI: fewer clients, times four times as long. The database is an embedded one in
``.data/bench-live``, made anew.
"""

import argparse
import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from uuid import UUID

import uvloop

from app.http import events, protocol, sockets
from app.live import hub as hubs
from app.settings import CHECKOUT
from db.admin import embedded
from db.runtime.engine import Target, administration
from services.platform import keys, tenants
from tests.bench import write_setup
from tests.bench.bench_live import Bound, Caller, percentile
from tests.bench.live_clients import MUCH
from tests.bench.write_load import Child, child
from tests.siege.measure import memory
from tests.support.streams import many_keys

MANY, SLOW = 10_000, 1_000
SETTLES = 3.0
"""Seconds after which a process does nothing any more of what was before."""

WAITS = 120.0
"""Seconds after which whoever should have been given up has not been."""

PART_WITHIN = 300.0
"""Seconds after which a part won't come to its end."""

LONG = "a name that makes it long " * 7
MAKE_LONG = (
    "mutation ($code: String!, $name: String!) { partnerUpsert(input: {code: $code, name: $name}) { partner { id } } }"
)

KEPT = re.compile(r"\b[rwf](\d+)")
"""Bytes of a socket as ``ss`` shows them: received, written, and set aside for either."""

HEAD = "Host: localhost\r\nAuthorization: Bearer erp_guess\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
HALF = {
    "a head": (f"GET /graphql HTTP/1.1\r\n{HEAD}", protocol.HEAD_WITHIN),
    "a body": (f"POST /graphql HTTP/1.1\r\n{HEAD}Content-Length: 1000\r\n\r\n{{", protocol.BODY_WITHIN),
    "a socket": (f"GET /graphql HTTP/1.1\r\n{HEAD}{UPGRADE}", sockets.INIT_WITHIN + 2),
}
"""What is begun, and the seconds in which it must have been gone on with."""


@dataclass
class Bench:
    """A server, a crowd, and somebody else."""

    server: Child
    port: int
    them: list[str]
    """The key of each of the crowd, by which a hundred others come."""
    caller: Caller
    crowd: Child
    small: Child
    slack: float
    many: int
    past: list[str] = field(default_factory=list)

    def show(self, what: str, found: float, limit: float, unit: str, *, time: bool = True) -> None:
        line, past = Bound(what, limit, unit, time).line(found, self.slack)
        print(line, flush=True)
        if past:
            self.past.append(line)

    def memory(self) -> float:
        """Megabytes."""
        return memory(self.server.pid) / 1e6

    def connections(self) -> int:
        """Those that clients have, and those that nobody has taken yet."""
        return len(KEPT.findall(of_server(self.port))) // 3

    async def others(self, doing: Any) -> Any:
        """Do it; how the small queries of another tenant go meanwhile, in milliseconds."""
        task, took = asyncio.create_task(doing), list[float]()
        try:
            while not task.done():
                took += await self.small.ask(b"0.25")
        finally:
            task.cancel()
        print(f"  a small query meanwhile: {told(took)}", flush=True)
        self.show("  small queries that were refused", sum(each < 0 for each in took), 0, "", time=False)
        return await task

    async def nothing_left(self, before: dict[str, Any], connections: int) -> None:
        """Whether tasks and connections are as they were before."""
        await asyncio.sleep(SETTLES)
        now = await self.server.ask()
        for name in ("following", "held"):
            self.show(f"  {name} that are left", now[name], 0, "", time=False)
        self.show("  tasks that are left", now["tasks"] - before["tasks"], 2, "", time=False)
        self.show("  connections that are left", self.connections() - connections, 0, "", time=False)


def told(took: list[float]) -> str:
    took = sorted(map(abs, took))
    return f"p50 {percentile(took, 50):.1f}, p99 {percentile(took, 99):.1f}, at most {took[-1]:.1f} ms ({len(took):,})"


def kernel(port: int) -> float:
    """Megabytes that the kernel has for the server's own sockets: what it hasn't read and hasn't sent, and what was sent and isn't
    acknowledged. What waits at the clients' side isn't the server's, though it is on this machine.
    """
    return sum(map(int, KEPT.findall(of_server(port)))) / 1e6


def of_server(port: int) -> str:
    """What ``ss`` shows of the server's own sockets that are connected."""
    command = ["ss", "--tcp", "--memory", "--numeric", "--no-header", "sport", "=", f":{port}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# ---------------------------------------------------------------- what is measured


async def burst(bench: Bench, kind: str) -> None:
    """All of them connect at once, and go at once; twice, since an allocator keeps what it had once."""
    print(f"{bench.many:,} that connect at once, by {kind}")
    before, open_, used = await bench.server.ask(), bench.connections(), list[float]()
    for _ in range(2):
        asked = {"port": bench.port, "kind": kind, "keys": bench.them, "at_once": bench.many}
        answer = await bench.others(bench.crowd.ask(b"subscribe", **asked))
        took = answer["took"]
        print(f"  refused, and came again: {answer['refused'] or 'none'}")
        there = (await bench.server.ask())["following"]
        print(
            f"  {there:,} have their first batch after {took:.1f} s: {there / took:,.0f} a second; {bench.memory():,.0f} MB"
        )
        await bench.others(bench.crowd.ask(b"leave"))
        await bench.nothing_left(before, open_)
        used.append(bench.memory())
    print(f"  memory after they went: {used[0]:,.0f} and {used[1]:,.0f} MB")
    bench.show("  what the second ones leave behind", used[1] - used[0], 10, "MB", time=False)


async def half(bench: Bench, what: str) -> None:
    """They begin something, and don't go on."""
    sent, within = HALF[what]
    print(f"{bench.many:,} that begin {what} and don't go on")
    before, open_, used = await bench.server.ask(), bench.connections(), bench.memory()
    began = perf_counter()
    made = (await bench.others(bench.crowd.ask(b"half", port=bench.port, count=bench.many, sent=sent)))["took"]
    print(f"  connected after {made:.1f} s; {1000 * (bench.memory() - used) / bench.many:.1f} kB each")
    over = await bench.others(bench.crowd.ask(b"cut", within=WAITS))
    print(f"  said to them: {over['said']}")
    bench.show("  until the last was ended", perf_counter() - began, within + made + 2, "s")
    await bench.nothing_left(before, open_)


async def slow(bench: Bench, kind: str) -> None:
    """They subscribe, and take nothing of what they are told."""
    count = min(SLOW, bench.many)
    print(f"{count:,} that read nothing while much is told to them, by {kind}")
    before, open_ = await bench.server.ask(), bench.connections()
    used, kept = bench.memory(), kernel(bench.port)
    await bench.crowd.ask(b"subscribe", port=bench.port, kind=kind, keys=bench.them[:count], query=MUCH)
    await bench.crowd.ask(b"stop_reading")
    most, in_kernel, began = 0.0, 0.0, perf_counter()

    async def tell() -> float:
        nonlocal most, in_kernel
        number = 0
        while (await bench.server.ask())["following"] and perf_counter() - began < WAITS + events.TAKEN_WITHIN:
            for _ in range(20):
                number += 1
                await bench.caller.ask(MAKE_LONG, code=f"SLOW-{number % 100}", name=f"{number} {LONG}")
            most, in_kernel = max(most, bench.memory() - used), max(in_kernel, kernel(bench.port) - kept)
        return perf_counter() - began

    took = await bench.others(tell())
    print(f"  given up after {took:.1f} s")
    bench.show("  what they take of the process", most, 150, "MB", time=False)
    bench.show("  what they take of the kernel", in_kernel, 250, "MB", time=False)
    bench.show("  that are still there", (await bench.server.ask())["following"], 0, "", time=False)
    await bench.crowd.ask(b"leave")
    await bench.nothing_left(before, open_)


# ---------------------------------------------------------------- the run


@asynccontextmanager
async def benched(target: Target, tenant: UUID, many: int, slack: float) -> AsyncIterator[Bench]:
    """All processes, started."""
    key = await keys.create(target, tenant, "crowd")
    theirs = await keys.create(target, await tenants.create(target, "others", "EUR"), "bench")
    them = await crowded(target, tenant, many)
    with child("live_server", target.admin, target.serving, "--limits") as server, child("live_crowd") as crowd:
        port = int(await server.line())
        await crowd.line()
        caller = Caller(port, key)
        await caller.open()
        with child("live_small", str(port), theirs) as small:
            await small.line()
            took = await small.ask(b"2")
            print(f"a small query while nothing else happens: {told(took)}", flush=True)
            yield Bench(server, port, them, caller, crowd, small, slack, many)


async def crowded(target: Target, tenant: UUID, many: int) -> list[str]:
    """A key for each of so many: as few as may follow so much, of as few tenants; the first ones are this tenant's."""
    found: list[str] = []
    while len(found) < many:
        count = min(hubs.OF_TENANT, many - len(found))
        async with administration(target, tenant) as connection:
            of_tenant = await many_keys(connection, tenant, -(-count // hubs.OF_KEY))
        found += [of_tenant[number // hubs.OF_KEY] for number in range(count)]
        tenant = await tenants.create(target, f"crowd-{len(found)}", "EUR")
    return found


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="500 clients, wider bounds")
    parser.add_argument("--clients", type=int, help="how many, in place of 10,000")
    parser.add_argument("--only", choices=["burst", "half", "slow"], help="a part")
    options = parser.parse_args()
    many = options.clients or (500 if options.short else MANY)
    server = embedded.start(CHECKOUT / ".data" / "bench-live")
    try:
        async with (
            write_setup.database(server) as (target, tenant),
            benched(target, tenant, many, 4.0 if options.short else 1.0) as bench,
        ):
            for name, measure, each in (
                ("burst", burst, ("sockets", "events")),
                ("half", half, (*HALF,)),
                ("slow", slow, ("sockets", "events")),
            ):
                for what in each if options.only in {None, name} else ():
                    async with asyncio.timeout(PART_WITHIN):
                        await measure(bench, what)
    finally:
        server.stop()
    print("\n".join(f"PAST ITS BOUND  {each}" for each in bench.past) or "all within their bounds")
    return 1 if bench.past else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
