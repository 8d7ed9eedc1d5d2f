"""What a request read goes with the request: nothing is left for the garbage collector."""

import gc
import warnings
from uuid import UUID

from loaders.kit.entity import Row
from tests.support.graph import Asker

QUERY = """{ orders(first: 5) { totalCount { value } nodes { number lineItems(first: 3) { nodes {
  product { sku stock { available levels { nodes { onHand } } } } } } } } }"""


async def test_rows_are_not_kept_in_cycles(ask: Asker, larkspur: UUID) -> None:
    (await ask(QUERY, larkspur)).good  # noqa: B018 - once, so that what is made once is there
    with warnings.catch_warnings(action="ignore"):
        # What other tests of this process left, such as coroutines that graphql-core never awaited, isn't ours.
        gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, Row) for each in gc.get_objects())
        assert (await ask(QUERY, larkspur)).good["orders"]["nodes"]
        assert sum(isinstance(each, Row) for each in gc.get_objects()) == before
    finally:
        gc.enable()
