"""The first minute at a terminal: what is shown stays, closing the window leaves PostgreSQL in order, and reset asks."""

import re
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app.test_serve import STUB, postgres_of
from tests.support.command import command, one_line
from tests.support.folders import open_to_all
from tests.support.terminal import terminal

SERVE = [sys.executable, "-W", "error", "-m", STUB, "serve", "--port", "0"]

LAST = re.compile(
    r"The server is running\. [^\r\n]*\r\n"
    r"graph (http://127\.0\.0\.1:\d+/graphql)\r\nexplorer \1\r\n"
    r"(key larkspur erp_[\w-]{76}\r\nkey stonebridge erp_[\w-]{76}\r\n)"
    r"Ctrl-C stops it\.\r\n"
)
"""How the start ends, whole: no progress bar between the lines and no escape sequence."""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder that the tests here use one after the other; at first there is nothing in it."""
    with tempfile.TemporaryDirectory(prefix="erpgraph-") as name:
        open_to_all(Path(name))
        yield Path(name) / ".data"


def test_the_addresses_and_keys_come_last_and_stay(folder: Path) -> None:
    """Bars went on being drawn over the keys for as long as the server ran."""
    with terminal(SERVE, DATA_DIR=str(folder)) as screen:
        shown = screen.until(r"Ctrl-C stops it\.\r\n")
        assert "Loading demo data" in shown
        assert "larkspur: orders" in shown  # the bar, while there was something to show
        found = LAST.search(shown)
        assert found, shown
        assert shown.endswith(found[0])
        with urllib.request.urlopen(found[1], timeout=10) as answer:  # noqa: S310 - our own server's address
            assert answer.status == 200
        # Told at once: who is asked first, says yes and is refused then, was asked for nothing.
        for yes in ((), ("--yes",)):
            assert "are in use" in one_line(command("db", "reset", *yes, DATA_DIR=str(folder)))
        screen.type("\x03")
        code, shown = screen.rest()
        assert (code, shown.partition(found[0])[2]) == (0, "^CStopped serving\r\n")
    assert postgres_of(folder) is None


def test_closing_the_terminal_ends_it_where_sighup_reads_documents_again(folder: Path, tmp_path: Path) -> None:
    """A window that closes and an operator who asks send the same signal."""
    (tmp_path / "documents.json").write_text("{}")
    real = [part if part != STUB else "app.cli" for part in SERVE]
    with terminal(real, DATA_DIR=str(folder), TRUSTED_DOCUMENTS=str(tmp_path / "documents.json")) as screen:
        screen.until(r"Ctrl-C stops it\.\r\n")
        screen.close()
    assert postgres_of(folder) is None


def test_closing_the_terminal_during_the_start_ends_it_as_well(folder: Path) -> None:
    with terminal(SERVE, DATA_DIR=str(folder)) as screen:
        screen.until("Starting PostgreSQL\r\n")
        screen.close()
    assert postgres_of(folder) is None


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_serve_and_make_reset(folder: Path) -> None:
    """As README has it. What is installed stays as it is (``-o``)."""
    installed = ["-o", f"{sys.prefix}/runtime", f"VENV={sys.prefix}"]
    with terminal(["make", "serve", "PORT=0", *installed], DATA_DIR=str(folder)) as screen:
        found = LAST.search(screen.until(r"Ctrl-C stops it\.\r\n"))
        assert found
        screen.close()
    assert postgres_of(folder) is None

    # Without a shell, the kernel tells make alone that the terminal is gone, and make waits for what it started.
    with terminal(["make", "serve", "PORT=0", *installed], leads=True, DATA_DIR=str(folder)) as screen:
        screen.until(r"Ctrl-C stops it\.\r\n")
        screen.close()
    assert postgres_of(folder) is None

    (folder / "mine.txt").write_text("kept")
    with terminal(["make", "reset", *installed], DATA_DIR=str(folder)) as screen:
        screen.until(r"Delete all data of the embedded server in \S+\? \[y/N\]: ")
        screen.type("n\r")
        assert screen.rest()[0] != 0
    assert (folder / "postgres").exists()
    with terminal(["make", "reset", "YES=1", *installed], DATA_DIR=str(folder)) as screen:
        code, shown = screen.rest()
        assert (code, shown) == (0, f"The data in {folder} are deleted.\r\n")
    assert sorted(path.name for path in folder.iterdir()) == ["mine.txt", "start.lock", "users.lock"]
    assert command("db", "reset", "--yes", DATA_DIR=str(folder)).err == f"There are no data in {folder}.\n"


def test_reset_is_for_the_embedded_server() -> None:
    assert "a database of your own" in one_line(command("db", "reset", "--yes", DATABASE_URL="postgresql:///x"))
