"""The sockets that a server listens on: a port, a socket in the file system, or what systemd has opened for it."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.settings import Settings
from core.errors import BadInput

FIRST_PASSED = 3
"""The first of the descriptors that systemd passes (sd_listen_fds(3))."""

Listeners = Sequence[socket.socket]


@contextlib.contextmanager
def listeners(settings: Settings) -> Iterator[Listeners]:
    """What systemd passes, or else the socket of ``uds``, or else a port. All are closed in the end.

    Raises ``BadInput`` for one that can't be had.
    """
    passed = _passed()
    if passed:
        opened: Listeners = passed
    elif settings.uds:
        opened = [bind_path(Path(settings.uds))]
    else:
        opened = [bind(settings.host, settings.port)]
    try:
        yield opened
    finally:
        for each in opened:
            each.close()
        if settings.uds and not passed:
            Path(settings.uds).unlink(missing_ok=True)


def check_metrics(settings: Settings) -> None:
    """Raise ``BadInput`` where the ports for figures, one for each worker, can't be had."""
    if settings.metrics_port:
        for port in range(settings.metrics_port, settings.metrics_port + settings.workers):
            bind(settings.metrics_host, port, "METRICS_").close()


def bind(host: str, port: int, setting: str = "") -> socket.socket:
    """A socket on that address. Raises ``BadInput`` when it can't be had, which names the settings to look at:
    ``ERPGRAPH_HOST`` and ``ERPGRAPH_PORT`` with ``setting`` in their midst.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except BaseException:
            listener.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", "") or error
        raise BadInput(f"Port {port} of {host} can't be used ({reason}). {_advice(error, port, setting)}") from error
    return listener


def _advice(error: Exception, port: int, setting: str) -> str:
    """What to change: another port of a machine that isn't this one is no use."""
    if isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL:
        return f"ERPGRAPH_{setting}HOST must be an address of this machine."
    if setting:
        return f"ERPGRAPH_{setting}PORT names another."
    return f"Choose another: ERPGRAPH_PORT={port + 1 if 1024 <= port < 65_535 else 8000}."


def bind_path(path: Path) -> socket.socket:
    """A socket in the file system, in the place of one that nobody listens on any more. Whoever may enter its folder
    may connect. Raises ``BadInput`` when it can't be had, or is in use.
    """
    listener = socket.socket(socket.AF_UNIX)
    try:
        _remove_stale(path)
        listener.bind(str(path))
        path.chmod(0o666)
    except OSError as error:
        listener.close()
        raise BadInput(f"The socket {path} can't be used ({error.strerror or error}).") from error
    except BaseException:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise BadInput(f"The socket {path} can't be used (there is a file of that name).")
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "another program listens on it")


def _passed() -> list[socket.socket]:
    """The sockets that systemd has opened for this very process; none where it hasn't."""
    environment = {name: os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if environment["LISTEN_PID"] != str(os.getpid()):
        return []
    try:
        count = int(environment["LISTEN_FDS"])
    except ValueError:
        raise BadInput(f"LISTEN_FDS is not usable: {environment['LISTEN_FDS']!r} is no number.") from None
    return [_adopted(number) for number in range(FIRST_PASSED, FIRST_PASSED + count)]


def _adopted(number: int) -> socket.socket:
    try:
        adopted = socket.socket(fileno=number)
    except OSError as error:
        raise BadInput(f"The descriptor {number} of LISTEN_FDS is no socket ({error.strerror}).") from error
    adopted.set_inheritable(False)
    if adopted.type != socket.SOCK_STREAM or not adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        adopted.close()
        raise BadInput(f"The descriptor {number} of LISTEN_FDS is no socket that listens: use ListenStream=.")
    return adopted


def address(listener: socket.socket) -> str:
    """Where it listens, for people: ``http://127.0.0.1:8000``, or ``unix:`` and a path."""
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
