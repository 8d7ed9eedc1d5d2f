"""Texts that PostgreSQL doesn't take, or that nobody should have to look at: at every place of the schema, refused or of no effect, and never a fault."""

from collections.abc import Iterator
from itertools import chain

import pytest

from tests.security.stage import Company, Stage
from tests.security.walk import Place, read_places, write_places

TEXTS = {"a NUL": "\0", "marks": "a" + "\u0301\u0316" * 20_000, "no end": "x" * 100_000}


def places(stage: Stage) -> Iterator[tuple[Company, Place]]:
    reads = (
        (stage.reader, place)
        for place in read_places(stage.reader.ids)
        if not place.document.startswith("subscription")
        and place.scalar in {"String", "ID", "TimeZone", "CurrencyCode"}
    )
    writes = ((stage.twins[0], place) for place in write_places(stage.twins[0].ids) if place.scalar in {"String", "ID"})
    return chain(reads, writes)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_no_text_is_a_fault_at_any_place(stage: Stage, text: str) -> None:
    """``groups(unit:)`` handed a NUL to PostgreSQL."""
    asked = set[tuple[str, str]]()
    for company, place in places(stage):
        if (place.owner, place.name) in asked:  # of one input in many lists
            continue
        answer = await company.client.post("/graphql", json={"query": place.document, "variables": {"v": text}})
        assert answer.status_code == 200, (place, answer.text)
        assert "INTERNAL_SERVER_ERROR" not in answer.text, place
        asked.add((place.owner, place.name))
    assert len(asked) > 150
    assert {("LineItemConnection", "unit"), ("ProductRef", "sku"), ("ProductUpsertInput", "description")} <= asked
