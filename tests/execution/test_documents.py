"""The store of parsed documents: bounded, and shared fairly."""

import gc
from typing import Any

import pytest
from graphql import GraphQLSyntaxError, SourceLocation, Token

from execution import Documents, Limits, TooMuch, document_cache
from tests.support.sample import Context, build


def texts(count: int) -> list[str]:
    return [f"{{ a{number}: hello }}" for number in range(count)]


@pytest.fixture
def documents() -> Documents:
    return Documents(
        build(breadth_first=True)._schema,
        capacity=6,
        share=4,
        max_length=100,
        limits=Limits(tokens=30, characters=10_000),
    )


def test_a_document_is_parsed_once(documents: Documents) -> None:
    first = documents.get("{ hello }")
    assert documents.get("{ hello }") is first
    assert (documents.hits, documents.misses) == (1, 1)
    assert documents.get("{ hello  }") is not first


def test_what_does_not_validate_is_not_kept(documents: Documents) -> None:
    for _ in range(2):
        assert [error.message for error in documents.get("{ nowhere }").errors] == [
            "Cannot query field 'nowhere' on type 'Query'."
        ]
    assert (documents.hits, documents.misses, documents._size) == (0, 2, 0)


@pytest.mark.parametrize("text", ["", "{", "{ hello " + "a " * 30 + "}", "\0", '{ hello(name: "x) }'])
def test_what_does_not_parse_is_an_error(documents: Documents, text: str) -> None:
    with pytest.raises((GraphQLSyntaxError, TooMuch)):
        documents.get(text)
    assert documents._size == 0


def test_long_texts_are_served_and_not_kept(documents: Documents) -> None:
    long = "{ hello }" + " " * 100
    assert documents.get(long) is not documents.get(long)
    assert documents._size == 0


def test_an_owner_over_its_share_loses_its_own_oldest(documents: Documents) -> None:
    kept = documents.get("{ hello }", "other")
    mine = [documents.get(text, "me") for text in texts(4)]
    documents.get(texts(1)[0], "me")  # used again: now the second is the oldest
    documents.get("{ new: hello }", "me")
    assert documents.get(texts(4)[0], "me") is mine[0]
    assert documents.get("{ hello }", "other") is kept
    assert documents.get(texts(4)[1], "me") is not mine[1]


def test_past_the_capacity_the_largest_owner_gives_way(documents: Documents) -> None:
    kept = [documents.get("{ hello }", owner) for owner in ("a", "b")]
    for text in texts(50):
        documents.get(text, "flood")
    assert documents._size <= 6
    assert [documents.get("{ hello }", owner) for owner in ("a", "b")] == kept
    for number in range(50):
        documents.get("{ hello }", f"stranger {number}")
    assert documents._size <= 6
    assert len(documents._kept) <= 6


async def test_one_document_serves_every_request(documents: Documents) -> None:
    schema: Any = build(breadth_first=True)
    schema.extensions = (document_cache(Documents(schema._schema)),)
    for name in ("x", "y", None):
        result = await schema.execute("query ($n: String) { maybe(name: $n) }", {"n": name}, Context())
        assert result.data == {"maybe": str(name)}
    for _ in range(2):
        result = await schema.execute("{ nowhere }", None, Context())
        assert [error.message for error in result.errors] == ["Cannot query field 'nowhere' on type 'Query'."]


@pytest.mark.parametrize(
    "text, refused",
    [
        ("{ hello " * 3 + "]", GraphQLSyntaxError),
        ('{ hello(by: "', GraphQLSyntaxError),
        ("{ " + "hello # a comment\n" * 20, TooMuch),
        ("{ hello " * 500, TooMuch),
    ],
    ids=["a syntax error", "an error in a token", "too many tokens", "too deep"],
)
def test_nothing_of_a_refused_document_waits_for_the_garbage_collector(
    documents: Documents, text: str, refused: type[Exception]
) -> None:
    gc.collect()
    gc.disable()
    try:
        before = tokens()
        with pytest.raises(refused):
            documents.get(text)
        assert [each for each in tokens() if not any(each is other for other in before)] == []
    finally:
        gc.enable()


def tokens() -> list[Token]:
    """All that there are; other tests' documents have some."""
    return [each for each in gc.get_objects() if isinstance(each, Token)]


def test_a_kept_documents_errors_have_their_places(documents: Documents) -> None:
    """Though its tokens don't know each other any more."""
    [error] = documents.get("{ hello\n  nowhere }").errors
    assert error.locations == [SourceLocation(2, 3)]
    node = documents.get("{ hello }").node
    assert node.loc is not None
    assert node.loc.start_token.next is None
