"""Two real workers under load: one is killed, one is told to leave, and then the server is. Nothing is lost or doubled, and
only a kill costs anybody an answer.
"""

import asyncio
import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from platform import python_version
from typing import Any

import asyncpg
import httpx
import pytest

from app import __version__
from db.runtime.engine import Target
from services.platform import keys, tenants
from tests.support.command import ended, first_lines, started
from tests.support.http import eventually
from tests.support.metrics import free_ports, samples, shown
from tests.support.patience import PATIENCE

CLIENTS = 6
SETUP = """mutation {
  warehouseCreate(input: {code: "W", name: "W"}) { warehouse { id } userErrors { message } }
  productUpsert(input: {sku: "P", name: "P"}) { userErrors { message } }
}"""
LOCATION = """mutation ($id: ID!) {
  locationCreate(input: {warehouse: $id, code: "A", name: "A"}) { location { id } userErrors { message } }
}"""
ADJUST = """mutation ($place: ID!, $key: String!) {
  stockAdjust(input: {lines: [{product: {sku: "P"}, location: $place, delta: "1"}], reason: "load", idempotencyKey: $key}) {
    moves { id }
    userErrors { message }
  }
}"""
READ = "{ products(first: 1) { nodes { sku stock { onHand } } } }"


@dataclass
class Server:
    """The program, and what it logged so far."""

    process: "subprocess.Popen[str]"
    url: str
    metrics: int
    """The first of two ports."""
    lines: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, target: Target) -> "Server":
        metrics = free_ports(2)
        process = started(
            *("serve", "--port", "0", "--workers", "2"),
            DATABASE_URL=target.admin,
            APP_DATABASE_URL=target.serving,
            ENVIRONMENT="production",
            POOL_SIZE="3",
            BUDGET="1000000000",
            BUDGET_RATE="100000000",
            METRICS_PORT=str(metrics),
        )
        assert process.stdout
        return cls(process, first_lines(process, 1)[0].split()[1], metrics)

    async def logs(self, words: str) -> str:
        """The next line of its log with these words."""
        assert self.process.stderr
        while True:
            line = await asyncio.wait_for(asyncio.to_thread(self.process.stderr.readline), PATIENCE)
            assert line, self.lines
            self.lines.append(line)
            if words in line:
                return line

    async def ready(self) -> int:
        """The next worker that is ready, by its number as a process."""
        line = await self.logs("worker ready")
        return int(line.partition("pid=")[2].split()[0])


@dataclass
class Load:
    """Clients with one connection each that read and write in turn, and repeat a command until it is answered."""

    url: str
    key: str
    place: str
    numbers: "count[int]" = field(default_factory=count)
    done: set[str] = field(default_factory=set)
    reads: int = 0
    lost: int = 0
    """Requests whose connection ended before their answer."""
    leaving: bool = False

    async def client(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(headers=headers, timeout=20) as client:
            while True:
                command = {"query": ADJUST, "variables": {"place": self.place, "key": f"load-{next(self.numbers)}"}}
                while (answer := await self.send(client, command)) is None:
                    pass
                assert answer.json()["data"]["stockAdjust"]["userErrors"] == [], answer.text
                self.done.add(answer.json()["data"]["stockAdjust"]["moves"][0]["id"])
                if self.leaving and answer.headers.get("connection") == "close":
                    return
                answer = await self.send(client, {"query": READ})
                if answer is not None:
                    assert "errors" not in answer.json(), answer.text
                    self.reads += 1
                    if self.leaving and answer.headers.get("connection") == "close":
                        return

    async def send(self, client: httpx.AsyncClient, body: Any) -> httpx.Response | None:
        try:
            answer = await client.post(self.url, json=body)
        except httpx.TransportError:
            self.lost += 1
            return None
        assert answer.status_code == 200, answer.text
        return answer

    async def goes_on(self) -> None:
        """Every client has some more answers."""
        enough = len(self.done) + 5 * CLIENTS
        await eventually(lambda: len(self.done) >= enough)


async def prepared(target: Target, url: str, key: str) -> str:
    """A place for goods, by its id."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        made = (await client.post(url, json={"query": SETUP})).json()["data"]["warehouseCreate"]["warehouse"]["id"]
        body = {"query": LOCATION, "variables": {"id": made}}
        answer = json.loads((await client.post(url, json=body)).text)
        return str(answer["data"]["locationCreate"]["location"]["id"])


async def answered(metrics: int) -> float:
    """How many requests the process with this port for its figures has answered."""
    found = samples(await shown(metrics))
    assert found["build_info", (python_version(), __version__)] == 1
    return sum(value for (name, _), value in found.items() if name == "requests_total")


async def test_two_workers_under_load_lose_and_double_nothing(fresh: Target) -> None:
    tenant = await tenants.create(fresh, "acme", "EUR")
    key = await keys.create(fresh, tenant, "load", roles=("admin",))
    server = await asyncio.to_thread(Server.start, fresh)
    try:
        first, second = await server.ready(), await server.ready()
        load = Load(server.url, key, await prepared(fresh, server.url, key))
        clients = asyncio.gather(*(load.client() for _ in range(CLIENTS)))
        await load.goes_on()

        os.kill(first, signal.SIGKILL)
        await server.logs("worker died")
        await load.goes_on()  # by the other one
        third = await server.ready()
        await load.goes_on()
        lost = load.lost
        assert lost <= CLIENTS  # those that it had

        os.kill(second, signal.SIGTERM)
        fourth = await server.ready()
        await load.goes_on()
        with pytest.raises(ProcessLookupError):
            while True:
                os.kill(second, 0)
                await load.goes_on()
        assert len({first, second, third, fourth}) == 4
        # Each of the two that serve now has the port of the one whose place it took.
        assert sum([await answered(port) for port in (server.metrics, server.metrics + 1)]) > 0

        load.leaving = True
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(clients, PATIENCE)
        last = await asyncio.to_thread(ended, server.process)
        assert (load.lost, last.code) == (lost, 0)
        assert last.err.endswith("Stopped serving\n")
        assert "Traceback" not in "".join(server.lines) + last.err
    finally:
        server.process.kill()
    assert load.reads > 0
    admin = await asyncpg.connect(fresh.admin)
    assert await admin.fetchval("SELECT on_hand FROM stock_levels") == Decimal(len(load.done))
    assert await admin.fetchval("SELECT count(*) FROM stock_moves") == len(load.done)
    await admin.close()
