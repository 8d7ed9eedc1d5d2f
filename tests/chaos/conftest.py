"""``hurt``: a site of this module's own, to be hurt."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.site import Site, site


@pytest.fixture(scope="module")
async def hurt() -> AsyncIterator[Site]:
    async with site() as made:
        yield made
