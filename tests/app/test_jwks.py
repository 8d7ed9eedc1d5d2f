"""An issuer's keys: fetched once, kept when the address is away, looked at again for new ones."""

import asyncio
from pathlib import Path

import pytest

from app.auth import jwks
from app.auth.jwks import IssuerKeys, read
from core.errors import BadInput, Unavailable
from tests.support.http import eventually, serving
from tests.support.provider import Address, jwk_set, made, public


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(jwks, "monotonic", clock)
    return clock


async def test_a_new_key_is_fetched_once_for_all_and_a_removed_one_goes(clock: Clock) -> None:
    address = Address(jwk_set(public("rsa")))
    async with serving(address) as port:
        keys = IssuerKeys(f"http://127.0.0.1:{port}/keys", 600)
        found = await asyncio.gather(*(keys.find("rsa") for _ in range(10)))
        assert [key and key.kid for key in found] == ["rsa"] * 10
        assert address.asked == ["/keys"]
        # Whoever makes names up makes no fetch each, and is told when the next one may be.
        clock.now += 1.5
        assert await keys.find("made up") is None
        for number in range(10):
            with pytest.raises(Unavailable) as held:
                await keys.find(f"made up {number}")
            assert held.value.seconds == 10
        assert len(address.asked) == 2
        address.content = jwk_set(public("ec"))
        clock.now += jwks.FETCH_EVERY
        assert await keys.find("ec")
        assert await keys.find("rsa") is None
        assert len(address.asked) == 4


async def test_attack_13_a_rotation_right_behind_a_fetch_refuses_nobody(clock: Clock) -> None:
    address = Address(jwk_set(public("rsa")))
    async with serving(address) as port:
        keys = IssuerKeys(f"http://127.0.0.1:{port}/keys", 600)
        assert await keys.find("made up") is None
        address.content = jwk_set(public("rsa"), public("ec"))
        assert [await keys.find("ec") is not None for _ in range(30)] == [True] * 30
        assert len(address.asked) == 2


async def test_keys_that_are_known_stay_when_the_address_is_away(clock: Clock) -> None:
    address = Address(jwk_set(public("rsa")))
    async with serving(address) as port:
        keys = IssuerKeys(f"http://127.0.0.1:{port}/keys", 600)
        assert await keys.find("rsa")
        for status, content in (
            (500, b""),
            (302, b""),
            (200, b"<html>"),
            (200, b'{"keys": []}'),
            (200, b" " * 300_000),
        ):
            address.status, address.content = status, content
            address.headers = [(b"location", b"/elsewhere")] if status == 302 else []
            clock.now += 601
            before = len(address.asked)
            assert await keys.find("rsa")
            await eventually(lambda before=before: len(address.asked) > before and keys._fetching is None)  # type: ignore[misc]  # mypy takes a default for an argument
            assert await keys.find("rsa")
            with pytest.raises(Unavailable):
                await keys.find("new")
        assert "/elsewhere" not in address.asked
    clock.now += 601
    assert await keys.find("rsa")
    await eventually(lambda: keys._fetching is None)


async def test_an_address_that_never_answered_is_no_fault_of_the_tokens(clock: Clock) -> None:
    keys = IssuerKeys("http://127.0.0.1:1/keys", 600)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await keys.find("rsa")


async def test_a_file_and_a_set_of_one(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwk_set(public("ed")))
    keys = IssuerKeys(str(path), 600)
    assert await keys.find(None) == await keys.find("ed")
    path.write_bytes(jwk_set(public("ed"), public("ec")))
    keys = IssuerKeys(str(path), 600)
    assert await keys.find("ec")
    assert await keys.find(None) is None


@pytest.mark.filterwarnings("ignore:Key size")
def test_an_odd_or_weak_key_takes_no_other_along() -> None:
    weak = made("rsa1024", 1024).as_dict(private=False)
    odd: list[object] = [5, None, {}, {"kty": "RSA"}, {"kty": ["RSA"]}, {"kty": "EC", "crv": "x"}, {"kty": "XYZ"}, weak]
    assert list(read(jwk_set(*odd, public("rsa")))) == ["rsa"]
    for content in (b"", b"5", b"{}", b'{"keys": 5}', jwk_set(*odd)):
        with pytest.raises(ValueError):  # noqa: PT011 - orjson's or ours
            read(content)


@pytest.mark.parametrize(
    "place",
    [
        "/nonexistent",
        "http://id.example/keys",
        "ftp://127.0.0.1/x",
        "http://",
        "file:///x",
        "http://127.0.0.1.evil.example/x",
    ],
)
def test_a_place_that_is_not_safe_is_refused(place: str) -> None:
    with pytest.raises(BadInput, match="ERPGRAPH_TOKEN_KEYS is not usable"):
        IssuerKeys(place, 600)
