"""A test that waits for ever ends, and says for what."""

import asyncio

import pytest

from tests.support.hanging import Hangs, at_most, limit


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_what_waits_for_ever_is_named() -> None:
    with pytest.raises(Hangs, match=r"in wait_for_ever\n +await asyncio"), at_most(0.05):
        asyncio.run(wait_for_ever())


def test_what_ends_in_time_is_left_alone() -> None:
    with at_most(60):
        asyncio.run(asyncio.sleep(0))


def test_each_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert limit(pytestconfig) == float(pytestconfig.getini("faulthandler_timeout")) / 2
