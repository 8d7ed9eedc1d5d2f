"""docs/errors.md: its examples are what the graph answers, and its codes are those that there are."""

import json
import re
from pathlib import Path
from typing import Any

from app.errors.formatting import formatted
from core import errors
from tests.support.graph import documents, schema

TEXT = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
EXAMPLES = re.findall(r"```graphql\n(.+?)\n```\n\n```json\n(.+?)\n```", TEXT, re.DOTALL)
VARIABLES = {"w": {"status": {"in": ["DRAFT", "draft"]}}}


class Anyone:
    """Who asks, where nothing is loaded."""

    trace = None

    def require(self, permission: str) -> None:
        """Everything is allowed."""


async def answered(query: str) -> list[dict[str, Any]]:
    document = documents(schema()).examined(query)
    if document.errors:
        return formatted(document.errors, "", "GRAPHQL_VALIDATION_FAILED")
    result = await schema().execute_document(document.node, VARIABLES, context=Anyone())
    return formatted(result.errors or (), "")


async def test_the_examples_are_what_is_answered() -> None:
    assert len(EXAMPLES) == 3
    for query, expected in EXAMPLES:
        assert await answered(query) == json.loads(expected)


def test_the_table_has_every_code() -> None:
    told = set(re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE))
    codes = {code for row in told for code in re.findall(r"`([A-Z_]+)`", row)}
    declared = {
        each.code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.ErpError)
    }
    assert declared - {"INTERNAL"} <= codes
