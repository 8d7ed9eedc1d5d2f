"""Attack 10: a command that was carried out never says "try again", whatever is taken away before its answer.

For every mutation of the schema, with the input that it asks for; one that this isn't enough for fails until INPUTS has more.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import httpx
import pytest
from structlog.testing import capture_logs

from db.runtime.engine import Database, Target
from db.runtime.writer import Writer
from services.platform import keys, tenants
from tests.security import stage
from tests.security.walk import MUTATION, is_node, required, select
from tests.support import hooks
from tests.support.http import app_of, command, eventually
from tests.support.postgres import TestServer

Hook = Callable[[Any], Awaitable[None]]


class Firm(NamedTuple):
    target: Target
    database: Database
    admin: Any
    tenant: UUID
    client: httpx.AsyncClient
    own: dict[str, list[str]]


@pytest.fixture(scope="module")
async def firm(server: TestServer) -> AsyncIterator[Firm]:
    """A company with rows of every kind, on one connection for reading and one for writing."""
    async with server.fresh() as target:
        database = Database(target, size=1, acquire_timeout=0.3)
        await database.open()
        admin = await asyncpg.connect(target.admin)
        tenant = await tenants.create(target, "acme", "EUR")
        async with stage.client_of(database, await keys.create(target, tenant, "clerk")) as client:
            await stage.furnish(client, stage.OWN, "50")
            yield Firm(target, database, admin, tenant, client, await stage.rows_of(admin, tenant))
        await admin.close()
        await database.close()


async def order(firm: Firm, *actions: str) -> dict[str, Any]:
    """A new order to which this was done."""
    await _places(firm)
    given = {
        "customer": {"id": firm.own["par"][0]},
        "lineItems": [{"product": {"id": firm.own["prod"][0]}, "quantity": "1"}],
    }
    shows = "order { id lineItems(first: 9) { nodes { id } } }"
    made = (await command(firm.client, "orderCreate", given, shows))["order"]
    for action in actions:
        await command(firm.client, action, {"order": {"id": made["id"]}}, "order { id }")
    return {"order": {"id": made["id"]}, "line": made["lineItems"]["nodes"][0]["id"]}


async def _at(firm: Firm, *actions: str) -> dict[str, Any]:
    return {"order": (await order(firm, *actions))["order"]}


async def _returned(firm: Firm) -> dict[str, Any]:
    made = await order(firm, "orderConfirm", "orderShip")
    return {
        "order": made["order"],
        "lineItems": [{"lineItem": made["line"], "quantity": "1", "disposition": "RESTOCK"}],
    }


async def _shipped(firm: Firm) -> dict[str, Any]:
    await order(firm, "orderConfirm", "orderShip")
    newest = await firm.admin.fetchval("SELECT id FROM shipments ORDER BY id DESC LIMIT 1")
    return {"shipment": f"shp_{newest.hex}"}


async def _places(firm: Firm) -> list[str]:
    """The shelves, with something on the first."""
    rows = await firm.admin.fetch("SELECT id FROM locations WHERE kind = 'INTERNAL' ORDER BY id")
    places = [f"loc_{row['id'].hex}" for row in rows]
    line = {"product": {"id": firm.own["prod"][0]}, "location": places[0], "delta": "3"}
    await command(firm.client, "stockAdjust", {"lines": [line], "reason": "found"}, "moves { id }")
    return places


async def _moved(firm: Firm) -> dict[str, Any]:
    source, destination, *_ = await _places(firm)
    line = {"product": {"id": firm.own["prod"][0]}, "quantity": "1"}
    return {"lines": [line], "source": source, "destination": destination}


async def _counted(firm: Firm) -> dict[str, Any]:
    places = await _places(firm)
    counted = await firm.admin.fetchval("SELECT sum(on_hand) + 1 FROM stock_levels")
    line = {"product": {"id": firm.own["prod"][0]}, "location": places[0], "onHand": str(counted)}
    return {"lines": [line], "reason": "counted"}


async def _coded(firm: Firm, **more: Any) -> dict[str, Any]:
    rows = await firm.admin.fetchval("SELECT (SELECT count(*) FROM warehouses) + (SELECT count(*) FROM locations)")
    return {"code": f"new {rows}", "name": "new", **more}


async def _renamed(firm: Firm) -> dict[str, Any]:
    return {"id": firm.own["par"][0], "key": f"new {await firm.admin.fetchval('SELECT count(*) FROM key_aliases')}"}


async def _just(**given: Any) -> dict[str, Any]:
    return given


async def _bought(firm: Firm, *actions: str) -> dict[str, Any]:
    """A new purchase order to which this was done."""
    given = await _to_buy(firm)
    made: dict[str, Any] = await command(firm.client, "purchaseOrderCreate", given, "purchaseOrder { id }")
    for action in actions:
        await command(firm.client, action, made, "purchaseOrder { id }")
    return made


async def _to_buy(firm: Firm) -> dict[str, Any]:
    place, *_ = await _places(firm)
    line = {"product": {"id": firm.own["prod"][0]}, "quantity": "1", "unitPrice": "1"}
    return {"supplier": {"id": firm.own["par"][0]}, "location": place, "lines": [line]}


async def _offered(firm: Firm) -> dict[str, Any]:
    terms = {"product": {"id": firm.own["prod"][0]}, "supplier": {"id": firm.own["par"][0]}}
    return terms | {"leadDays": await firm.admin.fetchval("SELECT count(*) % 1000 FROM events")}


async def _tolerated(firm: Firm) -> dict[str, Any]:
    return {"overReceiptPercent": str(await firm.admin.fetchval("SELECT count(*) % 1000 FROM events"))}


async def _wanted(firm: Firm) -> dict[str, Any]:
    """A rule of more than is there, and than any before."""
    place, *_ = await _places(firm)
    many = str(100_000 + await firm.admin.fetchval("SELECT count(*) FROM events"))
    where = {"product": {"id": firm.own["prod"][0]}, "warehouse": firm.own["wh"][0], "location": place}
    return where | {"point": many, "target": many}


async def _ordered_again(firm: Firm) -> dict[str, Any]:
    await command(firm.client, "reorderRuleUpsert", await _wanted(firm), "reorderRule { id }")
    return {}


async def _came(firm: Firm) -> dict[str, Any]:
    given = await _to_buy(firm) | {"confirm": True}
    shows = "purchaseOrder { id lines { nodes { id } } }"
    made = (await command(firm.client, "purchaseOrderCreate", given, shows))["purchaseOrder"]
    return {"purchaseOrder": {"id": made["id"]}, "lines": [{"line": made["lines"]["nodes"][0]["id"], "quantity": "1"}]}


async def _went(firm: Firm) -> dict[str, Any]:
    given = await _came(firm)
    await command(firm.client, "purchaseOrderReceive", given, "receipt { id }")
    place, *_ = await _places(firm)
    return given | {"lines": [line | {"location": place} for line in given["lines"]]}


async def _new(firm: Firm, table: str, **more: Any) -> dict[str, Any]:
    return {"code": f"new {await firm.admin.fetchval(f'SELECT count(*) FROM {table}')}", "name": "new"} | more


async def _priced(firm: Firm) -> dict[str, Any]:
    amount = str(await firm.admin.fetchval("SELECT count(*) + 1 FROM events"))
    line = {"product": {"id": firm.own["prod"][0]}, "amount": amount}
    return {"priceList": {"id": firm.own["prl"][0]}, "lines": [line]}


INPUTS: dict[str, Callable[[Firm], Awaitable[dict[str, Any]]]] = {
    "warehouseCreate": _coded,
    "warehouseUpdate": lambda firm: _just(warehouse=firm.own["wh"][0], name="new"),
    "rename": _renamed,
    "archive": lambda firm: _just(id=firm.own["par"][0], archived=False),
    "locationCreate": lambda firm: _coded(firm, warehouse=firm.own["wh"][0]),
    "stockSet": _counted,
    "stockTransfer": _moved,
    "orderConfirm": _at,
    "orderUpdate": _at,
    "orderShip": lambda firm: _at(firm, "orderConfirm"),
    "orderCancel": lambda firm: _at(firm, "orderConfirm"),
    "orderReserve": lambda firm: _at(firm, "orderConfirm"),
    "orderReturn": _returned,
    "shipmentCancel": _shipped,
    "productCategoryUpsert": lambda firm: _new(firm, "product_categories"),
    "priceListUpsert": lambda firm: _new(firm, "price_lists"),
    "pricesSet": _priced,
    "taxUpsert": lambda firm: _new(firm, "taxes", rate="7"),
    "taxGroupUpsert": lambda firm: _new(firm, "tax_groups", substitutions=[{"to": {"id": firm.own["tax"][0]}}]),
    "productSupplierUpsert": _offered,
    "purchaseSettingsUpdate": _tolerated,
    "reorderRuleUpsert": _wanted,
    "replenish": _ordered_again,
    "purchaseOrderCreate": _to_buy,
    "purchaseOrderUpdate": _bought,
    "purchaseOrderConfirm": _bought,
    "purchaseOrderReceive": _came,
    "purchaseOrderReturn": _went,
    "purchaseOrderCancel": lambda firm: _bought(firm, "purchaseOrderConfirm"),
    "webhookCreate": hooks.new,
    "webhookDelete": hooks.made,
    "webhookReplay": hooks.replayed,
}
"""What a mutation is given where the least that the schema asks for is refused."""


EVERY = pytest.mark.parametrize("field", [each for each in MUTATION.fields if each != "webhookTest"])  # stores nothing


async def sent(firm: Firm, field: str, between: Hook, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    """The answer to this mutation, with all of its payload; ``between`` its commit and that is this done."""
    argument: Any = MUTATION.fields[field].args["input"].type
    if field in INPUTS:
        literal, variables = "$i", {"i": await INPUTS[field](firm)}
        head = f"mutation ($i: {argument})"
    else:
        literal, variables, head = "{" + ", ".join(required(argument.of_type, firm.own)) + "}", {}, "mutation"
    await firm.client.post("/graphql", json={"query": "{ viewer { principal } }"})  # it is known for a while who asks
    commit = Writer.commit

    async def hooked(self: Writer, then: str = "") -> None:
        await commit(self, then)
        if then:
            await between(self._connection)

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "commit", hooked)
        document = f"{head} {{ {field}(input: {literal}) {select(MUTATION.fields[field].type, 2)} }}"
        return await firm.client.post("/graphql", json={"query": document, "variables": variables})


async def killed(firm: Firm, connection: Any) -> None:
    """PostgreSQL ends this session."""
    session = connection._con  # the pool's own: what it lent can't be asked once that has ended
    await firm.admin.execute("SELECT pg_terminate_backend($1)", session.get_server_pid())
    await eventually(session.is_closed)


@EVERY
async def test_attack_10_a_command_is_told_of_without_the_reading_side(
    firm: Firm, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []

    async def taken(_connection: Any) -> None:
        held.append(await firm.database._reading.pool.acquire())

    try:
        answer = await sent(firm, field, taken, monkeypatch)
    finally:
        for connection in held:
            await firm.database._reading.pool.release(connection)
    body = answer.json()
    assert held, body
    assert (answer.status_code, body.get("errors")) == (200, None), body
    payload = body["data"][field]
    assert [value for name, value in payload.items() if name.endswith("userErrors")] == [[]], payload
    empty = {name for name, value in payload.items() if value is None}
    assert empty <= {"orderPayload_shipment"}, empty  # only a command that ships has one


@EVERY
async def test_attack_10_what_cant_be_read_is_told_by_its_ids(
    firm: Firm, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await sent(firm, field, lambda connection: killed(firm, connection), monkeypatch)
    body = answer.json()
    assert (answer.status_code, answer.headers.get("retry-after")) == (200, None)
    if field == "webhookDelete" and "errors" not in body:
        return  # what was there is shown without reading
    assert body["errors"], body
    assert {error["extensions"]["code"] for error in body["errors"]} == {"DONE_NOT_READ"}
    assert not any("ry again" in error["message"] for error in body["errors"])
    payload = body["data"][field]
    assert [value for name, value in payload.items() if name.endswith("userErrors")] == [[]]
    fields = MUTATION.fields[field].type.fields
    shown = {name for name in fields if is_node(fields[name].type)}
    told = body["errors"][0]["extensions"]["ids"]
    assert told.keys() >= shown - {"shipment"}  # only a command that ships has one
    assert told.keys() <= shown
    ids = [each for given in told.values() for each in (given if isinstance(given, list) else [given])]
    found = await firm.client.post("/graphql", json={"query": f"{{ nodes(ids: {ids}) {{ id }} }}".replace("'", '"')})
    assert found.json()["data"]["nodes"] == [{"id": each} for each in ids]


TWO = """mutation {
    done: partnerUpsert(input: {code: "two", name: "two", kinds: [CUSTOMER]}) { partner { name } userErrors { code } }
    other: partnerUpsert(input: {code: "three", name: "three", kinds: [CUSTOMER]}) { partner { name } userErrors { code } }
}"""


async def test_attack_10_the_first_of_two_was_carried_out_and_the_second_wasnt(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the answer as a whole isn't one to be asked for again."""
    begin, commit = Writer.begin, Writer.commit
    done: list[Any] = []

    async def committed(self: Writer, then: str = "") -> None:
        await commit(self, then)
        if then:
            done.append(self._connection)
            await killed(firm, self._connection)

    async def begun(self: Writer, **given: Any) -> None:
        if done:
            raise ConnectionResetError
        await begin(self, **given)

    monkeypatch.setattr(Writer, "commit", committed)
    monkeypatch.setattr(Writer, "begin", begun)
    answer = await firm.client.post("/graphql", json={"query": TWO})
    monkeypatch.undo()
    codes = [(error["path"][0], error["extensions"]["code"]) for error in answer.json()["errors"]]
    assert codes == [("done", "DONE_NOT_READ"), ("other", "UNAVAILABLE")]
    assert (answer.status_code, answer.headers.get("retry-after")) == (200, None)
    codes = await firm.admin.fetch("SELECT code FROM partners WHERE code IN ('two', 'three')")
    assert [row["code"] for row in codes] == ["two"]


async def test_attack_10_a_fault_in_a_payload_is_no_fault_of_the_command(
    firm: Firm, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = app_of(firm.client).state.graph
    field = graph._schema.type_map["Partner"].fields["name"].extensions["strawberry-definition"]

    def broken(_batch: object) -> Any:
        raise RuntimeError

    monkeypatch.setattr(field, "resolve_batch", broken)
    with capture_logs() as logs:
        answer = await firm.client.post("/graphql", json={"query": TWO})
    errors = answer.json()["errors"]
    assert [error["extensions"]["code"] for error in errors] == ["DONE_NOT_READ"] * 2
    # A line about the connections that the tests before cut may come a second later, and belongs to no request.
    told = {log["request_id"] for log in logs if log["event"] == "fault"}
    assert told == {error["extensions"]["requestId"] for error in errors}
    assert answer.json()["data"] == {name: {"partner": None, "userErrors": []} for name in ("done", "other")}


async def test_each_of_several_mutations_shows_its_own_moment(firm: Firm) -> None:
    names = [f"name {number}" for number in range(3)]
    fields = " ".join(
        f'{name.replace(" ", "_")}: partnerUpsert(input: {{code: "moment", name: "{name}", kinds: [CUSTOMER]}})'
        " { partner { name version } }"
        for name in names
    )
    answer = await firm.client.post("/graphql", json={"query": f"mutation {{ {fields} }}"})
    told = [each["partner"] for each in answer.json()["data"].values()]
    assert told == [{"name": name, "version": number} for number, name in enumerate(names, start=1)]


async def test_a_retry_is_told_of_on_its_own_connection_too(firm: Firm) -> None:
    document = 'mutation { partnerUpsert(input: {code: "again", name: "again", kinds: [CUSTOMER], idempotencyKey: "again"}) { partner { id } } }'
    first = await firm.client.post("/graphql", json={"query": document})
    async with firm.database._reading.pool.acquire():
        second = await firm.client.post("/graphql", json={"query": document})
    assert first.json()["data"] == second.json()["data"]
    assert first.json()["data"]["partnerUpsert"]["partner"]


async def test_the_payload_is_read_under_the_readers_role_and_plans(firm: Firm) -> None:
    """In a snapshot, and as the serving role; nothing of it stays on the writers' connection."""
    reader = firm.database.reader(firm.tenant)
    async with firm.database.transaction(firm.tenant, payload=reader) as writer:
        [[pid]] = await writer.rows("SELECT pg_backend_pid() WHERE $1::uuid IS NOT NULL")
    seen = """SELECT pg_backend_pid() AS pid, current_setting('transaction_isolation') AS isolation, current_user AS role,
        current_setting('transaction_read_only') AS read_only, current_setting('plan_cache_mode') AS planning"""
    [row] = await reader.fetch(seen)
    planning = "auto" if firm.database._reading.version >= 17 else "force_custom_plan"
    assert tuple(row) == (pid, "repeatable read", "erpgraph_app", "on", planning)
    assert firm.database._writing.get_idle_size() == 0
    await reader.close()
    await eventually(lambda: firm.database._writing.get_idle_size() == 1)
    async with firm.database._writing.acquire() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
    async with firm.database.transaction(firm.tenant) as writer:
        [[again]] = await writer.rows("SELECT pg_backend_pid() WHERE $1::uuid IS NOT NULL")
    assert again == pid


@pytest.mark.parametrize("payload", [False, True])
async def test_a_transaction_that_failed_is_not_taken_for_committed(firm: Firm, *, payload: bool) -> None:
    """Whoever swallows the error of a statement: PostgreSQL answers ROLLBACK to that COMMIT, and no error."""
    reader = firm.database.reader(firm.tenant) if payload else None
    with pytest.raises(asyncpg.InFailedSQLTransactionError):
        async with firm.database.transaction(firm.tenant, payload=reader) as writer:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await writer.rows("SELECT 1 / 0 WHERE $1::uuid IS NOT NULL")
    assert firm.database._writing.get_idle_size() == 1
