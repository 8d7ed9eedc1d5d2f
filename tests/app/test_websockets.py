"""Subscriptions by WebSocket, on a real socket, with a client that others wrote: what is told, and what ends a socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from app.context import Principal
from app.http import sockets
from app.live import credentials
from app.live import hub as hubs
from app.live.stream import Stream
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import Wire, eventually
from tests.support.patience import PATIENCE
from tests.support.sockets import talking
from tests.support.streams import CHANGES, Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key, cors_origins="https://shop.example") as found:
        yield found


# ---------------------------------------------------------------- what is told


async def test_a_batch_at_once_and_one_for_each_change(served: Served, site: Site) -> None:
    async with talking(served, site.key) as talk:
        assert talk.connection.subprotocol == "graphql-transport-ws"
        assert talk.connection.response is not None
        assert "Sec-WebSocket-Extensions" not in talk.connection.response.headers
        await talk.subscribe("one", CHANGES)
        assert await talk.names("one") == []
        for name in ("first", "second"):
            await served.make("SOCKET", name)
            assert await talk.names("one") == [name]
        assert (served.hub.following, served.hub.held) == (1, 1)
        await talk.say("complete", id="one")
        await eventually(lambda: served.hub.following == 0)
        await served.make("SOCKET", "third")
        await talk.say("ping", payload={"n": 1})
        assert await talk.hear() == {"type": "pong", "payload": {"n": 1}}
    await eventually(lambda: served.hub.held == 0)
    await eventually(lambda: not served.hub._watching)
    assert (served.hub._sockets_of, served.hub._counts) == ({}, {})


async def test_a_credential_in_the_handshake_is_enough(served: Served, site: Site) -> None:
    given: dict[str, Any] = {"additional_headers": {"Authorization": f"Bearer {site.key}"}}
    async with talking(served, **given) as talk:
        await talk.say("connection_init")
        assert await talk.hear() == {"type": "connection_ack"}
        await talk.subscribe("one", CHANGES)
        assert await talk.names("one") == []
    async with talking(served, **given) as talk:
        await talk.begin(site.key)
    async with talking(served, **given) as talk:
        await talk.say("connection_init", payload={"Authorization": "Bearer erp_another"})
        assert await talk.code() == 4403


async def test_several_subscriptions_of_a_socket_are_told_apart_and_an_id_can_come_again(
    served: Served, site: Site
) -> None:
    async with talking(served, site.key) as talk:
        await talk.subscribe("a", CHANGES)
        assert await talk.names("a") == []
        await talk.subscribe("b", "subscription { eventFeed { cursor events { type } } }")
        assert (await talk.hear())["id"] == "b"
        await talk.say("complete", id="b")
        await talk.say("complete", id="never there")
        await talk.subscribe("b", CHANGES)
        assert await talk.names("b") == []
        await served.make("TWO", "both")
        assert {(await talk.hear())["id"] for _ in range(2)} == {"a", "b"}


async def test_a_client_that_comes_back_is_told_what_it_missed(served: Served, site: Site) -> None:
    async with talking(served, site.key) as talk:
        await talk.subscribe("one", CHANGES)
        cursor = (await talk.hear())["payload"]["data"]["changes"]["cursor"]
    await served.make("MISSED-WS", "missed")
    async with talking(served, site.key) as talk:
        await talk.subscribe("one", CHANGES, after=cursor)
        assert await talk.names("one") == ["missed"]


async def test_equal_subscribers_are_one_execution_whatever_they_came_by(served: Served, site: Site) -> None:
    async with talking(served, site.key) as talk, served.follow(CHANGES) as stream:
        assert await stream.names() == []
        for number in range(5):
            await talk.subscribe(str(number), CHANGES)
            assert await talk.names(str(number)) == []
        before = served.hub.batches.executed
        await served.make("SAME", "same")
        assert await stream.names() == ["same"]
        assert sorted([(await talk.hear())["id"] for _ in range(5)]) == ["0", "1", "2", "3", "4"]
        assert served.hub.batches.executed == before + 1


# ---------------------------------------------------------------- 34: who, what, how much


@pytest.mark.parametrize(
    "query,code",
    [
        ("subscription { changes { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { changes { cursor } eventFeed { cursor } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ changes { cursor } }", "BAD_REQUEST"),
        ("mutation { orderCancel(input: {order: {id: 1}}) { order { id } } }", "BAD_REQUEST"),
        ("", "BAD_REQUEST"),
    ],
)
async def test_34_what_cannot_be_followed_is_an_error_of_its_own(
    served: Served, site: Site, query: str, code: str
) -> None:
    async with talking(served, site.key) as talk:
        await talk.subscribe("good", CHANGES)
        assert await talk.names("good") == []
        await talk.subscribe("bad", query)
        found = await talk.hear()
        assert (found["id"], found["type"]) == ("bad", "error")
        assert [each["extensions"]["code"] for each in found["payload"]] == [code]
        await served.make("GOOD", f"after {code} {len(query)}")
        assert await talk.names("good") == [f"after {code} {len(query)}"]
        assert served.hub.following == 1


async def test_34_what_fails_when_it_is_read_is_told_and_complete(served: Served, site: Site) -> None:
    async with talking(served, site.key) as talk:
        await talk.subscribe("one", CHANGES, after="A" * 35)
        found = await talk.hear()
        assert (found["id"], found["type"]) == ("one", "next")
        assert [each["extensions"]["code"] for each in found["payload"]["errors"]] == ["RESYNC_REQUIRED"]
        assert await talk.hear() == {"id": "one", "type": "complete"}


SUBSCRIBE: dict[str, Any] = {"type": "subscribe", "id": "x", "payload": {"query": CHANGES}}


@pytest.mark.parametrize(
    "messages,code",
    [
        ([SUBSCRIBE], 4401),
        ([{"type": "connection_init"}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": "Bearer erp_wrong"}}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": 5}}], 4400),
        ([{"type": "connection_init", "payload": None}], 4400),
        (["KEY", "KEY"], 4429),
        (["KEY", SUBSCRIBE, SUBSCRIBE], 4409),
        (["KEY", {"type": "subscribe", "payload": {"query": CHANGES}}], 4400),
        (["KEY", {"type": "subscribe", "id": "", "payload": {"query": CHANGES}}], 4400),
        (["KEY", {"type": "subscribe", "id": 5, "payload": {"query": CHANGES}}], 4400),
        (["KEY", {"type": "subscribe", "id": "x" * 201, "payload": {"query": CHANGES}}], 4400),
        (["KEY", {"type": "subscribe", "id": "x"}], 4400),
        (["KEY", {"type": "subscribe", "id": "x", "payload": [CHANGES]}], 4400),
        (["KEY", {"type": "complete"}], 4400),
        (["KEY", {"type": "start", "id": "x", "payload": {"query": CHANGES}}], 4400),
        (["KEY", {"type": 5}], 4400),
        (["KEY", {}], 4400),
        ([5], 4400),
        ([None], 4400),
        ([[]], 4400),
        (["text"], 4400),
        ([b"{"], 4400),
        ([b""], 4400),
        ([bytearray(b'{"type":"ping"}')], 4400),
        ([b"[" * 60_000], 4400),
        ([b" " * 65_537], 1009),
        (["KEY", {"type": "pong", "payload": {"a": [[]] * sockets.MOST_PARTS}}], 4400),
        ([{"type": "ping"}] * (sockets.MOST_EARLY + 1), 4400),
        ([{"type": "connection_init", "payload": {"authorization": "x" * sockets.LARGEST_EARLY}}], 4400),
        ([{"type": "ping", "payload": {"a": "x" * sockets.LARGEST_PING}}], 4400),
        (["KEY", {"type": "ping", "payload": {"a": "x" * sockets.LARGEST_PING}}], 4400),
    ],
)
async def test_34_what_the_protocol_forbids_ends_the_socket(
    served: Served, site: Site, messages: list[Any], code: int
) -> None:
    async with talking(served) as talk:
        for each in messages:
            if each == "KEY":
                await talk.say("connection_init", payload={"authorization": f"Bearer {site.key}"})
            elif isinstance(each, bytearray):
                await talk.connection.send(bytes(each))
            elif isinstance(each, bytes):
                await talk.connection.send(each.decode())
            else:
                await talk.connection.send(orjson.dumps(each).decode())
        assert await talk.code() == code
    await eventually(lambda: (served.hub.following, served.hub.held) == (0, 0))


async def test_34_who_says_nothing_is_closed_in_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_WITHIN", 0.05)
    async with talking(served) as talk:
        assert await talk.code() == 4408


@pytest.mark.parametrize("offered", [["graphql-ws"], ["mqtt", "graphql-ws"], None])
async def test_34_other_protocols_are_refused(served: Served, offered: list[Subprotocol] | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talking(served, subprotocols=offered):
            pass
    assert refused.value.response.status_code == 400
    assert b"graphql-transport-ws" in refused.value.response.body
    assert refused.value.response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "origin,opens",
    [
        ("https://shop.example", True),
        ("SAME", True),
        ("https://evil.example", False),
        ("http://shop.example", False),
        ("null", False),
        ("", False),
    ],
)
async def test_34_pages_of_other_sites_open_no_socket(served: Served, origin: str, *, opens: bool) -> None:
    mine = str(served.client.base_url).rstrip("/")
    given = Origin(mine if origin == "SAME" else origin)
    options: dict[str, Any] = {"origin": given} if origin else {"additional_headers": {"Origin": ""}}
    if opens:
        async with talking(served, **options) as talk:
            await talk.say("ping")
            assert await talk.hear() == {"type": "pong"}
        return
    with pytest.raises(InvalidStatus) as refused:
        async with talking(served, **options):
            pass
    assert refused.value.response.status_code == 403


async def test_34_a_name_that_is_not_ours_opens_no_socket(served: Served) -> None:
    port = served.client.base_url.port
    head = "GET /graphql HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    async with Wire(port or 0) as wire:
        wire.send(head.encode())
        assert (await wire.answer()).status == 400
        assert await wire.ended()


async def test_34_a_socket_has_twenty_subscriptions(served: Served, site: Site) -> None:
    async with talking(served, site.key) as talk:
        for number in range(sockets.MOST):
            await talk.subscribe(str(number), CHANGES)
            assert await talk.names(str(number)) == []
        await talk.subscribe("more", CHANGES)
        found = await talk.hear()
        assert (found["id"], found["type"]) == ("more", "error")
        assert found["payload"][0]["extensions"]["code"] == "THROTTLED"
        assert served.hub.following == sockets.MOST


async def test_34_a_key_has_so_many_sockets(served: Served, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "OF_KEY", 1)
    async with talking(served, site.key), talking(served) as other:
        await other.say("connection_init", payload={"authorization": f"Bearer {site.key}"})
        assert await other.code() == 1013
        assert served.hub.held == 1
    await eventually(lambda: served.hub.held == 0)
    async with talking(served, site.key):
        assert served.hub.held == 1


async def test_34_wrong_keys_are_counted_as_by_http(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.throttle.time", lambda: 1_000_000.0)  # they are counted by the minute
    async with streaming(site.database, site.key, failed_attempts=2) as served:
        for code in (4403, 4403, 1013):
            async with talking(served) as talk:
                await talk.say("connection_init", payload={"authorization": "Bearer erp_guess"})
                assert await talk.code() == code


async def test_34_a_key_that_is_revoked_ends_its_sockets(served: Served, site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "revoked socket", replace=True)
    async with talking(served, key) as follows, talking(served, key) as idle, talking(served, site.key) as other:
        await follows.subscribe("one", CHANGES)
        assert await follows.names("one") == []
        await served.hub.credentials.look()
        assert served.hub.held == 3
        async with site.admin() as admin:
            await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked socket'")
        await served.hub.credentials.look()
        assert (await follows.code(), await idle.code()) == (4403, 4403)
        await other.say("ping")
        assert await other.hear() == {"type": "pong"}


async def test_34_a_key_that_cannot_be_looked_at_may_come_back(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> dict[str, Principal]:
        return {}

    async with talking(served, site.key) as talk:
        monkeypatch.setattr(served.hub.credentials._authenticator, "again", away)
        monkeypatch.setattr(credentials, "STALE", -1.0)
        await served.hub.credentials.look()
        assert await talk.code() == 1013


async def test_34_a_key_for_trusted_documents_follows_no_others(site: Site, served: Served) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "trusted socket", replace=True, trusted_only=True)
    async with talking(served, key) as talk:
        await talk.subscribe("one", CHANGES)
        found = await talk.hear()
        assert found["payload"][0]["extensions"]["code"] == "TRUSTED_DOCUMENTS_ONLY"
        assert served.hub.batches.executed == 0


async def test_42_a_server_that_stops_tells_its_clients_to_come_back(served: Served, site: Site) -> None:
    async with talking(served, site.key) as follows, talking(served, site.key) as idle:
        await follows.subscribe("one", CHANGES)
        assert await follows.names("one") == []
        await served.hub.close()
        assert (await follows.code(), await idle.code()) == (1012, 1012)
    with pytest.raises(InvalidStatus) as refused:
        async with talking(served):
            pass
    assert refused.value.response.status_code == 503


async def test_34_a_fault_of_ours_tells_nothing(served: Served, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Stream) -> None:
        raise KeyError("secret")

    async with talking(served, site.key) as talk:
        monkeypatch.setattr(Stream, "messages", broken)
        await talk.subscribe("one", CHANGES)
        assert await talk.code() == 1012
        assert "secret" not in (talk.connection.close_reason or "")
    await eventually(lambda: served.hub.following == 0)


# ---------------------------------------------------------------- 45: clients that take nothing, or leave


async def test_45_a_client_that_reads_nothing_is_cut(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing piles up for it: one message waits, and no more are made."""
    monkeypatch.setattr(sockets, "TAKEN_WITHIN", 0.05)
    stuck = asyncio.Event()
    said = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": '{"type":"connection_init"}'},
        {"type": "websocket.receive", "text": orjson.dumps(SUBSCRIBE).decode()},
    ]

    async def receive() -> Any:
        if said:
            return said.pop(0)
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if '"next"' in message.get("text", ""):
            stuck.set()
            await asyncio.Event().wait()

    scope = {
        "type": "websocket",
        "path": "/graphql",
        "subprotocols": ["graphql-transport-ws"],
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {site.key}".encode())],
    }
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        async with asyncio.timeout(PATIENCE):
            await served.app(scope, receive, send)
        assert stuck.is_set()
        assert (served.hub.following, served.hub.held) == (1, 0)
        await served.make("SLOW-WS", "others go on")
        assert await stream.names() == ["others go on"]
