"""Webhooks against a real receiver: what is sent, in which order, how often, and what ends it."""

import asyncio
import base64
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.webhooks import turn
from core import webhooks as rules
from services.platform import keys
from tests.support.command import ROOT
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.receiver import DOCUMENT, Shop

UPDATE = "mutation ($input: WebhookUpdateInput!) { webhookUpdate(input: $input) { webhook { status version } userErrors { code path } } }"
REPLAY = (
    "mutation ($input: WebhookReplayInput!) { webhookReplay(input: $input) { count userErrors { code message path } } }"
)


async def test_what_happens_is_sent_signed_and_once(there: Shop) -> None:
    await there.make("HOOK-0", "before")
    made = await there.hook("orders")
    assert made["userErrors"] == []
    assert made["secret"].startswith("whsec_")
    async with there.working():
        await there.make("HOOK-1", "one")
        await there.make("HOOK-2", "two")
        assert sorted(await there.receiver.names(2)) == ["one", "two"]
        first = there.receiver.got[0]
        assert first.json["type"] == "partner.created"
        assert first.json["timestamp"].endswith("Z")
        assert first.headers["content-type"] == "application/json"
        assert first.signed_by(made["secret"])
        assert not first.signed_by("whsec_" + "A" * 44)
        await there.waits(made["webhook"]["id"], [("TAKEN", 1), ("TAKEN", 1)])
    assert len(there.receiver.got) == 2


async def test_the_asymmetric_signature_is_the_public_keys(there: Shop) -> None:
    made = await there.hook("asymmetric")
    async with there.working():
        await there.make("HOOK-A", "signed")
        await there.receiver.names(1)
    [got] = there.receiver.got
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["webhook"]["publicKey"].removeprefix("whpk_")))
    [signature] = [each for each in got.headers["webhook-signature"].split() if each.startswith("v1a,")]
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key.verify(base64.b64decode(signature.removeprefix("v1a,")), content)


async def test_a_record_that_is_refused_waits_and_others_go_on(there: Shop) -> None:
    made = await there.hook("lanes")
    there.receiver.status = lambda got: 500 if got.name.startswith("bad") else 200
    await there.make("LANE-1", "bad 1")
    await there.make("LANE-2", "good 1")
    await there.make("LANE-1", "bad 2")
    await there.make("LANE-2", "good 2")
    async with there.working():
        nodes = await there.waits(made["webhook"]["id"], [("WAITING", 1), ("TAKEN", 1), ("WAITING", 0), ("TAKEN", 1)])
        assert [each["responseStatus"] for each in nodes] == [500, 200, None, 200]
        assert nodes[0]["failure"] == "The receiver answered with the status 500."
        assert nodes[0]["nextAttemptAt"] is not None
        assert nodes[2]["nextAttemptAt"] is None


async def test_what_waited_is_sent_again_in_order_and_under_the_same_id(
    there: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "DELAYS", (0,))
    made = await there.hook("again")
    there.receiver.status = lambda _: 503 if len(there.receiver.got) < 3 else 200
    await there.make("AGAIN", "first")
    async with there.working():
        await there.waits(made["webhook"]["id"], [("TAKEN", 3)])
        ids = {each.headers["webhook-id"] for each in there.receiver.got}
        assert len(ids) == 1
        assert len({each.body for each in there.receiver.got}) == 1
        await there.make("AGAIN", "second")
        await there.receiver.names(4)
    assert [each.name for each in there.receiver.got][-2:] == ["first", "second"]


async def test_events_of_one_record_stay_in_order_while_it_fails(there: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn, "DELAYS", (0,))
    made = await there.hook("order")
    refused = {"1": 2}

    def status(got: Any) -> int:
        if refused.get(got.json["data"]["eventFeed"]["events"][0]["type"], 1) and len(there.receiver.got) <= 2:
            return 500
        return 200

    there.receiver.status = status
    for name in ("v1", "v2", "v3"):
        await there.make("ORDERED", name)
    async with there.working():
        await eventually(lambda: len(there.receiver.got) >= 5)
        await there.waits(made["webhook"]["id"], [("TAKEN", 3), ("TAKEN", 1), ("TAKEN", 1)])
    types = [each.json["data"]["eventFeed"]["events"][0]["type"] for each in there.receiver.got]
    assert types == ["partner.created"] * 3 + ["partner.updated"] * 2


async def test_a_receiver_that_takes_nothing_is_tried_one_by_one_and_recovers(
    there: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.webhooks.turns.PROBES", (0,))
    made = await there.hook("failing")
    there.receiver.status = lambda _: 500
    for number in range(rules.FAILING_AFTER + 3):
        await there.make(f"FAIL-{number}", f"fail {number}")
    async with there.working():
        assert (await there.becomes(made["webhook"]["id"], "FAILING"))["failingSince"] is not None
        there.receiver.status = lambda _: 200
        found = await there.becomes(made["webhook"]["id"], "ACTIVE")
        async with asyncio.timeout(30):
            while {each["status"] for each in found["deliveries"]["nodes"]} != {"TAKEN"}:
                found = await there.told(made["webhook"]["id"])
                await asyncio.sleep(0.05)
    assert found["failingSince"] is None
    assert {each.name for each in there.receiver.got} == {f"fail {number}" for number in range(rules.FAILING_AFTER + 3)}


async def test_410_stops_it_until_somebody_resumes_it(there: Shop) -> None:
    made = await there.hook("gone")
    there.receiver.status = lambda _: 410
    await there.make("GONE-HOOK", "gone")
    async with there.working():
        found = await there.becomes(made["webhook"]["id"], "STOPPED")
        assert "410" in found["reason"]
        there.receiver.status = lambda _: 200
        await there.make("GONE-HOOK", "later")
        answer = await there.ask(UPDATE, input={"webhook": made["webhook"]["id"], "paused": False})
        assert answer["webhookUpdate"]["userErrors"] == []
        await there.waits(made["webhook"]["id"], [("TAKEN", 2), ("TAKEN", 1)])


async def test_a_paused_one_waits_and_goes_on_or_skips(there: Shop) -> None:
    made = await there.hook("paused")
    id_ = made["webhook"]["id"]
    await there.ask(UPDATE, input={"webhook": id_, "paused": True})
    await there.make("PAUSED", "while paused")
    async with there.working():
        looks = there.worker.looks
        await eventually(lambda: there.worker.looks > looks + 1)
        assert there.receiver.got == []
        await there.ask(UPDATE, input={"webhook": id_, "paused": False, "skipToNow": True})
        await there.make("PAUSED-2", "after")
        assert await there.receiver.names(1) == ["after"]


async def test_replay_sends_again_under_the_same_id(there: Shop) -> None:
    made = await there.hook("replay")
    id_ = made["webhook"]["id"]
    async with there.working():
        await there.make("REPLAY", "replayed")
        await there.receiver.names(1)
        [one] = await there.waits(id_, [("TAKEN", 1)])
        answer = await there.ask(REPLAY, input={"webhook": id_, "deliveries": [one["id"]]})
        assert answer["webhookReplay"] == {"count": 1, "userErrors": []}
        await there.receiver.names(2)
        await there.waits(id_, [("TAKEN", 2)])
        answer = await there.ask(REPLAY, input={"webhook": id_, "since": "2020-01-01T00:00:00Z"})
        assert answer["webhookReplay"]["count"] >= 1
        await eventually(lambda: [each.name for each in there.receiver.got].count("replayed") == 3)
    again = [each for each in there.receiver.got if each.name == "replayed"]
    assert len({each.headers["webhook-id"] for each in again}) == 1
    refused = await there.ask(REPLAY, input={"webhook": id_})
    assert refused["webhookReplay"]["userErrors"][0]["code"] == "INVALID_INPUT"


async def test_a_batch_has_several_events(there: Shop) -> None:
    await there.hook("batch", batch=3)
    for number in range(4):
        await there.make(f"BATCH-{number}", f"batch {number}")
    async with there.working():
        await there.receiver.names(2)
    told_ = [
        [each["subject"]["name"] for each in got.json["data"]["eventFeed"]["events"]] for got in there.receiver.got
    ]
    assert sorted(told_) == [["batch 0", "batch 1", "batch 2"], ["batch 3"]]
    assert sorted(got.json["type"] for got in there.receiver.got) == ["events", "partner.created"]


async def test_a_secret_is_shown_once_and_both_are_used_meanwhile(there: Shop) -> None:
    made = await there.hook("rotated", idempotencyKey="hook-rotated")
    again = await there.hook("rotated", idempotencyKey="hook-rotated")
    assert (again["webhook"]["id"], again["secret"]) == (made["webhook"]["id"], None)
    rotate = "mutation ($input: WebhookSecretRotateInput!) { webhookSecretRotate(input: $input) { secret userErrors { code } } }"
    new = (await there.ask(rotate, input={"webhook": made["webhook"]["id"]}))["webhookSecretRotate"]["secret"]
    assert new != made["secret"]
    async with there.working():
        await there.make("ROTATED", "both")
        await there.receiver.names(1)
    [got] = there.receiver.got
    assert got.signed_by(made["secret"])
    assert got.signed_by(new)


async def test_a_test_is_sent_now(there: Shop) -> None:
    made = await there.hook("tested")
    test = "mutation ($input: WebhookTestInput!) { webhookTest(input: $input) { responseStatus failure milliseconds userErrors { code path } } }"
    found = (await there.ask(test, input={"webhook": made["webhook"]["id"]}))["webhookTest"]
    assert (found["responseStatus"], found["failure"], found["userErrors"]) == (204, None, [])
    assert there.receiver.got[0].json["type"] == "webhook.tested"
    assert there.receiver.got[0].signed_by(made["secret"])
    missing = (await there.ask(test, input={"webhook": "hook_00000000000070008000000000000000"}))["webhookTest"]
    assert missing["userErrors"] == [{"code": "NOT_FOUND", "path": ["input", "webhook"]}]


@pytest.mark.parametrize(
    "change,path",
    [
        ({"url": "http://shop.example/"}, None),
        ({"url": "ftp://shop.example/"}, ["input", "url"]),
        ({"url": "https://u:p@shop.example/"}, ["input", "url"]),
        ({"url": "https://10.0.0.1/"}, ["input", "url"]),
        ({"url": "https://[::ffff:169.254.169.254]/"}, ["input", "url"]),
        ({"document": "{ eventFeed { cursor } }"}, ["input", "document"]),
        ({"document": "subscription { changes { cursor } }"}, ["input", "document"]),
        ({"document": 'subscription { eventFeed(after: "x") { cursor } }'}, ["input", "document"]),
        ({"document": "subscription { eventFeed { nothing } }"}, ["input", "document"]),
        ({"document": "x"}, ["input", "document"]),
        ({"roles": ["nobody"]}, ["input", "roles", "0"]),
        ({"roles": ["partner"]}, ["input", "roles", "0"]),
        ({"batch": 0}, ["input", "batch"]),
    ],
)
async def test_what_makes_no_sense_is_refused(there: Shop, change: dict[str, Any], path: list[str] | None) -> None:
    made = await there.hook("refused", **change)
    if path is None:
        assert made["userErrors"] == []
        return
    assert path in [each["path"] for each in made["userErrors"]]
    assert (made["webhook"], made["secret"]) == (None, None)
    found = await there.ask("{ webhooks { totalCount { value } } }")
    assert found["webhooks"]["totalCount"]["value"] == 0


async def test_a_role_that_there_is_not_is_refused_with_those_that_there_are(there: Shop) -> None:
    """A webhook is no business partner, and so not of the role ``partner``."""
    made = await there.hook("refused", roles=["boss"])
    assert [each["message"] for each in made["userErrors"]] == [
        "There is no role 'boss' for webhooks: there are viewer, clerk, warehouse, buyer, manager, admin."
    ]


async def test_a_name_is_taken_once_and_a_tenant_has_so_many(there: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await there.hook("one")
    assert [each["code"] for each in (await there.hook("one"))["userErrors"]] == ["DUPLICATE"]
    monkeypatch.setattr("services.webhooks.commands.MOST", 1)
    assert [each["code"] for each in (await there.hook("two"))["userErrors"]] == ["LIMIT_REACHED"]


async def test_nobody_reads_by_a_webhook_what_they_may_not(there: Shop, site: Site) -> None:
    """Roles beyond one's own are refused; and a clerk can't manage webhooks at all."""
    key = await keys.create(site.target, site.tenants[0].id, "hook clerk", roles=["clerk"], replace=True)
    given = {"name": "x", "url": there.receiver.url, "document": DOCUMENT, "roles": ["viewer"]}
    answer = await there.client.post(
        "/graphql",
        json={
            "query": "mutation ($i: WebhookCreateInput!) { webhookCreate(input: $i) { secret } }",
            "variables": {"i": given},
        },
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_tenants_webhooks_hear_nothing_of_each_other(there: Shop, site: Site) -> None:
    rival = await keys.create(site.target, site.tenants[1].id, "hook rival", replace=True)
    headers = {"Authorization": f"Bearer {rival}"}
    made = await there.hook("ours")
    async with there.working():
        query = 'mutation { partnerUpsert(input: {code: "RIVAL-HOOK", name: "theirs"}) { userErrors { code } } }'
        await there.client.post("/graphql", json={"query": query}, headers=headers)
        await there.make("OUR-HOOK", "ours")
        assert await there.receiver.names(1) == ["ours"]
    query = "query ($id: ID!) { node(id: $id) { id } webhooks { totalCount { value } } }"
    found = await there.client.post(
        "/graphql", json={"query": query, "variables": {"id": made["webhook"]["id"]}}, headers=headers
    )
    assert found.json()["data"] == {"node": None, "webhooks": {"totalCount": {"value": 0}}}


async def test_the_pages_own_examples_work(there: Shop) -> None:
    create, look = re.findall(r"```graphql\n(.+?)\n```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)
    made = await there.ask(create.replace("https://wms.example/erp", there.receiver.url))
    assert made["webhookCreate"]["userErrors"] == []
    assert (await there.ask(look))["webhooks"]["nodes"][0]["status"] == "ACTIVE"


async def test_a_webhook_that_is_ended_is_shown_once_more(there: Shop) -> None:
    made = await there.hook("ended")
    there.receiver.status = lambda _: 500
    await there.make("ENDED", "ended")
    async with there.working():
        await there.waits(made["webhook"]["id"], [("WAITING", 1)])
    delete = """mutation ($input: WebhookDeleteInput!) { webhookDelete(input: $input) { webhook {
        id name url roles status batch version deliveredUpTo publicKey deliveries { nodes { id } } } userErrors { code path } } }"""
    [conflict] = (await there.ask(delete, input={"webhook": made["webhook"]["id"], "expectedVersion": 9}))[
        "webhookDelete"
    ]["userErrors"]
    assert conflict == {"code": "VERSION_CONFLICT", "path": ["input", "expectedVersion"]}
    given = {"webhook": made["webhook"]["id"], "expectedVersion": 1, "idempotencyKey": "ends"}
    found = (await there.ask(delete, input=given))["webhookDelete"]
    assert found["userErrors"] == []
    shown = found["webhook"]
    assert (shown["id"], shown["name"], shown["status"]) == (made["webhook"]["id"], "ended", "ACTIVE")
    assert (shown["publicKey"], shown["roles"]) == (made["webhook"]["publicKey"], ["viewer"])
    assert shown["deliveries"]["nodes"] == []
    assert (await there.ask(delete, input=given))["webhookDelete"] == found
    assert await there.told(made["webhook"]["id"]) is None
