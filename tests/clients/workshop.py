"""Copies of the examples in which they are installed, built and run, so that the checkout keeps only what was downloaded.

What an example needs is installed in its own folder once, and again when its lock file changes.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import ROOT

CLIENTS = ROOT / "tests" / "clients"
OPERATIONS = CLIENTS / "operations"
SCENARIOS = CLIENTS / "scenarios"

GENERATED = (
    "node_modules",
    ".venv",
    "build",
    "__generated__",
    "graphql",
    "schema.json",
    "erpgraph_client",
    "__pycache__",
)
"""What a copy makes for itself, or finds at the original."""

NODE = 20

NPM = ("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
UV = (sys.executable, "-m", "uv", "--quiet", "--no-config")


@dataclass
class Served:
    """A running server with the small demo, and a key for each of its tenants."""

    url: str
    keys: dict[str, str]


class Workshop:
    """A folder with copies of examples, which see the schema where the originals do."""

    def __init__(self, folder: Path, served: Served) -> None:
        self.folder = folder
        self.served = served
        shutil.copy(ROOT / "schema.graphql", folder)

    def example(self, name: str) -> Path:
        """A fresh copy of ``examples/NAME``, with what it needs, the scenarios and the operations beside its files."""
        return self.copy(ROOT / "examples" / name)

    def copy(self, original: Path) -> Path:
        made = self.folder / "examples" / original.name
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(original, made, ignore=shutil.ignore_patterns(*GENERATED))
        shutil.copytree(OPERATIONS, made / "operations")
        for scenario in SCENARIOS.iterdir():
            shutil.copy(scenario, made)
        if (original / "package.json").exists():
            require_node()
            (made / "node_modules").symlink_to(installed(original, "package-lock.json", "node_modules", npm_ci))
        else:
            (made / ".venv").symlink_to(installed(original, "requirements.txt", ".venv", environment_of))
        return made

    def run(self, folder: Path, *command: str, tenant: str = "larkspur") -> str:
        """What a command says that ends well; its words are the failure where it doesn't."""
        if command[0] == "python":
            command = (str(folder / ".venv" / "bin" / "python"), "-W", "error", *command[1:])
        settings = {"ERPGRAPH_URL": self.served.url, "ERPGRAPH_KEY": self.served.keys[tenant]}
        ended = called(folder, *command, **settings)
        assert ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout


def called(folder: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that has ended, well or not. Node's programs are found in the folder first."""
    path = f"{folder / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | settings | {"PATH": path, "NO_COLOR": "1", "NO_UPDATE_NOTIFIER": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def installed(original: Path, lock: str, name: str, install: Callable[[Path], None]) -> Path:
    """The folder that holds what the lock file names; installed where it isn't there or is of another one."""
    folder = original / name
    digest = hashlib.sha256((original / lock).read_bytes()).hexdigest()
    stamp = folder / ".lock-digest"
    if not stamp.exists() or stamp.read_text() != digest:
        install(original)
        stamp.write_text(digest)
    return folder


def require_node() -> None:
    """Skip the test on a machine without Node 20 or newer, or without npm."""
    said = called(ROOT, "node", "--version").stdout if shutil.which("node") and shutil.which("npm") else ""
    found = re.match(r"v(\d+)", said)
    if found is None or int(found[1]) < NODE:
        pytest.skip(f"needs Node {NODE} or newer with npm; here is {said.strip() or 'none'}")


def npm_ci(original: Path) -> None:
    ended = called(original, *NPM)
    assert ended.returncode == 0, ended.stderr


def environment_of(original: Path) -> None:
    for command in (
        (*UV, "venv", "--clear", "--python", sys.executable, ".venv"),
        (*UV, "pip", "install", "--no-deps", "--python", ".venv/bin/python", "--requirement", "requirements.txt"),
    ):
        ended = called(original, *command)
        assert ended.returncode == 0, ended.stderr
