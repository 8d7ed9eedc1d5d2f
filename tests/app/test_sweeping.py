"""What validation leaves behind is swept up in small pieces, as its garbage would stop the process for long otherwise."""

import gc

import httpx
from graphql.language.visitor import EnterLeaveVisitor

from app.documents.preparation import COLLECT_EVERY


def left() -> int:
    """Parts of graphql-core's visitors that nobody needs any more."""
    return sum(isinstance(each, EnterLeaveVisitor) for each in gc.get_objects())


async def test_new_documents_leave_little_behind(client: httpx.AsyncClient) -> None:
    async def ask(number: int) -> None:
        answer = await client.post("/graphql", json={"query": f"{{ nope{number} {{ id }} }}"})
        assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]

    await ask(0)
    gc.collect()
    gc.disable()
    try:
        await ask(1)
        one = left()
        for number in range(2, 40):
            await ask(number)
        assert one > 0
        assert left() <= COLLECT_EVERY * one
    finally:
        gc.enable()
