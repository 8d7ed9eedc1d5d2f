"""How subscriptions end, and what they may take: credentials, limits, budgets, clients that don't read, servers that stop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.context import Principal
from app.errors.http_errors import Throttled
from app.http import events, silence
from app.live import credentials, texts
from app.live import hub as hubs
from app.throttling.budgets import Budgets
from core.spending import Spending
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.patience import PATIENCE
from tests.support.streams import CHANGES, Served, streaming


@pytest.fixture
async def served(site: Site) -> AsyncIterator[Served]:
    async with streaming(site.database, site.key) as found:
        yield found


async def test_34_a_key_that_is_revoked_ends_its_streams(served: Served, site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "revoked stream", replace=True)
    async with served.follow(CHANGES, key=key) as stream, served.follow(CHANGES) as other:
        assert await stream.names() == []
        assert await other.names() == []
        await served.hub.credentials.look()
        async with site.admin() as admin:
            await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked stream'")
        await served.hub.credentials.look()
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await stream.event() or {})["event"] == "complete"
        assert await stream.event() is None
        await served.make("REVOKED", "goes on")
        assert await other.names() == ["goes on"]


async def test_42_a_server_that_stops_ends_them_and_they_are_not_complete(served: Served) -> None:
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        await served.hub.close()
        assert await stream.event() is None
    refused = await served.client.post("/graphql/stream", json={"query": CHANGES})
    assert refused.status_code == 503


@pytest.mark.parametrize(
    "query,code",
    [
        ("subscription { changes { nothing } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { changes { cursor } eventFeed { cursor } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ changes { cursor } }", "BAD_REQUEST"),
        ("subscription { changes(first: 0) { cursor } }", "BAD_USER_INPUT"),
        ('subscription { changes(after: "x") { cursor } }', "BAD_USER_INPUT"),
        ('subscription { record(id: "evt_00000000000070008000000000000000") { id } }', "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_be_followed_is_told_and_complete(served: Served, query: str, code: str) -> None:
    async with served.follow(query) as stream:
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == code
        assert (await stream.event() or {})["event"] == "complete"
        assert await stream.event() is None
    await eventually(lambda: served.hub.following == 0)


async def test_34_who_follows_is_who_asks(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """One way in for all transports: credentials, limits and kinds of requests are those of the graph."""
    wrong = await served.client.post(
        "/graphql/stream", json={"query": CHANGES}, headers={"Authorization": "Bearer erp_wrong"}
    )
    assert wrong.status_code == 401
    assert (await served.client.get("/graphql/stream")).status_code == 405
    assert (await served.client.post("/graphql/stream", content=b"5")).status_code == 415
    by_post = await served.client.post("/graphql", json={"query": CHANGES})
    assert by_post.status_code == 405
    monkeypatch.setattr(hubs, "OF_KEY", 1)
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        refused = await served.client.post("/graphql/stream", json={"query": CHANGES})
        assert refused.status_code == 429
    await eventually(lambda: served.hub.following == 0)
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []


async def test_a_place_that_is_not_there_ends_it(served: Served) -> None:
    gone = "A" * 35
    for given in ({"after": gone}, {"last": gone}):
        async with served.follow(CHANGES, **given) as stream:
            [error] = (await stream.data())["errors"]
            assert error["extensions"]["code"] == "RESYNC_REQUIRED"
            assert (await stream.event() or {})["event"] == "complete"


async def test_a_last_event_of_another_feed_is_refused(served: Served) -> None:
    async with served.follow("subscription { eventFeed { cursor } }") as stream:
        first = await stream.event()
        assert first is not None
    async with served.follow(CHANGES, last=first["id"]) as stream:
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_log_that_is_another_one_ends_them(served: Served, site: Site) -> None:
    """As after a restore beside a running server, or where the tenant was moved: its numbers are others."""
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        [tenant] = served.hub._tenants.values()
        async with site.admin() as admin:
            await admin.execute("DELETE FROM commits WHERE tenant_id = $1", tenant.id)
        await served.make("RESTORED", "restored")
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "RESYNC_REQUIRED"
        assert (await stream.event() or {})["event"] == "complete"


async def test_34_a_role_that_is_taken_away_ends_its_streams(served: Served, site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "role stream", replace=True)
    async with served.follow(CHANGES, key=key) as stream:
        assert await stream.names() == []
        async with site.admin() as admin:
            await admin.execute("UPDATE api_keys SET roles = '{catalog}' WHERE name = 'role stream'")
        await served.hub.credentials.look()
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_34_a_key_that_cannot_be_looked_at_is_good_for_a_while_only(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> dict[str, Principal]:
        return {}

    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        monkeypatch.setattr(served.hub.credentials._authenticator, "again", away)
        await served.hub.credentials.look()
        await served.make("STILL", "still")
        assert await stream.names() == ["still"]
        monkeypatch.setattr(credentials, "STALE", -1.0)
        await served.hub.credentials.look()
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "UNAVAILABLE"


async def test_whose_budget_is_spent_waits_and_keeps_its_place(served: Served) -> None:
    refused = asyncio.Event()
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        [each] = served.hub._streams
        real = each._pay

        async def pay(principal: Principal, points: int) -> None:
            if not refused.is_set():
                refused.set()
                raise Throttled("spent", 0)
            await real(principal, points)

        each._pay = pay
        await served.make("BUDGET", "paid")
        assert await stream.names() == ["paid"]
    assert refused.is_set()


async def test_each_subscriber_pays_its_batches_in_full(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    paid, real = [], Budgets.reserve

    async def counting(budgets: Budgets, charge: Any, price: int, *, keep: bool = False) -> None:
        await real(budgets, charge, price, keep=keep)
        if keep:
            paid.append(charge.paid)

    async with served.follow(CHANGES) as one, served.follow(CHANGES) as other:
        assert [await one.names(), await other.names()] == [[], []]
        monkeypatch.setattr(Budgets, "reserve", counting)
        monkeypatch.setattr(served.hub.credentials, "look", asyncio.sleep)
        await served.client.post("/graphql", json={"query": MAKE_QUIETLY})
        assert [await one.names(), await other.names()] == [["dear"], ["dear"]]
    assert len(paid[-2:]) == 2
    assert min(paid[-2:]) >= 100


MAKE_QUIETLY = 'mutation { partnerUpsert(input: {code: "DEAR", name: "dear"}) { userErrors { code } } }'


async def test_what_costs_too_much_is_not_begun(site: Site) -> None:
    async with streaming(site.database, site.key, limit_cost=50) as served, served.follow(CHANGES) as stream:
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "COST_LIMIT"
        assert served.hub.batches.executed == 0


async def test_a_key_for_trusted_documents_follows_no_others(site: Site, served: Served) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "trusted stream", replace=True, trusted_only=True)
    answer = await served.client.post(
        "/graphql/stream", json={"query": CHANGES}, headers={"Authorization": f"Bearer {key}"}
    )
    assert "TRUSTED_DOCUMENTS_ONLY" in answer.text
    assert answer.text.endswith("event: complete\ndata:\n\n")
    assert served.hub.batches.executed == 0


# ---------------------------------------------------------------- clients that don't take what is sent


async def test_45_a_client_that_reads_nothing_is_left(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing piles up for it: it has one message that it must take, and no more are made."""
    monkeypatch.setattr(events, "TAKEN_WITHIN", 0.05)
    stuck = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            stuck.set()
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        [reading] = served.hub._streams
        opened = await served.hub.open(reading.prepared, reading.principal, reading.authorization, Spending())
        assert served.hub.following == 2
        async with asyncio.timeout(PATIENCE):
            await events._send_events(opened, served.hub, "id", receive, send)
        assert stuck.is_set()
        assert served.hub.following == 1
        await served.make("SLOW", "others go on")
        assert await stream.names() == ["others go on"]


async def test_silence_is_filled_with_comments(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "EVERY", 0.02)
    async with served.client.stream("POST", "/graphql/stream", json={"query": CHANGES}) as answer:
        lines = answer.aiter_lines()
        async with asyncio.timeout(PATIENCE):
            while await anext(lines) != ":":
                pass
            assert await anext(lines) == ""


async def test_clients_that_come_and_go_leave_nothing_behind(served: Served) -> None:
    async def visit() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01), served.follow(CHANGES) as stream:
                await stream.event()

    async with served.follow(CHANGES) as stays:
        assert await stays.names() == []
        tasks = len(asyncio.all_tasks())
        await asyncio.gather(*(visit() for _ in range(25)))
        await eventually(lambda: served.hub.following == 1)
        await eventually(lambda: len(asyncio.all_tasks()) <= tasks)
        [tenant] = served.hub._tenants.values()
        assert [group.members for group in tenant.groups.values()] == [1]
        await served.make("STAYS", "stays")
        assert await stays.names() == ["stays"]


async def test_signs_of_life_come_between_batches_and_end_with_the_stream(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are written past the application: whole chunks, to this answer and to no later one of its connection."""
    monkeypatch.setattr(silence, "EVERY", 0.01)
    async with served.follow(CHANGES) as stream:
        assert await stream.names() == []
        for number in range(5):
            await served.make("SIGNS", f"name {number}")
            assert await stream.names() == [f"name {number}"]
            await asyncio.sleep(0.03)
    answers = [await served.client.post("/graphql", json={"query": "{ __typename }"}) for _ in range(3)]
    assert {answer.json()["data"]["__typename"] for answer in answers} == {"Query"}


async def test_one_whose_sign_fails_keeps_no_other_from_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "EVERY", 0.01)
    given = asyncio.Event()

    def broken() -> None:
        raise RuntimeError

    kept = silence.Silence()
    for sign in (broken, given.set):
        kept.broken(sign)
    async with asyncio.timeout(PATIENCE):
        await given.wait()
    assert [*kept._since] == [given.set]
    kept.over(given.set)
    await eventually(lambda: kept._looking is None)


async def test_who_follows_much_text_is_bounded_and_equal_text_counts_once(
    served: Served, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "OF_TENANT", 2 * len(CHANGES) + 2)
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(served.follow(CHANGES))
        assert await first.names() == []
        # Another group of the same document, and another document.
        place = (await first_event(served))["id"]
        for query, given in ((CHANGES, {"after": place}), (CHANGES, {"more": 1}), (f"{CHANGES}  ", {})):
            stream = await stack.enter_async_context(served.follow(query, **given))
            assert await stream.names() == []
        assert len({id(each.prepared.document) for each in served.hub._streams}) == 2
        answer = await served.client.post("/graphql/stream", json={"query": f" {CHANGES}"})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (429, "THROTTLED")
        other = await keys.create(site.target, site.tenants[1].id, "streams of others", replace=True)
        theirs = await stack.enter_async_context(served.follow(f" {CHANGES}", key=other))
        assert await theirs.names() == []
    await eventually(lambda: served.hub.following == 0)
    assert served.hub._texts._kept == {}


async def first_event(served: Served) -> dict[str, str]:
    async with served.follow(CHANGES) as stream:
        found = await stream.event()
    assert found is not None
    return found


async def test_what_is_kept_besides_a_document_is_bounded(served: Served) -> None:
    async with served.follow(CHANGES, unused="x" * texts.BESIDES) as stream:
        [error] = (await stream.data())["errors"]
        assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
        assert error["extensions"]["maximum"] == texts.BESIDES
    await eventually(lambda: served.hub.following == 0)
    assert served.hub._texts._kept == {}
