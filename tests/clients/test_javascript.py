"""Relay, Apollo Client, urql and typed documents: each as its example has it, on the running server."""

import json
import re
from pathlib import Path
from typing import Any

from tests.clients.conftest import Report, without_typename
from tests.clients.workshop import OPERATIONS, Workshop, called

OPERATIONS_TS = """
import { execute } from "./execute.js";
import { graphql } from "./graphql/index.js";

const { ERPGRAPH_URL: url = "", ERPGRAPH_KEY: key = "" } = process.env;
const answers: Record<string, unknown> = {};
"""


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
    report("graphql-sse", workshop.run(example, "node", "streams.mjs", tenant="stonebridge"))
    assert operations_of(workshop, example, "urql-operations.mjs") == answers


def test_typed_documents(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    """The operations with their variables as literals, so that the compiler checks both; then some wrong uses."""
    example = workshop.example("codegen")
    calls = "".join(
        f"answers.{path.stem} = await execute(url, key, graphql(`{path.read_text()}`), "
        f"{path.with_suffix('.json').read_text()});\n"
        for path in OPERATIONS.glob("*.graphql")
    )
    (example / "src" / "operations.ts").write_text(f"{OPERATIONS_TS}{calls}console.log(JSON.stringify(answers));\n")
    workshop.run(example, "npm", "run", "build")
    report("typed documents", workshop.run(example, "node", "build/main.js"))
    assert json.loads(workshop.run(example, "node", "build/operations.js")) == answers

    (example / "wrong.ts").rename(example / "src" / "wrong.ts")
    workshop.run(example, "npm", "run", "generate")
    refused = called(example, "tsc", "--noEmit")
    assert re.findall(r"^src/wrong\.ts\((\d+),\d+\): error (TS\d+)", refused.stdout, re.MULTILINE) == [
        ("17", "TS18047"),  # the order may be null
        ("18", "TS2339"),  # its number wasn't asked for
        ("19", "TS2362"),  # an amount is text, no number
        ("20", "TS2322"),  # a number for a text
        ("21", "TS2345"),  # no variable at all
    ]
    assert refused.stdout.count("error TS") == 5
