"""A process that is told to stop has ended in time, whatever hangs; and the log says what that was (docs/security.md, case 42)."""

import signal
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.command import ended, first_lines, started
from tests.support.demo_site import Site
from tests.support.folders import open_to_all


def told(err: str) -> dict[str, Any]:
    """The line about what hangs."""
    [line] = [each for each in err.splitlines() if "ended, though something hangs" in each]
    found: dict[str, Any] = orjson.loads(line)
    return found


@pytest.mark.parametrize(
    "what, step, shown",
    [
        (
            "task",
            "streams, requests and connections",
            ("tasks", "the stubborn one: never_ends.<locals>.stubborn > sleep"),
        ),
        ("loop", "streams, requests and connections", ("main_thread", "tests/support/endless.py")),
        ("thread", "tasks and threads", ("threads", "uvloop_0")),
    ],
)
def test_42_what_hangs_is_named_and_left(site: Site, what: str, step: str, shown: tuple[str, str]) -> None:
    given = {"DATABASE_URL": site.target.admin, "APP_DATABASE_URL": site.target.serving, "LOG_FORMAT": "json"}
    process = started(what, "serve", "--port", "0", ENVIRONMENT="production", module="tests.support.endless", **given)
    assert first_lines(process, 1)[0].startswith("graph http://127.0.0.1:")
    process.send_signal(signal.SIGTERM)
    last = ended(process)
    line = told(last.err)
    assert last.code == 1
    assert (line["level"], line["step"]) == ("error", step)
    assert shown[1] in str(line[shown[0]])


def test_42_the_embedded_server_is_stopped_in_any_case(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("hanging")
    open_to_all(folder)
    data = folder / ".data"
    process = started(
        "loop", "serve", "--port", "0", DATA_DIR=str(data), LOG_FORMAT="json", module="tests.support.endless"
    )
    first_lines(process, 4)
    pid = running(data)
    process.send_signal(signal.SIGTERM)
    last = ended(process)
    assert (last.code, told(last.err)["step"]) == (1, "streams, requests and connections")
    assert not pid.exists()


def running(data: Path) -> Path:
    """The file that the server has for as long as it runs."""
    [found] = [each for each in (data / "postgres", data / "elsewhere" / "postgres") if each.exists()]
    assert (found / "postmaster.pid").exists()
    return found / "postmaster.pid"


def test_who_ends_in_time_has_nothing_to_report(site: Site) -> None:
    given = {"DATABASE_URL": site.target.admin, "APP_DATABASE_URL": site.target.serving}
    process = started("serve", "--port", "0", ENVIRONMENT="production", **given)
    first_lines(process, 1)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    last = ended(process)
    assert (last.code, "hangs" in last.err) == (0, False)
    assert time.monotonic() - began < 20
