"""A test that waits for ever ends, and says for what."""

import asyncio

import pytest

from tests.support.hanging import Hangs, at_most, limit


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_what_waits_for_ever_is_named() -> None:
    with pytest.raises(Hangs, match=r"in wait_for_ever\n +await asyncio"), at_most(0.05):
        asyncio.run(wait_for_ever())


def test_what_it_replaced_is_put_back() -> None:
    place = {"of": "all"}

    async def test_that_hangs() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(place, "of", "its own")
            await wait_for_ever()

    with (
        pytest.raises(asyncio.CancelledError, match=r"after 0\.05 seconds\.\n(.|\n)*await wait_for_ever"),
        at_most(0.05, "test_that_hangs"),
    ):
        asyncio.run(test_that_hangs())
    assert place == {"of": "all"}


def test_what_waits_as_it_ends_is_ended_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.support.hanging.AGAIN", 0.05)
    place = {"of": "all"}

    async def test_that_goes_on() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(place, "of", "its own")
            try:
                await wait_for_ever()
            finally:
                await wait_for_ever()

    with (
        asyncio.Runner() as runner,
        pytest.raises(Hangs, match="await wait_for_ever"),
        at_most(0.05, "test_that_goes_on"),
    ):
        runner.run(test_that_goes_on())
    assert place == {"of": "all"}


def test_what_ends_in_time_is_left_alone() -> None:
    with at_most(60):
        asyncio.run(asyncio.sleep(0))


def test_each_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert limit(pytestconfig) == float(pytestconfig.getini("faulthandler_timeout")) / 2
