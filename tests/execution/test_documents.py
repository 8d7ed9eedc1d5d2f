"""The store of parsed documents: bounded, and shared fairly."""

import gc
import tracemalloc

import pytest
from graphql import GraphQLSyntaxError, OperationDefinitionNode, SourceLocation, Token

from execution import DocumentLimitExceeded, Documents, Limits
from tests.support.sample import build


def texts(count: int) -> list[str]:
    return [f"{{ a{number}: hello }}" for number in range(count)]


@pytest.fixture
def documents() -> Documents:
    return Documents(
        build(breadth_first=True)._schema,
        capacity=200_000,
        limits=Limits(tokens=30, characters=10_000),
    )


def test_a_document_is_parsed_once(documents: Documents) -> None:
    first = documents.get("{ hello }")
    assert documents.get("{ hello }") is first
    assert (documents.hits, documents.misses) == (1, 1)
    assert documents.get("{ hello  }") is not first


def test_what_does_not_validate_is_not_kept(documents: Documents) -> None:
    for _ in range(2):
        [error] = documents.get("{ nowhere }").errors
        assert error.message.startswith("Cannot query field 'nowhere' on type 'Query'. It has ")
    assert (documents.hits, documents.misses, len(documents.kept)) == (0, 2, 0)


@pytest.mark.parametrize("text", ["", "{", "{ hello " + "a " * 30 + "}", "\0", '{ hello(name: "x) }'])
def test_what_does_not_parse_is_an_error(documents: Documents, text: str) -> None:
    with pytest.raises((GraphQLSyntaxError, DocumentLimitExceeded)):
        documents.get(text)
    assert len(documents.kept) == 0


def test_long_texts_are_served_and_not_kept(documents: Documents) -> None:
    long = "{ hello }" + " " * 9_900
    assert documents.get(long) is not documents.get(long)
    assert len(documents.kept) == 0


def test_an_owner_over_its_share_loses_its_own_oldest(documents: Documents) -> None:
    kept = documents.get("{ hello }", "other")
    mine = documents.get(texts(1)[0], "me")
    for text in texts(40):
        documents.get(text, "me")
        assert documents.get(texts(1)[0], "me") is mine
    assert documents.get("{ hello }", "other") is kept
    before = documents.misses
    documents.get(texts(2)[1], "me")
    assert documents.misses == before + 1


def test_past_the_capacity_the_largest_owner_gives_way(documents: Documents) -> None:
    kept = [documents.get("{ hello }", owner) for owner in ("a", "b")]
    for owner in range(8):
        for text in texts(10):
            documents.get(text, owner)
    assert documents.kept.size <= 200_000
    assert [documents.get("{ hello }", owner) for owner in ("a", "b")] == kept


KEPT = {
    "fields": "{ a%d: hello " + "hello " * 400 + "}",
    "aliases": "{ a%d: hello " + " ".join(f"b{n}: hello" for n in range(130)) + "}",
    "one long string": '{ a%d: maybe(name: "' + "\u00e9" * 9_000 + '") }',
    "a long comment": "{ a%d: hello } #" + "\u00e9" * 9_000,
    "fragments": (
        "{ a%d: cats { ...A } "
        + " ".join(f"r{n}: cats {{ ...A }}" for n in range(15))
        + " } fragment A on Cat { f: friends { ...B } "
        "g: friends { ...B } } fragment B on Cat { f: friends { ...C } g: friends { ...C } } fragment C on Cat { number slow "
        "f: friends { ...D } g: friends { ...D } } fragment D on Cat { number friends { number } }"
    ),
    "operations": " ".join(f"query q{n}x%d {{ hello }}" for n in range(20)),
}


@pytest.mark.parametrize("name", KEPT)
def test_attack_8_documents_take_no_more_than_they_count_for(name: str) -> None:
    store = Documents(build(breadth_first=True)._schema, capacity=3_000_000)
    text = KEPT[name]

    def ask(number: int) -> None:
        filled = text.replace("%d", str(number))
        document = store.get(filled, number % 7)
        assert document.errors == []
        for operation in document.node.definitions:
            if isinstance(operation, OperationDefinitionNode):
                store.price(document, operation, {})

    for warm in range(100, 103):
        ask(warm)
    store.kept.clear()
    gc.collect()
    tracemalloc.start()
    try:
        # Sixty, or twice as many as there is room for.
        for number in range(60):
            if number > 2 * len(store.kept) + 3:
                break
            ask(number)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(store.kept) >= 7
    assert store.kept.size / 20 < grown < store.kept.size <= 3_000_000


@pytest.mark.parametrize(
    "text, refused",
    [
        ("{ hello " * 3 + "]", GraphQLSyntaxError),
        ('{ hello(by: "', GraphQLSyntaxError),
        ("{ " + "hello # a comment\n" * 20, DocumentLimitExceeded),
        ("{ hello " * 500, DocumentLimitExceeded),
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
