"""What validation leaves behind is swept up in small pieces, as its garbage would stop the process for long otherwise."""

import gc

import httpx
from graphql.language.visitor import EnterLeaveVisitor

from app.asgi import create_app
from app.garbage import MANY
from app.settings import load
from tests.support.demo_site import Site
from tests.support.http import serving


def left() -> int:
    """Parts of graphql-core's visitors that nobody needs any more."""
    return sum(isinstance(each, EnterLeaveVisitor) for each in gc.get_objects())


async def test_new_documents_leave_little_behind(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.key}"}
    async with (
        serving(create_app(load(), site.database)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client,
    ):

        async def ask(number: int) -> None:
            answer = await client.post("/graphql", json={"query": f"{{ nope{number} {{ id }} }}"})
            assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]

        await ask(0)
        gc.collect()
        gc.disable()
        try:
            await ask(1)  # what only the first of all leaves isn't what each does
            before, start = left(), gc.get_count()[0]
            await ask(2)
            one, objects = left() - before, gc.get_count()[0] - start
            for number in range(3, 40):
                await ask(number)
            assert 0 < one < objects
            assert left() - before <= one * (MANY // objects + 2)
        finally:
            gc.enable()
