"""``by: {…}``: exactly one key, in whatever order the document has its parts."""

import pytest

from tests.support.graph import Asker, documents, schema
from tests.support.oddments import Oddments

FRAGMENT = "fragment F on Query { product(by: {sku: $sku}) { sku } }"
NOTHING = "Give exactly one of id, sku, externalId or barcode: none is given."
NULL = "Give exactly one of id, sku, externalId or barcode, and not as null: sku is null."
NULLABLE = (
    "Variable '$sku' is of type 'String' but must be non-nullable to be used for OneOf Input Object 'ProductRef'."
)


@pytest.mark.parametrize(
    "query",
    [
        f"query A($sku: String!) {{ ...F }} {FRAGMENT}",
        f"{FRAGMENT} query A($sku: String!) {{ ...F }}",
        f"query A($sku: String!) {{ ...F }} fragment G on Query {{ ...F }} {FRAGMENT} query B($sku: String!) {{ ...G }}",
    ],
    ids=["behind it", "before it", "between two"],
)
async def test_a_fragment_may_stand_anywhere(ask: Asker, oddments: Oddments, query: str) -> None:
    """Strawberry's own rule failed on the second: the server answered a valid document with a fault."""
    assert documents(schema()).get(query).errors == []
    if "query B" not in query:
        sku = oddments.rows["products"][0]["sku"]
        assert (await ask(query, oddments.tenant, {"sku": sku})).good == {"product": {"sku": sku}}


@pytest.mark.parametrize(
    "query, message",
    [
        ("query A($sku: String) { product(by: {sku: $sku}) { id } }", NULLABLE),
        (f"query A($sku: String) {{ ...F }} {FRAGMENT}", NULLABLE),
        (f"{FRAGMENT} query A($sku: String) {{ ...F }}", NULLABLE),
        (f'{FRAGMENT} query A($sku: String = "x") {{ ...F }}', NULLABLE),
        ("{ product(by: {sku: null}) { id } }", NULL),
        (
            '{ product(by: {sku: "a", id: "b"}) { id } }',
            "Give exactly one of id, sku, externalId or barcode: sku and id are given.",
        ),
        ("{ product(by: {}) { id } }", NOTHING),
    ],
)
def test_what_is_not_one_key_is_refused(query: str, message: str) -> None:
    assert [error.message for error in documents(schema()).get(query).errors] == [message]


@pytest.mark.parametrize(
    "given, message",
    [
        ({}, f"$by: {NOTHING}"),
        ({"sku": None}, f"$by at sku: {NULL}"),
        ({"sku": "a", "id": "b"}, "$by: Give exactly one of id, sku, externalId or barcode: sku and id are given."),
    ],
)
async def test_nor_are_variables(ask: Asker, oddments: Oddments, given: dict[str, str | None], message: str) -> None:
    answer = await ask("query A($by: ProductRef!) { product(by: $by) { id } }", oddments.tenant, {"by": given})
    [error] = answer.errors
    assert (answer.data, error.path) == (None, None)
    assert error.message == message
