"""Several processes that serve on the same sockets, and the one that looks after them.

The supervisor has what there is once: the sockets, the embedded PostgreSQL, migrations, demo data, keys. Workers are
programs of their own (``app.serving.worker``), not copies of this one: they share no memory but the count of their
connections, and after a reload run what is installed then (docs/decisions/0032-workers.md).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
import structlog

from app.leaving import LEAVING
from app.serving.accepting import GRACE, NOT_STARTED
from app.serving.balance import ABSENT, SIZE, Shares
from app.serving.listeners import Listeners
from app.serving.worker import DRAIN, LINGER, READY, RETIRE, RETIRING, Orders
from app.settings import CHECKOUT, Settings
from core.errors import Unavailable
from db.runtime.engine import Target

log = structlog.get_logger()

TICK = 0.5
"""Seconds between two looks at the workers."""

SILENT = 40
"""Looks without a beat of a worker's loop after which it hangs. Not seconds: a machine that slept has no worker that did."""

STARTS_WITHIN = 60.0
"""Seconds in which a worker must be ready."""

STEADY = 30.0
"""Seconds after which a worker that dies is replaced at once: what it died of isn't how it starts."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds before another attempt. They double."""

LEAVES_WITHIN = 5 + LINGER + GRACE + 2
"""Seconds in which a worker that retires must have ended: idle connections, requests in flight, the database."""

KILLED_WITHIN = 7.0
"""Seconds more in which it has ended, in any case."""


def _python() -> list[str]:
    """This very Python with its options, such as -W, as multiprocessing finds them. -P: there may be another ``app`` in the
    folder that it was started in.
    """
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001 - as multiprocessing does
    return [sys.executable, *options, "-P"]


@dataclass(eq=False)
class Worker:
    """A process that serves, in one of the places. ``ready`` is whether it serves, once that is known."""

    number: int
    process: Any
    ready: "asyncio.Future[bool]"
    born: float = field(default_factory=monotonic)
    silent: int = 0

    def send(self, word: bytes) -> None:
        """Have it do something; one that is gone does nothing."""
        with contextlib.suppress(OSError, RuntimeError):
            self.process.stdin.write(word + b"\n")

    def kill(self, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


class Supervisor:
    """Keeps ``settings.workers`` processes serving until it is told to stop."""

    program: Sequence[str] = ("-m", "app.serving.worker")

    def __init__(self, settings: Settings, target: Target, keys: Mapping[str, str], listeners: Listeners) -> None:
        self._settings = settings
        self._target = target
        self._keys = dict(keys)
        self._listeners = listeners
        self._count = settings.workers
        self._places: list[Worker] = []
        self._failed: Counter[int] = Counter()
        self._alive: set[Worker] = set()
        self._watching: set[asyncio.Task[Any]] = set()
        self._signals: list[int] = []
        self._called = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None
        self._keeping = False

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve. Raises ``Unavailable`` where the workers don't start."""
        with tempfile.TemporaryFile() as memory:
            memory.truncate(SIZE * self._count)
            self._memory = memory.fileno()
            self._shares = Shares(self._memory, self._count)
            for each in self._listeners:
                each.listen(2048)
            try:
                await self._start_all()
                if not self._signals:
                    self._keeping = True
                    ready()
                    await self._look_after()
                self._keeping = False
                await self._drain()
            finally:
                for worker in self._alive:
                    worker.kill()
                await asyncio.gather(*self._watching, return_exceptions=True)

    def stop(self, number: int) -> None:
        """Leave, as this signal wants it: SIGTERM lets clients leave first, once; all others don't."""
        self._signals.append(number)
        self._called.set()

    def reload(self) -> None:
        """Replace the workers, one by one; nothing where that is under way."""
        if self._keeping and (self._reloading is None or self._reloading.done()):
            self._reloading = self._watched(self._reload())

    def _watched(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._watching.add(task)
        task.add_done_callback(self._watching.discard)
        return task

    # ---------------------------------------------------------------- its workers

    async def _start_all(self) -> None:
        self._shares_absent(*range(self._count))
        workers = self._places[:] = [await self._start(number) for number in range(self._count)]
        called = asyncio.ensure_future(self._called.wait())
        starting = asyncio.gather(*(worker.ready for worker in workers))
        await asyncio.wait((called, starting), return_when=asyncio.FIRST_COMPLETED)
        called.cancel()
        if starting.done() and not (all(starting.result()) and self._alive.issuperset(workers)):
            raise Unavailable(NOT_STARTED)
        starting.cancel()

    def _shares_absent(self, *numbers: int) -> None:
        for number in numbers:
            self._shares.set(number, ABSENT)

    async def _start(self, number: int) -> Worker:
        """Start a process; it is watched from then on."""
        orders = Orders(
            number,
            self._count,
            tuple(each.fileno() for each in self._listeners),
            self._memory,
            self._target.admin,
            self._target.serving,
            self._keys,
        )
        process = await asyncio.create_subprocess_exec(
            *_python(),
            *self.program,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH"))))},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=(*orders.sockets, self._memory),
            start_new_session=True,  # a terminal's Ctrl-C is the supervisor's
        )
        worker = Worker(number, process, asyncio.get_running_loop().create_future())
        self._alive.add(worker)
        worker.send(orjson.dumps(orders._asdict()))
        self._watched(self._watch(worker))
        return worker

    async def _watch(self, worker: Worker) -> None:
        """Hear what a worker says until it ends, and have another take its place."""
        limit = asyncio.get_running_loop().call_later(STARTS_WITHIN, self._too_late, worker)
        while word := (await worker.process.stdout.readline()).strip():
            worker.silent = 0
            if word == READY and not worker.ready.done():
                limit.cancel()
                log.info("worker ready", worker=worker.number, pid=worker.process.pid)
                worker.ready.set_result(True)
            elif word == RETIRING:
                asyncio.get_running_loop().call_later(LEAVES_WITHIN, self._overstays, worker)
                if self._is_current(worker):  # nobody but an operator told it so
                    await self._replace(worker)
        limit.cancel()
        code = await worker.process.wait()
        self._alive.discard(worker)
        if not worker.ready.done():
            worker.ready.set_result(False)
        if self._is_current(worker):
            self._shares_absent(worker.number)
            await self._replace_dead(worker, code)

    def _is_current(self, worker: Worker) -> bool:
        return self._keeping and self._places[worker.number] is worker

    def _too_late(self, worker: Worker) -> None:
        log.error("worker isn't ready in time", worker=worker.number, pid=worker.process.pid)
        worker.kill()

    def _overstays(self, worker: Worker) -> None:
        if worker in self._alive:
            log.error("worker didn't leave in time", worker=worker.number, pid=worker.process.pid)
            worker.kill()

    async def _replace(self, worker: Worker) -> None:
        self._shares_absent(worker.number)
        while self._is_current(worker):
            try:
                self._places[worker.number] = await self._start(worker.number)
            except OSError as error:  # no process more, no descriptor
                log.error("worker can't be started", worker=worker.number, reason=error.strerror)  # noqa: TRY400 - a line is enough
                await self._pause(1)

    async def _replace_dead(self, worker: Worker, code: int) -> None:
        """Start another: at once, or after the longer the more often they died."""
        if monotonic() - worker.born >= STEADY:
            self._failed[worker.number] = 0
        failed = self._failed[worker.number]
        self._failed[worker.number] += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failed - 1)) if failed else 0.0
        log.error("worker died", worker=worker.number, pid=worker.process.pid, code=code, next_in=pause)
        await self._pause(pause)
        await self._replace(worker)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until it is told to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._called.wait(), seconds)

    # ---------------------------------------------------------------- its life

    async def _look_after(self) -> None:
        """Until it is told to stop: end workers whose loop doesn't turn."""
        while not self._signals:
            await self._pause(TICK)
            for worker in self._alive:
                worker.silent += worker.ready.done()
                if worker.silent == SILENT:
                    log.error("worker hangs", worker=worker.number, pid=worker.process.pid, seconds=SILENT * TICK)
                    worker.kill(signal.SIGABRT)  # its faulthandler shows where
                elif worker.silent > SILENT:
                    worker.kill()

    async def _reload(self) -> None:
        """Replace the workers, each when its successor is ready. One that doesn't get ready ends it."""
        log.info("reloading", workers=self._count)
        for number in range(self._count):
            new = await self._start(number)
            if not await new.ready or not self._keeping:
                if self._keeping:
                    log.error("reload given up: the other workers stay as they are", worker=number)
                return
            old, self._places[number] = self._places[number], new
            await self._retire(old)
        log.info("reloaded", workers=self._count)

    async def _retire(self, worker: Worker) -> None:
        """Have it leave; one that doesn't in time is ended, and one that doesn't serve yet at once."""
        if not worker.ready.done():
            worker.kill()
        worker.send(RETIRE)
        asyncio.get_running_loop().call_later(LEAVES_WITHIN, self._overstays, worker)
        await worker.process.wait()

    async def _drain(self) -> None:
        """Have the workers leave: not ready for as long as the settings say, then without new connections. A second
        signal, or Ctrl-C, doesn't wait for clients.
        """
        self._called.clear()
        if self._signals == [signal.SIGTERM] and self._settings.drain_seconds:
            for worker in self._alive:
                worker.send(DRAIN)
            await self._pause(self._settings.drain_seconds)
        LEAVING.begin(LEAVES_WITHIN + KILLED_WITHIN, "workers", asyncio.get_running_loop())
        for each in self._listeners:
            each.close()
        leaving = asyncio.gather(*map(self._retire, self._alive))
        if self._signals == [signal.SIGTERM]:
            called = asyncio.ensure_future(self._called.wait())
            await asyncio.wait((leaving, called), return_when=asyncio.FIRST_COMPLETED)
            called.cancel()
        if not leaving.done():
            for worker in self._alive:
                worker.kill(signal.SIGINT)
        await leaving
