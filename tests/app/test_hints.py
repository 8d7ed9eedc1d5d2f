"""Names that there aren't are compared with those that there are, letter by letter: few of them, and with turns for others."""

import pytest
from graphql import parse

from execution import Documents
from execution.documents import inputs
from tests.support.cpu import least_cpu, within
from tests.support.graph import schema as graph
from tests.support.stalls import least_stall

TYPES = " ".join(f"$v{n}: PurchaseOrderWhe{chr(97 + n)}e" for n in range(20))
FIELDS = " ".join(f"{chr(97 + n)}urchaseOrdersOfSuppliers{n}" for n in range(20))
FRAGMENTS = " ".join(f"... on PurchaseOrderPayl{chr(97 + n)}ad {{ id }}" for n in range(20))
ENUMS = " ".join(
    f"a{n}: orders(orderBy: [{{field: PLACED_A{n}}}, {{field: TOTL}}]) {{ nodes {{ id }} }}" for n in range(20)
)
KEYS = "{ orders(where: {" + " ".join(f"customerWher{n}: 1" for n in range(140)) + "}) { nodes { id } } }"


@pytest.mark.parametrize(
    "document",
    [f"query ({TYPES}) {{ __typename }}", f"{{ {FIELDS} }}", f"{{ {FRAGMENTS} }}", f"{{ {ENUMS} }}", KEYS],
    ids=["types", "fields", "fragments", "enums", "keys"],
)
async def test_twenty_misspelt_names_hold_the_loop_no_longer_than_one(document: str) -> None:
    """Each of twenty types was compared with all 350, without a turn for anybody: two seconds."""
    documents = Documents(graph().graphql_schema)
    bound = within(0.01) * 1000
    stall, found = await least_stall(lambda: documents.read(document))
    assert len(found.errors) >= 20
    assert stall < bound


def test_a_type_that_is_nearly_right_is_suggested() -> None:
    for misspelt in ("OrderWher", "orderWhere", "OrderWherre", "OderWhere"):
        [error, *_] = (
            Documents(graph().graphql_schema)
            .examined(f"query ($w: {misspelt}) {{ orders(where: $w) {{ nodes {{ id }} }} }}")
            .errors
        )
        assert error.message.startswith(f"Unknown type '{misspelt}'. Did you mean "), error.message
        assert "'OrderWhere'" in error.message


WHERE = {f"custemerWhere{n}": 1 for n in range(9_800)}


def test_as_many_names_of_an_input_are_compared_as_are_read() -> None:
    """Each of 9,800 was: seconds, in which a process did nothing else."""
    type_ = graph().graphql_schema.type_map["OrderWhere"]
    wrong = inputs.wrong_value(WHERE, type_, helps=True)
    assert len(wrong) == inputs.MOST
    assert [each.message for each in wrong if "Did you mean 'customerWhere'" in each.message] == [
        f"OrderWhere has no field 'custemerWhere{n}'. Did you mean 'customerWhere'?" for n in range(inputs.HINTED)
    ]
    assert least_cpu(lambda: inputs.wrong_value(WHERE, type_, helps=True)) < within(0.02)


@pytest.mark.parametrize("given", [{"status": {"eq": "D" * 250_000}}, {"x" * 250_000: 1}], ids=["a value", "a key"])
def test_nor_is_a_name_that_is_longer_than_any(given: dict[str, object]) -> None:
    """A value of 250 kB was turned into a list of its letters: 44 ms."""
    type_ = graph().graphql_schema.type_map["OrderWhere"]
    [wrong] = inputs.wrong_value(given, type_, helps=True)
    assert "Did you mean" not in wrong.message
    assert least_cpu(lambda: inputs.wrong_value(given, type_, helps=True)) < within(0.005)


async def test_nor_are_more_before_an_operation_is_executed() -> None:
    document = parse("query ($w: OrderWhere) { orders(where: $w) { nodes { id } } }")
    bound = within(0.02) * 1000
    stall, result = await least_stall(lambda: graph().execute_document(document, {"w": WHERE}))
    assert len(result.errors or ()) == inputs.MOST
    assert stall < bound
