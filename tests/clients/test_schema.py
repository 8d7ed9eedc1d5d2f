"""The schema under the tools of those who use it: Relay's rules, and what breaks clients."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.breaking import base, breaking_changes, committed
from tests.clients.conftest import Report
from tests.clients.workshop import CLIENTS, Workshop, called
from tests.support.command import ROOT

RULES = ("relay-arguments", "relay-connection-types", "relay-edge-types", "relay-page-info")

COMPUTED = {"relay-arguments": 2, "relay-edge-types": 2}
"""What ``Query.stockPositions`` breaks: it pages forwards only (``last`` and ``before`` are missed); and what is put together, a position
of stock or what left of a line from a place, has no id and is no Node."""

IMPOLITE = """
type Query { things: ThingConnection }
type ThingConnection { edges: [ThingEdge] }
type ThingEdge { node: [String] }
type PageInfo { hasNextPage: Boolean }
"""

TODAY = datetime.now(UTC).date()


@pytest.fixture
def tools(workshop: Workshop) -> Path:
    return workshop.copy(CLIENTS / "tools")


def linted(tools: Path, schema: str) -> dict[str, int]:
    """How often each rule was broken."""
    (tools / "schema.graphql").write_text(schema)
    ended = called(tools, "eslint", "--format=json", "schema.graphql", SCHEMA="schema.graphql")
    [file] = json.loads(ended.stdout)
    rules = [message["ruleId"].removeprefix("@graphql-eslint/") for message in file["messages"]]
    return {rule: rules.count(rule) for rule in rules}


def test_relays_rules(tools: Path, report: Report) -> None:
    assert sorted(linted(tools, IMPOLITE)) == [*RULES]
    assert linted(tools, (ROOT / "schema.graphql").read_text()) == COMPUTED
    report("@graphql-eslint", f"- {', '.join(RULES)}: nothing to say of schema.graphql but of what has no id")


def inspected(tools: Path, before: str, after: str) -> bool:
    """Whether graphql-inspector finds that nothing breaks; fields that were deprecated may go."""
    (tools / "before.graphql").write_text(before)
    (tools / "after.graphql").write_text(after)
    rule = ("--rule", "suppressRemovalOfDeprecatedField")
    ended = called(tools, "graphql-inspector", "diff", "before.graphql", "after.graphql", *rule)
    breaks = re.search(r"Detected \d+ breaking change", ended.stdout) is not None
    assert ended.returncode == breaks, ended.stdout + ended.stderr
    return not breaks


def test_graphql_inspector_agrees_with_make_check(tools: Path, report: Report) -> None:
    """On what changed since the last commit, on breaks that are made up, and on a field that was deprecated."""
    schema = (ROOT / "schema.graphql").read_text()
    old = schema.replace("\ntype Viewer {\n", '\ntype Viewer {\n  old: Int @deprecated(reason: "Use principal.")\n')
    pairs = {
        "since the last commit": (committed(base()) or schema, schema),
        "a deprecated field goes": (old, schema),
        "a field goes": (old.replace(' @deprecated(reason: "Use principal.")', ""), schema),
        "a field may be null": (schema, schema.replace("  principal: String!\n", "  principal: String\n")),
        "an enum's value goes": (schema.replace("enum Progress {", "enum Progress {\n  SOME"), schema),
        "an argument is wanted": (schema, schema.replace("nodes(\n", "nodes(\n    how: String!\n")),
    }
    found = {name: (inspected(tools, *pair), not breaking_changes(*pair, TODAY)) for name, pair in pairs.items()}
    assert found == {
        "since the last commit": (True, True),
        "a deprecated field goes": (True, True),
        "a field goes": (False, False),
        "a field may be null": (False, False),
        "an enum's value goes": (False, False),
        "an argument is wanted": (False, False),
    }
    report(
        "graphql-inspector",
        "\n".join(f"- {name}: {'well' if well else 'a break'}" for name, (well, _) in found.items()),
    )
