"""gql and ariadne-codegen, each in an environment of its own: they disagree on graphql-core."""

import json
from typing import Any

from tests.clients.conftest import Report, without_typename
from tests.clients.workshop import OPERATIONS, Workshop


def test_gql(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    example = workshop.example("python-gql")
    report("gql", workshop.run(example, "python", "main.py", tenant="stonebridge"))
    assert json.loads(workshop.run(example, "python", "gql_operations.py")) == answers


def test_ariadne_codegen(workshop: Workshop, answers: dict[str, Any], report: Report) -> None:
    """Its methods give models; what they hold as JSON is the plain answer: no digit is lost in Decimal or datetime."""
    example = workshop.example("python-ariadne")
    for path in OPERATIONS.glob("*.graphql"):
        (example / "queries" / path.name).write_text(path.read_text())
    workshop.run(example, ".venv/bin/ariadne-codegen")
    report("ariadne-codegen", workshop.run(example, "python", "main.py"))
    assert without_typename(json.loads(workshop.run(example, "python", "ariadne_operations.py"))) == answers
