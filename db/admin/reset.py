"""Deleting the embedded server's data: what ``erpgraph db reset`` does."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import BadInput
from db.admin import embedded


def erase(folder: Path, *others: str) -> list[Path]:
    """Delete the data of a folder's embedded server, and ``others``, names of files beside them; what was there of it.

    Nothing else in the folder is touched. A server that a killed process left behind is stopped. Raises ``BadInput`` while
    another process uses the data, and changes nothing then.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        return []
    with _alone(folder):
        embedded.stop_left_behind(folder)
        found = present(folder, *others)
        for path in found:
            _delete(path)
    return found


def check_unused(folder: Path) -> None:
    """Raise ``BadInput`` where ``erase`` would: so that nobody is asked whether to do what can't be done."""
    with _alone(folder.absolute()):
        pass


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """In here no other process uses the data. Raises ``BadInput`` while one does."""
    with embedded.turn(folder), (folder / "users.lock").open("ab") as users:
        if not embedded.lock(users, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise BadInput(f"The data in {folder} are in use. Stop 'erpgraph serve' and other commands first.")
        yield


def present(folder: Path, *others: str) -> list[Path]:
    """What ``erase`` would delete."""
    link = folder / "elsewhere"
    named = [folder / name for name in ("postgres", "postgres.new", *others)]
    found = [path for path in (*named, *folder.glob("programs-*")) if path.exists()]
    if link.is_symlink():
        found += [link.resolve()] * link.exists() + [link]
    return found


def _delete(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path)
