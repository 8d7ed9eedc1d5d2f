"""A tenant per test, for tests that look at all that a tenant has."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from db.runtime.engine import Target, administration
from services.platform import tenants


@pytest.fixture
async def shop(target: Target, request: pytest.FixtureRequest) -> str:
    """The name of a tenant of this test's own."""
    name = str(request.node.name[:100])
    await tenants.create(target, name, "EUR")
    return name


@pytest.fixture
async def bound(target: Target, shop: str) -> AsyncIterator[Any]:
    """The owner's connection, bound to that tenant."""
    async with administration(target, await tenants.find(target, shop)) as connection:
        yield connection
