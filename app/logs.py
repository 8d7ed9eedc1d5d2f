"""Logs: a line per event on stderr, a fault's traceback below it."""

import sys
from typing import Any

import structlog


def configure() -> None:
    """Write logs to stderr, without the values of variables.

    structlog's own default writes to stdout, which scripts read, and shows the locals of every frame
    in a traceback: the caller's key and customers' data are among them.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=_to_stderr,
    )


def _to_stderr(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)  # the stderr of the moment, which may be another later on
