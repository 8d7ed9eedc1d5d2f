"""What a short document can make of itself: depth, number of fields, width of an object."""

from typing import Any

import pytest
import strawberry

from execution import ExtensibleSchema
from execution.plan import MAX_COMPILED, MAX_DEPTH, MAX_FIELDS
from tests.support.sample import batched


@strawberry.type
class Thing:
    name: str = batched(lambda batch: list(batch.sources), final=True)
    thing: "Thing" = batched(lambda batch: list(batch.sources))


@strawberry.type
class Query:
    thing: Thing = batched(lambda _batch: ["one"])


SCHEMA = ExtensibleSchema(Query)


class Context:
    trace = None


async def run(query: str) -> Any:
    return await SCHEMA.execute(query, context_value=Context())


def nested(levels: int) -> str:
    return "{ thing " * levels + "{ name }" + " }" * levels


async def test_depth_just_below_and_just_above_the_bound() -> None:
    assert (await run(nested(MAX_DEPTH))).errors is None
    refused = await run(nested(MAX_DEPTH + 1))
    assert refused.data is None
    assert [error.message for error in refused.errors] == [f"The document is nested more than {MAX_DEPTH} levels deep."]


async def test_fragments_within_fragments_are_bounded_by_the_fields_that_they_select() -> None:
    fragments = "".join(
        f"fragment F{level} on Thing {{ a: thing {{ ...F{level + 1} }} b: thing {{ ...F{level + 1} }} }} "
        for level in range(14)
    )
    refused = await run(f"{{ thing {{ ...F0 }} }} {fragments} fragment F14 on Thing {{ name }}")
    assert refused.data is None
    assert [error.message for error in refused.errors] == [f"The document selects more than {MAX_FIELDS} fields."]


@pytest.mark.parametrize("width", [MAX_COMPILED, MAX_COMPILED + 1])
async def test_wide_objects_are_built_alike(width: int) -> None:
    answer = await run("{ thing { " + " ".join(f"n{index}: name" for index in range(width)) + " } }")
    assert answer.errors is None
    assert list(answer.data["thing"].items()) == [(f"n{index}", "one") for index in range(width)]
