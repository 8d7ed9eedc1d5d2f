"""The rules of webhooks that need no database: signatures, and where deliveries may go."""

import asyncio
import base64
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import httpcore
import pytest

from app.webhooks.addresses import NotAllowed, Pinned, check_url, is_allowed
from app.webhooks.sending import Sender
from app.webhooks.signing import Signer, symmetric
from core.errors import BadInput
from core.webhooks import message_id

HOOK = UUID("01910000-0000-7000-8000-000000000001")


def test_the_specifications_own_example() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    content = b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
    assert symmetric(secret, content) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_are_of_a_key_a_webhook_and_a_version() -> None:
    signer = Signer(["a" * 40])
    found = {
        signer.secret(HOOK, 1),
        signer.secret(HOOK, 2),
        signer.secret(UUID(int=1), 1),
        Signer(["b" * 40]).secret(HOOK, 1),
        signer.public_key(HOOK, 1).replace("whpk_", "whsec_"),
    }
    assert len(found) == 5
    assert Signer(["a" * 40, "b" * 40]).secret(HOOK, 1) == signer.secret(HOOK, 1)
    assert all(len(base64.b64decode(each.removeprefix("whsec_"))) == 32 for each in found)
    both = Signer(["b" * 40, "a" * 40]).signatures(HOOK, [2, 1], "msg_1", 5, b"{}").split()
    assert len(both) == 8
    assert {*signer.signatures(HOOK, [1], "msg_1", 5, b"{}").split()} < {*both}


def test_an_id_is_made_of_what_is_told() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert message_id(HOOK, one, other) == message_id(HOOK, one, other)
    assert len({message_id(HOOK, one, other), message_id(HOOK, one, one), message_id(one, one, other)}) == 3


PRIVATE = [
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),  # noqa: S104 - an address to be refused
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1"),
    *("2002:a00:1::", "2002:a9fe:a9fe::1", "::127.0.0.1", "64:ff9b:1::1", "100::1", "fec0::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_ssrf_addresses_that_are_not_the_internets(address: str) -> None:
    assert not is_allowed(ip_address(address), ())
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadInput):
        check_url(f"https://{host}/", ())


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::1"])
def test_ssrf_addresses_of_the_internet(address: str) -> None:
    assert is_allowed(ip_address(address), ())
    assert not is_allowed(ip_address(address), (), own=True)


def test_ssrf_networks_of_the_operators_own() -> None:
    own = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    assert is_allowed(ip_address("10.1.2.3"), own, own=True)
    assert is_allowed(ip_address("::ffff:10.1.2.3"), own, own=True)
    assert is_allowed(ip_address("fd00::1"), own)
    assert not is_allowed(ip_address("10.2.0.1"), own)
    check_url("http://10.1.2.3:8080/x", own)
    check_url("https://shop.example/", own)
    with pytest.raises(BadInput):
        check_url("http://1.1.1.1/", own)


@pytest.mark.parametrize(
    "url",
    [
        *("", "x", "shop.example", "//shop.example", "http://shop.example/", "ftp://shop.example/", "https://"),
        *(
            "https://u@shop.example/",
            "https://u:p@shop.example/",
            "https://shop.example:22/",
            "https://shop.example/#x",
        ),
        *("https://shop.example:99999/", "https://shöp.example/", "https://shop.example/ x", "file:///etc/passwd"),
    ],
)
def test_ssrf_addresses_that_nobody_needs(url: str) -> None:
    with pytest.raises(BadInput):
        check_url(url, ())


async def test_ssrf_a_name_is_asked_once_and_all_of_its_addresses_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["fe80::1%eth0"], []]

    async def getaddrinfo(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(0, 0, 0, "", (each, 443)) for each in answers[len(asked) - 1]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    for number in range(3):
        with pytest.raises(NotAllowed):
            await Pinned((), own=False).connect_tcp("shop.example", 443)
        assert len(asked) == number + 1
    with pytest.raises(httpcore.ConnectError):
        await Pinned((), own=False).connect_tcp("shop.example", 443)


async def test_ssrf_the_connection_goes_to_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[Any] = []

    async def resolve(*_: Any) -> Any:
        return [ip_address("1.2.3.4")]

    async def connect(_: Any, host: str, port: int, *__: Any, **___: Any) -> Any:
        reached.append((host, port))
        raise httpcore.ConnectError("stop here")

    monkeypatch.setattr(Pinned, "_resolve", resolve)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    answer = await Sender(()).send("https://shop.example/x", {}, b"{}")
    assert reached == [("1.2.3.4", 443)]
    assert (answer.status, answer.forbidden) == (None, False)


async def test_ssrf_what_is_not_allowed_is_not_even_tried() -> None:
    for url in ("https://localhost/", "http://127.0.0.1:1/", "https://0x7f.1/", "https://2130706433/"):
        answer = await Sender(()).send(url, {}, b"{}")
        assert (answer.status, answer.forbidden) == (None, True), url
