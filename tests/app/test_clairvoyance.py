"""Guessing the schema by its error messages, as clairvoyance does, where the key may not read it (docs/security.md, case 36).

The guesser knows words, among them all names that there are, and sends them with a letter missing, doubled or swapped: a
server that helps names the right one. What it mustn't learn is a name that it didn't send.
"""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from graphql import build_schema, is_enum_type, is_input_object_type, is_interface_type, is_object_type

from app.settings import CHECKOUT
from tests.support.demo_site import Site

SCHEMA = build_schema((CHECKOUT / "schema.graphql").read_text())


def names() -> set[str]:
    """Every name of the schema that isn't GraphQL's own."""
    found = set()
    for name, type_ in SCHEMA.type_map.items():
        if name.startswith("__"):
            continue
        found.add(name)
        if is_object_type(type_) or is_interface_type(type_) or is_input_object_type(type_):
            found |= {*type_.fields}
            found |= {arg for each in type_.fields.values() for arg in getattr(each, "args", {})}
        elif is_enum_type(type_):
            found |= {*type_.values}
    return found


NAMES = names()
WORDS = sorted(name for name in NAMES if len(name) > 4)


def misspelt(word: str) -> str:
    """Nearly the word: close enough for any server that helps."""
    middle = len(word) // 2
    return word[:middle] + word[middle + 1 :] + "z"


@pytest.fixture
async def guesser(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.client(await site.without_roles()) as opened:
        yield opened


def probes(word: str) -> list[str]:
    """A document for each place where a name may stand."""
    return [
        f"{{ {word} }}",
        f"{{ orders {{ {word} }} }}",
        f"{{ orders({word}: 1) {{ nodes {{ id }} }} }}",
        f"{{ orders(where: {{{word}: 1}}) {{ nodes {{ id }} }} }}",
        f"{{ orders(where: {{status: {{eq: {word}}}}}) {{ nodes {{ id }} }} }}",
        f"{{ ... on {word} {{ id }} }}",
        f"query ($v: {word}) {{ viewer {{ principal }} }}",
        f"{{ viewer @{word} {{ principal }} }}",
        f"mutation {{ {word} }}",
        f"mutation {{ orderCreate(input: {{{word}: 1}}) {{ order {{ id }} }} }}",
    ]


async def test_36_no_error_tells_a_name_that_was_not_asked_for(guesser: httpx.AsyncClient) -> None:
    learnt: dict[str, set[str]] = {}
    sent = 0
    for number, word in enumerate(WORDS):
        documents = probes(misspelt(word))
        # Every word in two places, each place with every fifth word: clairvoyance sends many more, of the same kind.
        for document in documents[number % 5 :: 5]:
            answer = await guesser.post("/graphql", json={"query": document})
            sent += 1
            said = " ".join(error["message"] for error in answer.json().get("errors", ()))
            told = told_in(said) & NAMES - {*re.findall(r"\w+", document)}
            if told:
                learnt.setdefault(said, set()).update(told)
    assert sent > 800
    assert learnt == {}


def told_in(said: str) -> set[str]:
    """What an error names: words in quotes, and words that are no plain English ones."""
    quoted = " ".join(re.findall(r"'([^']*)'", said))
    return {*re.findall(r"\w+", quoted)} | {*re.findall(r"\w+[A-Z_]\w*", said)}


GUESSES = [
    ("mutation ($v: OrderCreateInput!) { orderCreate(input: $v) { order { id } } }", {"v": {}}),
    ("query ($v: OrderStatus) { orders(where: {status: {eq: $v}}) { nodes { id } } }", {"v": "CONFIRMD"}),
    ("query ($v: OrderWhere) { orders(where: $v) { nodes { id } } }", {"v": {"statu": 1}}),
    ("query ($v: OrderRef!) { order(by: $v) { id } }", {"v": {"numbr": "1"}}),
    ("query ($v: ProductWhere) { products(where: $v) { nodes { id } } }", {"v": {"sku": {"equal": "x"}}}),
]


@pytest.mark.parametrize("query, variables", GUESSES, ids=lambda each: str(each)[:30])
async def test_36_nor_do_those_of_variables(
    guesser: httpx.AsyncClient, query: str, variables: dict[str, object]
) -> None:
    answer = await guesser.post("/graphql", json={"query": query, "variables": variables})
    said = " ".join(error["message"] for error in answer.json()["errors"])
    sent = {*re.findall(r"\w+", f"{query} {variables}")}
    assert told_in(said) & NAMES - sent == set()
    assert "Did you mean" not in said


async def test_with_the_right_the_same_guesses_are_helped(site: Site) -> None:
    """So the test above would see it."""
    async with site.client() as client:
        answer = await client.post("/graphql", json={"query": "{ ordrs { nodes { id } } }"})
    assert "Did you mean" in answer.json()["errors"][0]["message"]


def test_all_names_are_tried() -> None:
    assert len(WORDS) > 250
    assert {"orderCreate", "InsufficientStockError", "allowBackorder", "CONFIRMED"} <= {*WORDS}
