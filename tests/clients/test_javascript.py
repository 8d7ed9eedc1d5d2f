"""Relay, Apollo Client, urql and typed documents: each as its example has it, on the running server."""

import json
from pathlib import Path
from typing import Any

from tests.clients.conftest import Report, without_typename
from tests.clients.workshop import OPERATIONS, Workshop


def operations_of(workshop: Workshop, example: Path, script: str) -> dict[str, Any]:
    found: dict[str, Any] = without_typename(json.loads(workshop.run(example, "node", script)))
    return found


def write_tags(folder: Path, head: str) -> None:
    """A module for each operation, its document in a ``graphql`` tag, as a program of that client has it."""
    folder.mkdir()
    for path in OPERATIONS.glob("*.graphql"):
        (folder / f"{path.stem}.js").write_text(f"{head}\n\nexport default graphql`\n{path.read_text()}`;\n")


def test_relay(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    example = workshop.example("relay")
    write_tags(example / "src" / "operations", 'import { graphql } from "relay-runtime";')
    built = workshop.run(example, "npm", "run", "build")
    report("relay", workshop.run(example, "node", "relay.mjs", tenant="stonebridge"))
    assert "Compilation completed" in built
    assert operations_of(workshop, example, "relay-operations.mjs") == answers


def test_apollo_client(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    example = workshop.example("apollo")
    report("Apollo Client", workshop.run(example, "node", "apollo.mjs", tenant="stonebridge"))
    assert operations_of(workshop, example, "apollo-operations.mjs") == answers


def test_urql(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    example = workshop.example("urql")
    workshop.run(example, "npm", "run", "schema")
    report("urql", workshop.run(example, "node", "urql.mjs", tenant="stonebridge"))
    assert operations_of(workshop, example, "urql-operations.mjs") == answers
