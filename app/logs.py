"""Logs: a line per event on stderr, as text or as JSON; of text, a fault's traceback stands below its line.

A line is written by a thread while the server runs: where whoever reads stderr stops, a write waits for as long, and so
did every request. What finds the queue full is dropped, counted, and reported.
"""

import contextlib
import json
import logging
import os
import queue
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from time import sleep, time_ns
from typing import Any, Literal

import orjson
import structlog

MAX_QUEUED = 2_000
"""Lines that wait for being written."""

TOGETHER = 0.02
"""Seconds for which lines are gathered. A thread that is woken for each line takes the loop's turn each time; so a line
costs 2 µs of the processor, where writing it at once costs 7."""

AT_ONCE = 4_096
"""Bytes that are written in one piece. So many a pipe takes whole, and several processes may write to it."""

STDERR = 2

ENDS_WITHIN = 2.0
"""Seconds that the last lines have to be written when the server ends."""

Format = Literal["text", "json"]


class Writer:
    """Writes lines to stderr: at once, or while it runs in a thread of its own."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[str | None] | None = None
        self._thread: threading.Thread | None = None
        self.dropped = 0
        """Lines that nobody took in time, over the life of the process."""

    def write(self, line: str) -> None:
        """Write a line, or queue it. Never waits while ``running``."""
        lines = self._queue
        if lines is None:
            _print(line)
        elif lines.qsize() < MAX_QUEUED:
            lines.put(line)
        else:
            self.dropped += 1

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """In here lines are written by a thread."""
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(lines,), name="log", daemon=True)
        self._thread.start()
        self._queue = lines
        try:
            yield
        finally:
            self.end()

    def end(self) -> None:
        """Write what is queued, and from now on at once."""
        lines, self._queue = self._queue, None
        if lines is not None and self._thread is not None:
            lines.put(None)
            self._thread.join(ENDS_WITHIN)

    def _run(self, lines: "queue.SimpleQueue[str | None]") -> None:
        reported = self.dropped  # counted by one thread and reported by the other, so each has a number of its own
        runs = True
        while runs:
            gathered = [lines.get()]
            if gathered[0] is not None:
                sleep(TOGETHER)
                gathered += [lines.get_nowait() for _ in range(lines.qsize())]
            runs = gathered[-1] is not None
            _write([line for line in gathered if line is not None])
            if dropped := self.dropped - reported:
                reported += dropped
                _write([f"{dropped} lines of the log were dropped: nobody took them in time"])


WRITER = Writer()


class _Logger:
    """What structlog hands finished lines to."""

    def msg(self, line: str) -> None:
        WRITER.write(line)

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = err = msg


def configure(format_: Format = "text", level: str = "info") -> None:
    """Write logs of this level and above to stderr, without the values of variables, and with every character that isn't printable escaped:
    what a client sends ends up in lines that terminals show.

    structlog's own default writes to stdout, which scripts read, and shows the locals of every frame
    in a traceback: the caller's key and customers' data are among them.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(least),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *(_AS_JSON if format_ == "json" else _as_text()),
        ],
        logger_factory=lambda *_: _Logger(),
    )
    # Of libraries, what is no warning is for those who look for a fault.
    _STANDARD.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)


@contextlib.contextmanager
def standard_logging() -> Iterator[None]:
    """In here what uvicorn, asyncio and other libraries log goes where our own lines go, and looks like them."""
    root = logging.getLogger()
    root.addHandler(_STANDARD)
    try:
        yield
    finally:
        root.removeHandler(_STANDARD)


class _Standard(logging.Handler):
    """Hands a library's record to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info if record.exc_info and record.exc_info[0] else None
        more = {"exc_info": error} if error else {}
        structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, **more)


_STANDARD = _Standard(logging.WARNING)


def timestamp() -> str:
    """The time, as lines have it."""
    second, part = divmod(time_ns(), 1_000_000_000)
    return f"{_date(second)}.{part // 1000:06}Z"


@lru_cache(1)
def _date(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat()[:-6]


def line_of(level: str, event: str, facts: Mapping[str, Any], format_: Format) -> str:
    """A line without structlog, for what comes with every request: 3 µs as JSON and 5 as text."""
    if format_ == "json":
        return as_json({"timestamp": timestamp(), "level": level, "event": event, **facts})
    pairs = " ".join(
        [f"{name}={value if value.__class__ in _NUMBERS else _shown(value)}" for name, value in facts.items()]
    )
    return f"{timestamp()} [{level:<9}] {event:<30} {pairs}"


def as_json(facts: Mapping[str, Any]) -> str:
    """A line of JSON, in which everything that isn't printable is escaped. What is no value of JSON is shown."""
    try:
        line = orjson.dumps(facts, default=repr).decode()
        if line.isprintable():
            return line
    except (orjson.JSONEncodeError, UnicodeDecodeError):
        pass  # half of a character, or an integer of more than 64 bits
    return json.dumps(facts, default=repr).replace("\x7f", "\\u007f")


_NUMBERS = frozenset({int, float, bool})

_PLAIN = re.compile(r"[\w.:/@+-]+", re.ASCII)


def _shown(value: object) -> str:
    """A value of a line of text: quoted where it could be taken for more than one."""
    if value.__class__ is str:
        # Most are ids and names: to look at one again takes a third of the time of finding out what is in it.
        return value if value.isalnum() and value.isascii() else _word(value)
    return _word(",".join(value) if isinstance(value, tuple) else str(value))


@lru_cache(1_024)
def _word(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else escaped(json.dumps(text, ensure_ascii=False))


def _to_json(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    leading = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    return as_json({**leading, **event})


_AS_JSON = (structlog.processors.format_exc_info, _to_json)


def _as_text() -> tuple[Callable[..., Any], ...]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return (_escape_values, _render(renderer))


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


def _write(lines: list[str]) -> None:
    """Past Python's buffer, whose lock a thread that waits for a reader would keep when the process ends."""
    rest = bytearray()
    with contextlib.suppress(OSError):  # nobody is there to be told
        for line in lines:
            content = f"{line}\n".encode(errors="backslashreplace")
            if len(rest) + len(content) > AT_ONCE:
                _send(rest)
            rest += content
        _send(rest)


def _send(content: bytearray) -> None:
    while content:
        del content[: os.write(STDERR, content)]
