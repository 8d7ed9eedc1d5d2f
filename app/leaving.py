"""The end of a process, in bounded time: what hangs on the way out is named in the log, and left (docs/decisions/0078-an-end-in-bounded-time.md).

Each part that ends waits for something: tasks that were cancelled, connections, threads. One that doesn't end would keep the process for
ever, and with it the port, the lease of the upkeep, or whoever stops one service after the other. So a thread waits beside the loop, which
may be what stands still.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from types import CoroutineType
from typing import Any

import structlog

from app import logs

log = structlog.get_logger()

WITHIN = 25.0
"""Seconds for requests, tasks and connections. Less than what is customary before a service is killed, with a drain of fifteen."""

DATABASE_WITHIN = 90.0
"""Seconds for the embedded PostgreSQL to stop, which ``pg_ctl`` gives a minute."""

REST_WITHIN = 5.0
"""Seconds for what is left when everything has ended: tasks and threads of nobody's."""

TELLS_WITHIN = 3.0
"""Seconds to write down what hangs."""

SHOWN = 10
"""Tasks that are written down, of many."""

EXIT_CODE = 1


class Leaving:
    """The bounds of one process's end. Outside of ``bounded`` there are none: tests have servers in their own process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bounded = False
        self._until: float | None = None
        self._what = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.last: Callable[[], None] | None = None
        """What is done, in any case, before the process ends: the embedded PostgreSQL would go on without anybody."""

    @contextlib.contextmanager
    def bounded(self) -> Iterator[None]:
        """In here ``begin`` counts. What is in it must have ended in time, its loop and the loop's threads included."""
        self._bounded = True
        try:
            yield
        finally:
            with self._changed:
                self._bounded, self._until, self._loop = False, None, None
                self._changed.notify()

    def begin(self, seconds: float, what: str, loop: asyncio.AbstractEventLoop) -> None:
        """The process ends from now on, and has so long for ``what`` comes first; no longer, where it has begun already."""
        if self._bounded and self._until is None:
            self._loop = loop
            self._set(seconds, what)
            threading.Thread(target=self._watch, name="leaving", daemon=True).start()
        elif self._until is not None and monotonic() + seconds < self._until:
            self._set(seconds, what)

    def go_on(self, seconds: float, what: str) -> None:
        """What was next is done, where it has begun; so long for what comes now."""
        if self._until is not None:
            self._set(seconds, what)

    def _set(self, seconds: float, what: str) -> None:
        with self._changed:
            self._until, self._what = monotonic() + seconds, what
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while self._until is not None and (left := self._until - monotonic()) > 0:
                self._changed.wait(left)
            if self._until is None:
                return
        # Beside this thread: nobody may read what it writes.
        telling = threading.Thread(target=self._tell, daemon=True)
        telling.start()
        telling.join(TELLS_WITHIN)
        if self.last is not None:
            lasting = threading.Thread(target=self.last, daemon=True)
            lasting.start()
            lasting.join(DATABASE_WITHIN)
        os._exit(EXIT_CODE)

    def _tell(self) -> None:
        tasks = [] if self._loop is None else [each for each in asyncio.all_tasks(self._loop) if not each.done()]
        log.error(
            "ended, though something hangs",
            step=self._what,
            tasks=[f"{each.get_name()}: {_places(each.get_coro())}" for each in tasks[:SHOWN]],
            more_tasks=max(0, len(tasks) - SHOWN),
            main_thread=_place(sys._current_frames().get(threading.main_thread().ident or 0)),  # noqa: SLF001 - there is no other way
            threads=[each.name for each in threading.enumerate() if not each.daemon],
        )
        logs.WRITER.end()


LEAVING = Leaving()
"""This process's."""


def _places(coroutine: Any) -> str:
    """What a task waits in, from the outermost coroutine to the innermost, and where that stands."""
    names, frame = list[str](), None
    while isinstance(coroutine, CoroutineType):
        names.append(coroutine.__qualname__)
        frame = coroutine.cr_frame or frame
        coroutine = coroutine.cr_await
    return f"{' > '.join(names)} ({_place(frame)})"


def _place(frame: Any) -> str:
    return "nowhere" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"
