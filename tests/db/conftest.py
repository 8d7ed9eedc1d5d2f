"""What tests of connections share."""

from typing import Any

import asyncpg
import pytest


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent besides queries: how transactions begin and end, without whose they are."""
    told: list[str] = []
    execute = asyncpg.Connection.execute

    async def telling(self: Any, query: str, *given: Any, **options: Any) -> Any:
        told.append(";".join(part.split(" ")[0] for part in query.split(";")))
        return await execute(self, query, *given, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", telling)
    return told
