"""``hurt``: a site of these tests' own, to be hurt, with two servers. Each test leaves it as well as it found it."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.site import Site, site


@pytest.fixture(scope="package")
async def hurt() -> AsyncIterator[Site]:
    async with site(servers=2) as made:
        yield made
