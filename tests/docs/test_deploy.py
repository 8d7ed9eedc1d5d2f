"""What README.md, docs/deploy.md, docs/backup.md and examples/deploy name is there: settings, and commands with their options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli import app
from app.leaving import TELLS_WITHIN, WITHIN
from app.serving.supervisor import KILLED_WITHIN, LEAVES_WITHIN
from app.settings import FILE, SECRETS, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "examples" / "deploy"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
PAGES = [ROOT / "README.md", ROOT / "docs" / "deploy.md", ROOT / "docs" / "backup.md"]

# A shell's line: up to what ends a command. "$(…)" is one argument, whatever stands in it.
_SHELL = re.compile(r"(?:^|[\s/])erpgraph((?: +(?:\"[^\"]*\"|\$\([^)]*\)|[^\s\"'`;&|<>#()])+)+)")
_FLOW = re.compile(r'\["erpgraph", ([^\]]*)\]')


def scripts(path: Path) -> Iterator[str]:
    """The parts of a file that are commands: all of it, or a page's blocks of shell and its quoted commands."""
    text = path.read_text()
    if path.suffix == ".md":
        yield from re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        yield from re.findall(r"`(erpgraph [^`]+)`", text)
    else:
        yield "\n".join(line for line in text.splitlines() if "ExecStart" in line or " - erpgraph " in line)


def commands(path: Path) -> list[list[str]]:
    """Each call of ``erpgraph`` in a file, as its arguments."""
    found = [shlex.split(re.sub(r"\$\([^)]*\)", "X", call)) for part in scripts(path) for call in _SHELL.findall(part)]
    return found + [re.findall(r'"([^"]+)"', call) for call in _FLOW.findall(path.read_text())]


def refused(arguments: list[str]) -> str:
    """Why the command line wouldn't take these arguments; empty if it would."""
    command: Any = typer.main.get_command(app)
    rest = list(arguments)
    while names := getattr(command, "commands", None):
        if not rest or rest[0] not in names:
            return f"no command {rest[:1]}"
        command = names[rest.pop(0)]
    options = {name: each for each in command.params for name in each.opts if name.startswith("--")}
    positional = []
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            positional.append(word)
            continue
        name, given, _ = word.partition("=")
        if name not in options:
            return f"no option {name}"
        if not given and not options[name].is_flag:
            rest.pop(0)
    wanted = [each for each in command.params if each.param_type_name == "argument"]
    needed = sum(each.required for each in wanted)
    return "" if needed <= len(positional) <= len(wanted) else f"{len(positional)} arguments"


def test_the_check_knows_what_is_wrong() -> None:
    assert refused(["db", "dump", "x", "--programs", "y"]) == ""
    assert refused(["db", "dmup", "x"]) == "no command ['dmup']"
    assert refused(["db", "dump"]) == "0 arguments"
    assert refused(["db", "dump", "x", "--force"]) == "no option --force"
    assert refused(["db"]) == "no command []"


@pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_each_command_and_each_setting_exists(path: Path) -> None:
    assert [(call, why) for call in commands(path) if (why := refused(call))] == []
    named = set(re.findall(r"\bERPGRAPH_([A-Z_]+)\b", path.read_text()))
    known = {*Settings.model_fields, *(name + FILE for name in SECRETS)}
    # A client's own: the explorer's scripts read their key from it.
    assert named - {"KEY"} <= {name.upper() for name in known}


def test_commands_are_found_where_they_are() -> None:
    """Without this the test above could find none."""
    found = {str(path.relative_to(ROOT)): [" ".join(call) for call in commands(path)] for path in [*FILES, *PAGES]}
    assert found["examples/deploy/Dockerfile"] == ["serve", "db status"]
    assert found["examples/deploy/compose/compose.yaml"] == ["db upgrade", "worker", "db status"]
    assert found["examples/deploy/systemd/erpgraph.service"] == ["serve"]
    assert found["examples/deploy/systemd/erpgraph-backup.service"] == ["db dump /var/lib/erpgraph-backup/erp-X.dump"]
    assert found["examples/deploy/kubernetes/migrate.yaml"] == ["db upgrade"]
    assert found["examples/deploy/kubernetes/deployment.yaml"] == ["serve"]
    assert found["examples/deploy/kubernetes/worker.yaml"] == ["worker"]
    assert found["examples/deploy/kubernetes/backup.yaml"] == ["db dump /backups/erp-X.dump"]
    assert "tenant create acme --currency EUR --timezone Europe/Berlin" in found["docs/deploy.md"]
    assert "db restore /backups/erp-2026-11-27.dump" in found["docs/backup.md"]


def test_each_file_is_mentioned() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    for folder in {path.parent for path in FILES}:
        assert folder.name in page
    units = [path.stem for path in (DEPLOY / "systemd").iterdir() if path.suffix in {".timer", ".socket"}]
    assert all(unit in page for unit in units)


def test_each_kind_of_deployment_runs_a_worker() -> None:
    """Compose and Kubernetes had none: holds stayed, and no webhook was ever sent."""
    found = {path.parent.name for path in FILES if ["worker"] in commands(path)}
    assert found == {"systemd", "compose", "kubernetes"}


def test_each_manifest_is_applied() -> None:
    folder = DEPLOY / "kubernetes"
    resources = re.findall(r"^  - (\S+\.yaml)$", (folder / "kustomization.yaml").read_text(), re.MULTILINE)
    by_hand = {"kustomization.yaml", "migrate.yaml", "secrets.example.yaml"}
    assert {path.name for path in folder.iterdir()} == {*resources, *by_hand}


def test_each_secret_that_a_manifest_needs_is_in_the_example() -> None:
    files = {path.name: path.read_text() for path in (DEPLOY / "kubernetes").iterdir()}
    given = set(re.findall(r"kind: Secret\nmetadata:\n  name: (\S+)", files["secrets.example.yaml"]))
    assert set(re.findall(r"secretRef: \{name: (\S+)\}", "".join(files.values()))) == given


def test_who_stops_is_given_the_time_for_it() -> None:
    """In a pod one process drains and ends, in bounded time; the unit's workers have the time of the supervisor."""
    deployment = (DEPLOY / "kubernetes" / "deployment.yaml").read_text()
    [drain] = re.findall(r'ERPGRAPH_DRAIN_SECONDS, value: "(\d+)"', deployment)
    [grace] = re.findall(r"terminationGracePeriodSeconds: (\d+)", deployment)
    assert int(grace) > int(drain) + WITHIN + TELLS_WITHIN
    [stop] = re.findall(r"TimeoutStopSec=(\d+)", (DEPLOY / "systemd" / "erpgraph.service").read_text())
    assert int(stop) > LEAVES_WITHIN + KILLED_WITHIN + TELLS_WITHIN + 5
