"""What one request spends on a server of its own, and what it is charged for that.

Time is the processor's: the server process's own, and that of PostgreSQL's processes. So it means the same on a busy
machine. One request is under way at a time.
"""

import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from time import clock_gettime_ns, monotonic, sleep
from typing import Any, NamedTuple, Self

import orjson

from app.settings import CHECKOUT
from db.runtime.engine import Target
from tests.siege.asking import ANSWER_WITHIN, answered, ask
from tests.siege.facts import Place
from tests.siege.request import Request, graphql

RATE = 250_000
"""Objects that are worth a second of a processor: what reading them takes, 4 µs each."""

BYTES = 100
"""Bytes of an answer that are worth an object."""

LEAST = 100
"""What any request is charged, at the least; one without a key is taken for as dear."""

GIGABYTE = 2**30

COUNTED = {"budget": 10**12, "budget_rate": 1}
"""Settings with which what remains of a budget tells each point that was taken: it refills by one a second."""

BETWEEN_KEYS = 1.2
"""Seconds from one key's last request to the next key's first: then the server doesn't hold the second back for
the first's sake."""

LATEST, TRIES = 60.0, 20
"""Seconds and tries after which a server that doesn't answer a small query is as good as dead. Before, it may be busy
with what it was asked last.
"""

LONGEST_WAIT, WAITS = 5.0, 2
"""Seconds that a refusal for lack of budget is waited for at most, and how often; then a server whose budgets are whole takes
this one's place.
"""

THROTTLED = 429

_REMAINING = re.compile(rb'"remaining":(-?\d+)')
_CODE = re.compile(rb'"code":"([A-Z_]+)"')


class Spent(NamedTuple):
    """What a request took. Times in seconds, sizes in bytes; ``charged`` in points; ``status`` 0 is no answer."""

    status: int
    code: str
    server: float
    statements: float
    stall: float
    size: int
    growth: int
    charged: int
    dead: bool = False

    @property
    def seconds(self) -> float:
        """Of a processor, in all."""
        return self.server + self.statements

    @property
    def due(self) -> float:
        """What it should have paid, in points."""
        return max(self.seconds * RATE, self.size / BYTES)

    @property
    def ratio(self) -> float:
        """How many times what it paid."""
        return self.due / max(self.charged, LEAST)

    @property
    def row(self) -> str:
        """Its line in a table."""
        answer = "DEAD" if self.dead else f"{self.status or 'none'} {self.code}".strip()
        return (
            f"{answer} | {self.server * 1000:,.1f} | {self.statements * 1000:,.1f} | {self.stall * 1000:,.1f} | "
            f"{self.size / 1000:,.0f} | {self.growth / 1e6:,.0f} | {self.charged:,} | {self.ratio:,.1f}"
        )


ROW_HEAD = "answer | server ms | statements ms | stall ms | kB out | MB more | charged | times its price"


def least(first: Spent, second: Spent) -> Spent:
    """Of two tries of one request what can't be the machine's doing."""
    return second._replace(
        server=min(first.server, second.server),
        statements=min(first.statements, second.statements),
        stall=min(first.stall, second.stall),
        growth=min(first.growth, second.growth),
        charged=min(first.charged, second.charged),
        dead=first.dead or second.dead,
    )


def processor(pid: int) -> float:
    """Seconds that a process has had a processor for, all of its threads; 0 where it has ended."""
    try:
        return clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return 0.0


def memory(pid: int, name: str = "VmRSS") -> int:
    """Bytes that a process has in memory; ``VmHWM``: had at most since ``forget_peak``."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next((line.split()[1] for line in status.splitlines() if line.startswith(name)), 0))


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Server:
    """A process of ``tests.siege.server``, begun anew where it died."""

    def __init__(self, target: Target, *, limit: int = GIGABYTE, settings: Mapping[str, Any] | None = None) -> None:
        self.target = target
        self.limit = limit
        self.settings = COUNTED if settings is None else settings
        self.deaths = 0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _start(self) -> None:
        command = ["-m", "tests.siege.server", self.target.admin, self.target.serving, str(self.limit)]
        self._process = subprocess.Popen(
            [sys.executable, *command, orjson.dumps(self.settings).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=CHECKOUT,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.pid = self._process.pid

    def _stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def dead(self) -> bool:
        return self._process.poll() is not None

    def dead_within(self, seconds: float) -> bool:
        """Whether it has died, or does in the next seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.dead

    def revived(self) -> bool:
        """Whether it had died; then it is there again."""
        if not self.dead:
            return False
        self.deaths += 1
        self._stop()
        self._start()
        return True

    def kill(self) -> None:
        """It serves nobody any more: ``revived`` begins another."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self._stop()
        self._start()


class Besieged:
    """A server, a tenant's keys by role, and what a request spends."""

    def __init__(self, server: Server, place: Place) -> None:
        self.server = server
        self.facts = place.facts
        self.keys = place.keys
        self._postmaster = place.postmaster
        self._known: dict[str, int] = {}
        self._probing: dict[str, int] = {}
        self._last = ("", 0.0)
        self._line: socket.socket | None = None
        self._wait = 0.0
        self.waited = 0
        """Requests that were sent again, since there was no budget for them."""
        self.most = 0
        """Bytes that the server had in memory at most."""

    def spent(self, request: Request) -> Spent:
        """Send a request and see what it takes. One that there is no budget for is sent again when there is: a refusal says nothing of
        the request, and takes a fifth of a second.
        """
        spent = self._once(request)
        for tried in range(WAITS + 1):
            if spent.status != THROTTLED or not request.by_its_key:
                break
            self.waited += 1
            if tried < WAITS:
                sleep(min(self._wait, LONGEST_WAIT))
            else:
                self.renew()
            spent = self._once(request)
        return spent

    def _once(self, request: Request) -> Spent:
        server = self.server
        key = self.keys.get(request.role, "")
        self._await_turn(request.role)
        if request.role and request.role not in self._probing:
            self._calibrate(request.role)
            if server.revived():
                self._calibrate(request.role)
        forget_peak(server.pid)
        before, database = memory(server.pid), self._database()
        begun = self._watch(b"?begin")
        answer = ask(server.port, request.wire(key))
        self._wait = answer.wait
        ended = self._watch()
        charged = 0 if server.dead_within(0.0 if answer.status else 2.0) else self._charged(request.role)
        if server.revived():
            self._probing.clear()
            self._last = ("", 0.0)
            return Spent(0, "", 0, 0, 0, answer.size, server.limit, 0, dead=True)
        taken = ended["now"] - begun["then"]
        statements = sum(max(0.0, now - database.get(pid, 0.0)) for pid, now in self._database().items())
        peak = memory(server.pid, "VmHWM")
        self.most = max(self.most, peak)
        growth = max(0, peak - before)
        code = _CODE.search(answer.text)
        named = code[1].decode() if code else ""
        self._last = (request.role or self._last[0], monotonic())
        return Spent(answer.status, named, taken, statements, ended["stall"], answer.size, growth, charged)

    def least(self, makers: Iterator[Request], times: int = 3) -> Spent:
        """The least that several tries of one request take."""
        spent = self.spent(next(makers))
        for _ in range(times - 1):
            if spent.dead:
                break
            spent = least(spent, self.spent(next(makers)))
        return spent

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.close()

    def renew(self) -> None:
        """A server that nothing was asked of yet, in place of this one."""
        self.server.restart()
        self._probing.clear()
        self._last = ("", 0.0)

    def _watch(self, query: bytes = b"") -> dict[str, float]:
        """What the server tells of itself, on a connection that stays: taking one is work."""
        content = b"GET /siege%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % query
        for _ in range(2):
            with contextlib.suppress(OSError):
                if self._line is None:
                    self._line = socket.create_connection(("127.0.0.1", self.server.port), ANSWER_WITHIN)
                self._line.sendall(content)
                told = answered(self._line)
                if told.status:
                    found: dict[str, float] = orjson.loads(told.text[: told.size])
                    return found
            if self._line is not None:
                self._line.close()
                self._line = None
            if self.server.dead_within(1.0):
                break
        return {"now": 0.0, "then": 0.0, "stall": ANSWER_WITHIN}

    def _await_turn(self, role: str) -> None:
        """Wait until the server believes that the key of the last request has left."""
        last, at = self._last
        if last != role and role and last:
            sleep(max(0.0, at + BETWEEN_KEYS - monotonic()))

    def _remaining(self, role: str) -> int:
        """What remains of a key's budget; asking takes some of it as well."""
        content = graphql("{ __typename }").wire(self.keys[role])
        begun, worked = monotonic(), processor(self.server.pid)
        for tried in count(1):
            answer = ask(self.server.port, content)
            found = _REMAINING.search(answer.text)
            if found is not None:
                return int(found[1])
            if self.server.dead:
                return 0
            if tried >= TRIES and monotonic() > begun + LATEST:
                break
            sleep(0.5)
        last = answer.text[:500].decode(errors="replace")
        print(
            f"the server doesn't tell what remains of the budget of {role!r}: {tried} tries in {monotonic() - begun:.0f} s, "
            f"{processor(self.server.pid) - worked:.1f} s of a processor, {memory(self.server.pid) / 1e6:.0f} MB; "
            f"last answer: {answer.status or 'none'} {last}",
            flush=True,
        )
        self.server.kill()
        return 0

    def _calibrate(self, role: str) -> None:
        first, second, third = (self._remaining(role) for _ in range(3))
        self._probing[role] = min(first - second, second - third)
        self._known[role] = third

    def _charged(self, role: str) -> int:
        if not role:
            return 0
        before, now = self._known[role], self._remaining(role)
        self._known[role] = now
        return max(0, before - now - self._probing[role])

    def _database(self) -> dict[int, float]:
        """The processor's time of each of PostgreSQL's processes; of a server elsewhere there are none."""
        try:
            children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text().split()
        except OSError:
            return {}
        return {int(pid): processor(int(pid)) for pid in children}
