"""What a request read goes with the request: nothing is left for the garbage collector."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest

from core.errors import Forbidden
from core.permissions import EVERYTHING
from loaders.kit.entity import Row
from tests.support.graph import Asker

QUERY = """{ orders(first: 5) { totalCount { value } nodes { number lineItems(first: 3) { nodes {
  product { sku stock { available levels { nodes { onHand } } } } } } } } }"""


DENIED = """{ orders(first: 5) { nodes { number lineItems(first: 3) { nodes { product { sku
  stock { levels { nodes { onHand } } } } } } } } }"""
"""For a partner, who may not see stock: a null that goes up to the top of the answer."""


@contextmanager
def nothing_is_kept() -> Iterator[None]:
    """No row outlives what is done here, though the garbage collector doesn't come."""
    with warnings.catch_warnings(action="ignore"):
        # What other tests of this process left, such as coroutines that graphql-core never awaited, isn't ours.
        gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, Row) for each in gc.get_objects())
        yield
        assert sum(isinstance(each, Row) for each in gc.get_objects()) == before
    finally:
        gc.enable()


async def test_rows_are_not_kept_in_cycles(ask: Asker, larkspur: UUID) -> None:
    (await ask(QUERY, larkspur)).good  # noqa: B018 - once, so that what is made once is there
    with nothing_is_kept():
        assert (await ask(QUERY, larkspur)).good["orders"]["nodes"]


@pytest.mark.parametrize("propagate", [True, False])
async def test_nor_is_what_a_failed_answer_has_read(ask: Asker, larkspur: UUID, propagate: bool) -> None:
    """An error has frames, and they hold the run that holds the error: with them stayed all rows, and 30 such answers filled a
    gigabyte."""
    blind = EVERYTHING - {"stock:read"}
    await ask(DENIED, larkspur, permissions=blind, propagate=propagate)
    with nothing_is_kept():
        denied = await ask(DENIED, larkspur, permissions=blind, propagate=propagate)
        assert (denied.data is None) == propagate
        assert {type(each.original_error) for each in denied.errors} == {Forbidden}
        assert len(denied.errors) == (1 if propagate else 15)
        assert denied.errors[0].path == ["orders", "nodes", 0, "lineItems", "nodes", 0, "product", "stock"]
