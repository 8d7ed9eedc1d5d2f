"""The feed as queries: places, batches, what may be seen, what a batch costs."""

from base64 import urlsafe_b64decode
from typing import Any
from uuid import UUID

import pytest

from app.context import Principal, RequestContext
from core import ids
from core.changes import Cursor, read_cursor
from core.ids import new_id
from core.permissions import EVERYTHING, ROLES
from db.runtime.engine import administration
from tests.support.buyer import Buyer
from tests.support.clerk import Clerk
from tests.support.copies import Copy, full
from tests.support.desk import Desk
from tests.support.graph import executed, schema

CHANGES = """query ($after: String, $kinds: [ChangeKind!], $first: Int! = 250) {
    changes(after: $after, kinds: $kinds, first: $first) { cursor hasMore reload changes { kind id gone } } }"""
EVENTS = """query ($after: String, $where: EventFeedWhere, $first: Int! = 100) {
    eventFeed(after: $after, where: $where, first: $first) { cursor hasMore
        events { type version subjectId subject { id __typename } } } }"""


class Reader:
    """Reads the feed of a company as somebody who may do so much."""

    def __init__(self, clerk: Clerk, permissions: frozenset[str] = EVERYTHING, partner: UUID | None = None) -> None:
        self.clerk, self.permissions, self.partner = clerk, permissions, partner
        self.ran = 0

    async def __call__(self, query: str, **variables: Any) -> Any:
        graph, database = schema(), self.clerk.database
        reader = database.reader(self.clerk.tenant, self.partner)
        principal = Principal(self.clerk.tenant, "reader", self.permissions, self.partner)
        context = RequestContext(principal, reader, graph.nodes, database=database)
        try:
            result = await executed(graph, query, context, variables)
        finally:
            await context.reader.close()
        self.ran = len(context.reader.ran)
        return result

    async def changes(self, **variables: Any) -> Any:
        result = await self(CHANGES, **variables)
        assert not result.errors, result.errors
        return result.data["changes"]

    async def events(self, **variables: Any) -> Any:
        result = await self(EVENTS, **variables)
        assert not result.errors, result.errors
        return result.data["eventFeed"]

    async def refused(self, query: str, **variables: Any) -> tuple[str, tuple[str | int, ...]]:
        [error] = (await self(query, **variables)).errors
        return error.original_error.code, error.original_error.path


def kinds(batch: Any) -> list[str]:
    return [change["kind"] for change in batch["changes"]]


@pytest.fixture
async def clerk(desk: Desk) -> Clerk:
    clerk = await desk.open()
    await clerk.product({"SHELF": "1"})  # which makes the place that found goods come from
    return clerk


async def ordered(clerk: Clerk, *lines: str, **more: Any) -> Any:
    products = [await clerk.product({"SHELF": "9"}) for _ in lines]
    given = [
        {"product": {"id": each["id"]}, "quantity": quantity} for each, quantity in zip(products, lines, strict=True)
    ]
    return await clerk.do("orderCreate", {"customer": {"code": clerk.customer}, "lineItems": given} | more)


# ---------------------------------------------------------------- places


async def test_a_company_without_a_log_gets_a_place_to_begin_from(desk: Desk) -> None:
    clerk = await desk.bare()
    read = Reader(clerk)
    first = await read.changes()
    assert first == {"cursor": first["cursor"], "hasMore": False, "reload": [], "changes": []}
    assert await read.changes(after=first["cursor"]) == first
    await clerk.do("partnerUpsert", {"code": "NEW", "name": "New"})
    then = await read.changes(after=first["cursor"])
    assert kinds(then) == ["PARTNER"]
    assert then["cursor"] != first["cursor"]
    assert kinds(await read.changes(after=then["cursor"])) == []


async def test_a_place_of_an_answer_is_one_for_every_feed(clerk: Clerk) -> None:
    graph, reader = schema(), clerk.database.reader(clerk.tenant)
    context = RequestContext(Principal(clerk.tenant, "c"), reader, graph.nodes, database=clerk.database)
    make = 'mutation { partnerUpsert(input: {code: "M", name: "M"}) { partner { id } } }'
    await executed(graph, make, context)
    await context.reader.close()
    assert context.commit is not None
    place = str(Cursor(context.commit))
    await ordered(clerk, "1")
    read = Reader(clerk)
    assert kinds(await read.changes(after=place, kinds=["ORDER"])) == ["ORDER"]
    types = [each["type"] for each in (await read.events(after=place))["events"]]
    assert types == ["product.created", "stock.adjusted", "order.created"]


async def test_a_retry_is_told_the_place_of_the_first_answer(clerk: Clerk) -> None:
    graph, found = schema(), []
    make = 'mutation { partnerUpsert(input: {code: "R", name: "R", idempotencyKey: "k"}) { partner { id } } }'
    for _ in range(2):
        reader = clerk.database.reader(clerk.tenant)
        context = RequestContext(Principal(clerk.tenant, "c"), reader, graph.nodes, database=clerk.database)
        await executed(graph, make, context)
        await context.reader.close()
        found.append(context.commit)
    assert found[0] is not None
    assert found[0] == found[1]


async def test_what_changes_nothing_has_no_place(clerk: Clerk) -> None:
    read = Reader(clerk)
    cursor = (await read.changes())["cursor"]
    assert await clerk.refused("orderConfirm", {"order": {"id": f"ord_{new_id().hex}"}}) == [("NOT_FOUND", "order")]
    await clerk.do("partnerUpsert", {"code": clerk.customer, "name": "Ida's Kiosk"})  # as it was
    assert (await read.changes(after=cursor))["cursor"] == cursor


@pytest.mark.parametrize("cursor", ["", "x", "A" * 35, "=" * 35, "é" * 35, "A" * 5_000, "0" * 34])
async def test_what_is_no_place_is_refused(clerk: Clerk, cursor: str) -> None:
    code = "RESYNC_REQUIRED" if cursor == "A" * 35 else "BAD_USER_INPUT"  # of a commit that never was
    for query in (CHANGES, EVENTS):
        assert (await Reader(clerk).refused(query, after=cursor))[0] == code


async def test_a_place_that_somebody_made_up_within_a_commit(clerk: Clerk) -> None:
    """Behind entries that the commit hasn't: nothing is behind them. Behind more than any commit could have: no place."""
    read = Reader(clerk)
    await clerk.product()
    for query in (CHANGES, EVENTS):
        cursor = read_cursor((await (read.changes() if query == CHANGES else read.events()))["cursor"], None)
        await clerk.product()
        ask = read.changes if query == CHANGES else read.events
        found = await ask(after=str(cursor))
        told = found["changes"] if query == CHANGES else found["events"]
        assert len(told) == 1
        for offset in (999, 2**31 - 1):
            forged = await ask(after=str(cursor._replace(offset=offset)))
            assert (forged["changes"] if query == CHANGES else forged["events"]) == told
        for offset in (2**31, 2**32 - 1):
            forged_ = str(cursor._replace(offset=offset))
            assert (await read.refused(query, after=forged_))[0] == "BAD_USER_INPUT"


async def test_a_place_belongs_to_its_field_and_conditions(clerk: Clerk) -> None:
    read = Reader(clerk)
    of_all, of_some = (await read.changes())["cursor"], (await read.changes(kinds=["ORDER", "PRODUCT"]))["cursor"]
    assert await read.changes(after=of_some, kinds=["PRODUCT", "ORDER"])
    for query, given in (
        (CHANGES, {"after": of_all, "kinds": ["ORDER"]}),
        (CHANGES, {"after": of_some}),
        (EVENTS, {"after": of_all}),
        (EVENTS, {"after": (await read.events())["cursor"], "where": {"types": ["order.*"]}}),
    ):
        assert await read.refused(query, **given) == ("BAD_USER_INPUT", ("after",))


async def test_a_place_that_is_gone_needs_a_new_beginning(desk: Desk, clerk: Clerk) -> None:
    """Older than the log is kept, of a state before a restore, of another tenant or of another database: all the same."""
    read = Reader(clerk)
    await clerk.product()
    cursor = (await read.changes())["cursor"]
    assert await Reader(await desk.open()).refused(CHANGES, after=cursor) == ("RESYNC_REQUIRED", ())
    await clerk.product()
    async with administration(desk.target, clerk.tenant) as owner:
        await owner.execute(
            "DELETE FROM commits WHERE tenant_id = $1 AND seq < (SELECT max(seq) FROM commits WHERE tenant_id = $1)",
            clerk.tenant,
        )
    assert await read.refused(CHANGES, after=cursor) == ("RESYNC_REQUIRED", ())


# ---------------------------------------------------------------- batches


async def test_an_order_touches_itself_and_the_stock_that_it_takes(clerk: Clerk) -> None:
    order = await ordered(clerk, "1", "2")
    read = Reader(clerk)
    cursor = (await read.changes())["cursor"]
    await clerk.do("orderConfirm", {"order": {"id": order["id"]}})
    batch = await read.changes(after=cursor)
    assert sorted(kinds(batch)) == ["ORDER", "STOCK_LEVEL", "STOCK_LEVEL"]
    assert {each["gone"] for each in batch["changes"]} == {False}


async def test_a_record_that_changed_often_is_told_once(clerk: Clerk) -> None:
    read = Reader(clerk)
    cursor = (await read.changes())["cursor"]
    for name in "abc":
        await clerk.do("productUpsert", {"sku": "OFTEN", "name": name})
    batch = await read.changes(after=cursor)
    assert kinds(batch) == ["PRODUCT"]
    assert [each["version"] for each in (await read.events(after=str(_place(cursor))))["events"]] == [1, 2, 3]


def _place(cursor: str) -> Cursor:
    """The same place, for any feed."""
    return Cursor(UUID(bytes=urlsafe_b64decode(cursor + "=")[:16]))


async def test_commits_are_cut_only_where_one_is_larger_than_a_batch(clerk: Clerk) -> None:
    read = Reader(clerk)
    start = (await read.changes())["cursor"]
    await clerk.do("productUpsert", {"sku": "BEFORE", "name": "x"})
    products = [await clerk.product() for _ in range(7)]
    lines = [{"product": {"id": each["id"]}, "location": clerk.places["SHELF"], "delta": "1"} for each in products]
    await clerk.do("stockAdjust", {"lines": lines, "reason": "found"})
    await clerk.do("productUpsert", {"sku": "BEHIND", "name": "x"})
    sizes, seen, cursor, more = [], [], start, True
    while more:
        batch = await read.changes(after=cursor, first=3, kinds=None)
        sizes.append(len(batch["changes"]))
        seen += [change["id"] for change in batch["changes"]]
        cursor, more = batch["cursor"], batch["hasMore"]
    # Eight products one by one, the seven levels of one commit cut, and the last.
    assert sizes == [3, 3, 2, 3, 3, 2]
    assert len(set(seen)) == len(seen) == 16
    events, cursor, more = [], str(_place(start)), True
    while more:
        batch = await read.events(after=cursor, first=3)
        assert 0 < len(batch["events"]) <= 3
        events += [each["type"] for each in batch["events"]]
        cursor, more = batch["cursor"], batch["hasMore"]
    assert events == ["product.created"] * 8 + ["stock.adjusted"] * 7 + ["product.created"]


async def test_events_are_chosen_by_type_and_subject(clerk: Clerk) -> None:
    read = Reader(clerk)
    start = str(_place((await read.changes())["cursor"]))
    order = await ordered(clerk, "1")
    other = await ordered(clerk, "1")
    for each in (order, other):
        await clerk.do("orderConfirm", {"order": {"id": each["id"]}})

    async def told(**where: Any) -> list[tuple[str, str]]:
        batch = await read.events(after=start, where=where)
        return [(each["type"], each["subjectId"]) for each in batch["events"]]

    assert await told(types=["order.*"]) == [
        ("order.created", order["id"]),
        ("order.created", other["id"]),
        ("order.confirmed", order["id"]),
        ("order.confirmed", other["id"]),
    ]
    assert await told(types=["order.confirmed"], subjects=[other["id"]]) == [("order.confirmed", other["id"])]
    assert [type_ for type_, _ in await told(types=["stock.*", "order.shipped"])] == ["stock.adjusted"] * 2
    assert await told(types=[]) == []
    assert await told(subjects=[]) == []


async def test_an_event_leads_to_what_it_is_about(clerk: Clerk) -> None:
    read = Reader(clerk)
    start = str(_place((await read.changes())["cursor"]))
    order = await ordered(clerk, "1")
    batch = await read.events(after=start)
    assert [each["subject"]["__typename"] for each in batch["events"]] == ["Product", "Product", "Order"]
    assert all(each["subject"]["id"] == each["subjectId"] for each in batch["events"])
    assert batch["events"][2]["subjectId"] == order["id"]
    # What may not be read has an error, and its neighbours stand.
    result = await Reader(clerk, EVERYTHING - {"catalog:read"})(EVENTS, after=start)
    assert [error.original_error.code for error in result.errors] == ["FORBIDDEN"] * 2
    assert [each["subject"] and each["subject"]["__typename"] for each in result.data["eventFeed"]["events"]] == [
        *(None, None, "Order")
    ]


VALUES = """query ($after: String) { eventFeed(after: $after) { events { type before after } } }"""


async def test_an_event_has_no_values_of_what_may_not_be_read(clerk: Clerk) -> None:
    """What a shop pays stands in the events of what it buys; a viewer reads events."""
    buyer = Buyer(clerk)
    await buyer.supplier()
    product = await clerk.product()
    start = str(_place((await Reader(clerk).changes())["cursor"]))
    await buyer.supplies(product, price={"amount": "2.5", "currency": "EUR"})
    await buyer.order((product, "10"))
    await clerk.do("productUpsert", {"sku": product["sku"], "name": "Renamed"})

    async def told(permissions: frozenset[str]) -> dict[str, bool]:
        result = await Reader(clerk, permissions)(VALUES, after=start)
        assert not result.errors, result.errors
        events = result.data["eventFeed"]["events"]
        assert all(each["before"] is None for each in events if each["after"] is None)
        return {each["type"]: each["after"] is not None for each in events}

    everything = {"product_supplier.created": True, "purchase_order.created": True, "product.updated": True}
    assert await told(EVERYTHING) == everything
    hidden = {"product_supplier.created": False, "purchase_order.created": False}
    assert await told(EVERYTHING - {"purchasing:read"}) == everything | hidden
    assert await told(frozenset({"events:read"})) == dict.fromkeys(everything, False)


@pytest.mark.parametrize(
    "query,given,path",
    [
        (CHANGES, {"first": 0}, ("first",)),
        (CHANGES, {"first": 501}, ("first",)),
        (EVENTS, {"first": -1}, ("first",)),
        (EVENTS, {"where": {"types": ["order"]}}, ("where", "types", 0)),
        (EVENTS, {"where": {"types": ["order.*", "ORDER.confirmed"]}}, ("where", "types", 1)),
        (EVENTS, {"where": {"types": ["a.b"] * 51}}, ("where", "types")),
        (EVENTS, {"where": {"subjects": ["ord_1"]}}, ("where", "subjects", 0)),
        (EVENTS, {"where": {"subjects": [f"ord_{'0' * 32}"] * 101}}, ("where", "subjects")),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(clerk: Clerk, query: str, given: Any, path: Any) -> None:
    assert await Reader(clerk).refused(query, **given) == ("BAD_USER_INPUT", path)


async def test_statements_do_not_depend_on_the_rows(clerk: Clerk) -> None:
    read, counts = Reader(clerk), []
    start = (await read.changes())["cursor"]
    for number in (1, 8):
        for _ in range(number):
            await clerk.product()
        await read.changes(after=start)
        counts.append(read.ran)
        await read.events(after=str(_place(start)))
        counts.append(read.ran)
    # The newest, the place, the batch, and what is there of products; the newest, the place, the batch, events, products.
    assert counts == [4, 5, 4, 5]


# ---------------------------------------------------------------- who sees what


async def test_only_kinds_that_may_be_read_are_told(clerk: Clerk) -> None:
    start = (await Reader(clerk).changes())["cursor"]
    await ordered(clerk, "1")
    read = Reader(clerk, frozenset({"catalog:read"}))
    assert set(kinds(await read.changes(after=start))) == {"PRODUCT"}
    assert await read.refused(CHANGES, kinds=["PRODUCT", "ORDER"]) == ("FORBIDDEN", ())
    assert await read.refused(EVENTS) == ("FORBIDDEN", ())
    assert kinds(await Reader(clerk, frozenset()).changes(after=start)) == []


async def test_a_partner_hears_of_its_own_orders_only(clerk: Clerk) -> None:
    partner = await clerk.do("partnerUpsert", {"code": "P2", "name": "Other"})
    start = (await Reader(clerk).changes())["cursor"]
    await ordered(clerk, "1")
    mine = await ordered(clerk, "1", customer={"code": "P2"})
    await clerk.do("partnerUpsert", {"code": clerk.customer, "name": "Renamed"})
    read = Reader(clerk, ROLES["partner"], ids.decode("par", partner["id"]))
    batch = await read.changes(after=start)
    assert [each for each in batch["changes"] if each["kind"] != "PRODUCT"] == [
        {"kind": "ORDER", "id": mine["id"], "gone": False}
    ]
    assert await read.refused(EVENTS) == ("FORBIDDEN", ())


async def test_tenants_hear_nothing_of_each_other(desk: Desk, clerk: Clerk) -> None:
    rival = await desk.open()
    read = Reader(rival)
    start = (await read.changes())["cursor"]
    await ordered(clerk, "1")
    assert await read.changes(after=start) == {"cursor": start, "hasMore": False, "reload": [], "changes": []}


# ---------------------------------------------------------------- a copy


async def test_a_copy_that_began_while_others_wrote_is_whole(clerk: Clerk) -> None:
    order = await ordered(clerk, "2")
    copy = Copy(clerk)
    await copy.begin()
    await clerk.do("orderConfirm", {"order": {"id": order["id"]}})
    await clerk.do("orderCancel", {"order": {"id": order["id"]}})
    await ordered(clerk, "1", "1")
    await copy.follow(2)
    assert copy.rows == await full(clerk)
