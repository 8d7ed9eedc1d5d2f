"""What is deprecated is announced a year ahead, listed, and told to who uses it.

The graph has nothing deprecated at the time of writing, so most of this is about a graph of the test's own.
"""

from collections.abc import AsyncIterator
from datetime import date
from enum import Enum
from typing import Any

import httpx
import orjson
import pytest
import strawberry
from graphql import parse
from typer.testing import CliRunner

from app import asgi
from app import registry as graph
from app.cli import schema as commands
from app.documents import deprecations
from app.documents.deprecations import listed
from app.registry import Graph
from execution import BatchField, Deprecations, Documents, argument
from schema.deprecation import Deprecation, a_year_after, deprecated, read
from tests.support.command import command
from tests.support.demo_site import Site

SINCE, REMOVAL = date(2026, 12, 1), date(2027, 12, 1)


def old(what: Any, reason: str = "Use another.") -> Any:
    return deprecated(what, reason, since=SINCE, remove_after=REMOVAL)


@strawberry.enum
class Kind(Enum):
    NEW = "NEW"
    OLD = old(strawberry.enum_value("OLD"), "Use NEW.")


@strawberry.input
class Part:
    kind: Kind | None = None
    parts: list["Part"] | None = None
    label: str | None = old(strawberry.field(default=None), "Use kind.")


@strawberry.input
class Plain:
    name: str | None = None


def field(*arguments: Any) -> Any:
    return BatchField(lambda batch: [1 for _ in batch.sources], arguments=arguments)


@strawberry.type
class Thing:
    code: int = field()
    number: int = old(field(), "Use code.")
    other: "Thing" = field()


@strawberry.type
class Query:
    thing: Thing = field(
        argument("kind", Kind | None, "", None),
        argument("part", Part | None, "", None),
        argument("parts", list[Part] | None, "", None),
        argument("plain", Plain | None, "", None),
        old(argument("search", str | None, "", None), "Use part."),
    )


@pytest.fixture(scope="module")
def aged() -> Graph:
    made = Graph(query=Query)
    made.nodes = {}
    return made


@pytest.fixture
async def client(site: Site, aged: Graph, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(asgi, "build", lambda *_, **__: aged)
    async with site.client() as opened:
        yield opened


REASONS = {
    "Kind.OLD": "Use NEW.",
    "Part.label": "Use kind.",
    "Query.thing(search:)": "Use part.",
    "Thing.number": "Use code.",
}


def told(*coordinates: str) -> list[dict[str, str]]:
    return [
        {"coordinate": each, "since": "2026-12-01", "removal": "2027-12-01", "reason": REASONS[each]}
        for each in coordinates
    ]


@pytest.mark.parametrize(
    "query, variables, used",
    [
        ("{ thing { code } }", {}, []),
        ("{ thing { number } }", {}, ["Thing.number"]),
        ("{ thing { a: number b: number other { number } } }", {}, ["Thing.number"]),
        ('{ thing(search: "x") { code } }', {}, ["Query.thing(search:)"]),
        ("{ thing(search: null) { number } }", {}, ["Query.thing(search:)", "Thing.number"]),
        ("{ thing(kind: OLD) { code } }", {}, ["Kind.OLD"]),
        ("{ thing(kind: NEW) { code } }", {}, []),
        ('{ thing(part: {parts: [{kind: OLD}, {label: "x"}]}) { code } }', {}, ["Kind.OLD", "Part.label"]),
        ("{ ...F } fragment F on Query { thing { ...G } } fragment G on Thing { number }", {}, ["Thing.number"]),
        ("{ thing { ... on Thing { ... { number } } } }", {}, ["Thing.number"]),
        ("query ($k: Kind) { thing(kind: $k) { code } }", {"k": "OLD"}, ["Kind.OLD"]),
        ("query ($k: Kind) { thing(kind: $k) { code } }", {"k": "NEW"}, []),
        ("query ($k: Kind = OLD) { thing(kind: $k) { code } }", {}, ["Kind.OLD"]),
        ("query ($p: Part) { thing(part: $p) { code } }", {"p": {"parts": [{"label": None}]}}, ["Part.label"]),
        ("query ($p: [Part!]) { thing(parts: $p) { number } }", {"p": [{"kind": "OLD"}]}, ["Kind.OLD", "Thing.number"]),
        ("query ($p: [Part!]) { thing(parts: $p) { code } }", {"p": {"label": "x"}}, ["Part.label"]),
        ("query ($p: Part) { thing(part: $p) { code } }", {"p": None}, []),
        ("query ($p: Part) { thing(part: $p) { code } }", {}, []),
        ("query ($p: Plain) { thing(plain: $p) { code } }", {"p": {"name": "OLD"}}, []),
        ("query ($s: String) { thing(search: $s) { code } }", {"s": "label"}, ["Query.thing(search:)"]),
    ],
)
async def test_who_uses_it_is_told(
    client: httpx.AsyncClient, query: str, variables: dict[str, Any], used: list[str]
) -> None:
    for _ in range(2):  # the second finds the document in the store
        answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
        assert "errors" not in answer
        assert answer["extensions"].get("deprecations", []) == told(*used)


async def test_only_the_operation_that_runs_counts(client: httpx.AsyncClient) -> None:
    query = "query A { thing { number } } query B { thing { code } }"
    used = {}
    for name in "ABA":
        answer = (await client.post("/graphql", json={"query": query, "operationName": name})).json()
        used[name] = answer["extensions"].get("deprecations", [])
    assert used == {"A": told("Thing.number"), "B": []}


async def test_a_tag_outlives_it(client: httpx.AsyncClient) -> None:
    """What is deprecated changes no data."""
    answer = await client.get("/graphql", params={"query": "{ thing { number } }"})
    assert answer.json()["extensions"]["deprecations"] == told("Thing.number")
    again = await client.get(
        "/graphql", params={"query": "{ thing { number } }"}, headers={"If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


async def test_what_isnt_run_isnt_told(client: httpx.AsyncClient) -> None:
    for query in ("{ thing { number nope } }", "{ thing { number }"):
        answer = (await client.post("/graphql", json={"query": query})).json()
        assert "extensions" not in answer


def test_it_is_worked_out_once_and_not_at_all_where_nothing_is(aged: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    walks = 0
    uses = Deprecations.uses

    def counted(self: Deprecations, *given: Any) -> Any:
        nonlocal walks
        walks += 1
        return uses(self, *given)

    monkeypatch.setattr(Deprecations, "uses", counted)
    for schema, expected in ((aged, 1), (graph.build(), 0)):
        walks = 0
        documents = Documents(schema._schema)
        document = documents.get("{ __typename }")
        [operation] = document.node.definitions
        for _ in range(3):
            assert documents.deprecated(document, operation, {}) == []  # type: ignore[arg-type]  # the document has that operation
        assert walks == expected


def test_a_long_chain_of_fragments_is_walked_once(aged: Graph) -> None:
    chain = " ".join(
        f"fragment F{n} on Thing {{ ...F{n + 1} ...F{n + 1} other {{ ...F{n + 1} }} }}" for n in range(200)
    )
    document = parse(f"{{ thing {{ ...F0 }} }} {chain} fragment F200 on Thing {{ number }}")
    assert Deprecations(aged._schema).uses(document, document.definitions[0])({}) == ["Thing.number"]  # type: ignore[arg-type]  # the document has that operation


def test_the_schema_says_it(aged: Graph) -> None:
    text = aged.as_str()
    reason = "Use code. Since: 2026-12-01. Removal: 2027-12-01."
    assert f'number: Int! @deprecated(reason: "{reason}")' in text
    assert text.count("@deprecated(") == len(REASONS)
    assert [each.coordinate for each in listed(aged._schema)] == [*REASONS]


def test_less_than_a_year_is_refused() -> None:
    field = strawberry.field(description="…")
    with pytest.raises(ValueError, match="stays until 2027-12-01 at least"):
        deprecated(field, "Use another.", since=SINCE, remove_after=date(2027, 11, 30))
    assert field.deprecation_reason is None


@pytest.mark.parametrize(
    "day, later",
    [
        (date(2026, 12, 1), date(2027, 12, 1)),
        (date(2028, 2, 29), date(2029, 3, 1)),
        (date(2027, 2, 28), date(2028, 2, 28)),
    ],
)
def test_a_year_later(day: date, later: date) -> None:
    assert a_year_after(day) == later


def test_a_reason_without_days_is_one_too() -> None:
    assert read("Gone soon.") == Deprecation("Gone soon.")
    assert not read("Gone soon.").is_patient
    assert read("Two\nlines. Since: 2026-12-01. Removal: 2027-12-01.") == Deprecation("Two\nlines.", SINCE, REMOVAL)


def test_all_that_is_deprecated_stays_a_year() -> None:
    """In the graph itself; ``deprecated`` makes it so, and nobody goes around it."""
    assert [each.coordinate for each in listed(graph.build()._schema) if not each.deprecation.is_patient] == []


def test_the_command_lists_it(aged: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "build", lambda *_: aged)
    run = CliRunner().invoke
    table = run(commands.app, ["deprecations"])
    assert table.exit_code == 0
    assert [line.split() for line in table.stdout.splitlines()] == [
        ["COORDINATE", "SINCE", "REMOVAL", "REASON"],
        *([name, "2026-12-01", "2027-12-01", *reason.split()] for name, reason in REASONS.items()),
    ]
    as_json = run(commands.app, ["deprecations", "--json"])
    assert orjson.loads(as_json.stdout) == told(*REASONS)
    for day, code, found in ((date(2027, 12, 1), 0, []), (date(2027, 12, 2), 1, told(*REASONS))):
        monkeypatch.setattr(deprecations, "today", lambda day=day: day)
        late = run(commands.app, ["deprecations", "--overdue", "--json"])
        assert (late.exit_code, orjson.loads(late.stdout)) == (code, found)


def test_the_command_where_nothing_is() -> None:
    for options, said in (((), "Nothing is deprecated.\n"), (("--overdue",), "Nothing is overdue.\n")):
        ended = command("schema", "deprecations", *options)
        assert (ended.code, ended.out, ended.err) == (0, "", said)
