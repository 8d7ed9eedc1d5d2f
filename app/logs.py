"""Logs: a line per event on stderr, a fault's traceback below it.

A line is written by a thread while the server runs: where whoever reads stderr stops, a write waits for as long, and so
did every request. What finds the queue full is dropped, counted, and reported.
"""

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

import structlog

MAX_QUEUED = 2_000
"""Lines that wait for being written."""

STDERR = 2

ENDS_WITHIN = 2.0
"""Seconds that the last lines have to be written when the server ends."""


class Writer:
    """Writes lines to stderr: at once, or while it runs in a thread of its own."""

    def __init__(self) -> None:
        self._queue: queue.Queue[str | None] | None = None
        self._dropped = 0

    def write(self, line: str) -> None:
        """Write a line, or queue it. Never waits while ``running``."""
        if self._queue is None:
            _print(line)
            return
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """In here lines are written by a thread."""
        lines: queue.Queue[str | None] = queue.Queue(MAX_QUEUED)
        thread = threading.Thread(target=self._run, args=(lines,), name="log", daemon=True)
        thread.start()
        self._queue = lines
        try:
            yield
        finally:
            self._queue = None
            with contextlib.suppress(queue.Full):
                lines.put(None, timeout=ENDS_WITHIN)
            thread.join(ENDS_WITHIN)

    def _run(self, lines: "queue.Queue[str | None]") -> None:
        reported = self._dropped  # counted by one thread and reported by the other, so each has a number of its own
        while (line := lines.get()) is not None:
            _write(line)
            if dropped := self._dropped - reported:
                reported += dropped
                _write(f"{dropped} lines of the log were dropped: nobody took them in time")


WRITER = Writer()


class _Logger:
    """What structlog hands finished lines to."""

    def msg(self, line: str) -> None:
        WRITER.write(line)

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = err = msg


def configure() -> None:
    """Write logs to stderr, without the values of variables, and with every character that isn't printable escaped:
    what a client sends ends up in lines that terminals show.

    structlog's own default writes to stdout, which scripts read, and shows the locals of every frame
    in a traceback: the caller's key and customers' data are among them.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _escape_values,
            _render(
                structlog.dev.ConsoleRenderer(
                    colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
                )
            ),
        ],
        logger_factory=lambda *_: _Logger(),
    )


def escaped(text: str, keep: str = "") -> str:
    """The text with what isn't printable written as Python writes it, but for the characters that are kept."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode() for each in text
    )


def _escape_values(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = escaped(value)
    return event


def _render(renderer: structlog.dev.ConsoleRenderer) -> Any:
    """The renderer, with what came in otherwise escaped, as by a fault's message; ends of lines and colours stay."""
    keep = "\n\t\x1b" if sys.stderr.isatty() else "\n\t"
    return lambda logger, name, event: escaped(renderer(logger, name, event), keep)


def _print(line: str) -> None:
    sys.stderr.write(line + "\n")  # the stderr of the moment, which may be another later on
    sys.stderr.flush()


def _write(line: str) -> None:
    """Past Python's buffer, whose lock a thread that waits for a reader would keep when the process ends."""
    rest = (line + "\n").encode(errors="backslashreplace")
    with contextlib.suppress(OSError):  # nobody is there to be told
        while rest:
            rest = rest[os.write(STDERR, rest) :]
