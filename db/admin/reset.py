"""Deleting the embedded server's data: what ``erpgraph db reset`` does."""

import fcntl
import shutil
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
    with embedded.turn(folder), (folder / "users.lock").open("ab") as users:
        if not embedded.lock(users, fcntl.LOCK_EX | fcntl.LOCK_NB):
            raise BadInput(f"The data in {folder} are in use. Stop 'erpgraph serve' and other commands first.")
        embedded.stop_left_behind(folder)
        found = present(folder, *others)
        for path in found:
            _delete(path)
    return found


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
