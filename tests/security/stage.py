"""A stage for attacks: a victim whose every word is its own, and tenants that try what is the victim's.

All are opened by the same mutations over HTTP, so that each table has rows of each. The victim's texts have the
word ``THEIRS``, or ``HIDDEN``: no attack gives the latter, so no answer may have it.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.asgi import create_app
from app.registry import Graph, build
from app.settings import load
from app.webhooks.turn import Sending
from core import ids
from core.changes import Cursor
from core.webhooks import message_id
from db.models import metadata
from db.runtime.engine import Database, Target
from services.kit import numbers
from services.kit.upkeep import Site
from services.platform import keys, relaying, tenants
from services.sales import rollups
from services.webhooks import storing, turns
from services.webhooks.storing import Attempt
from services.webhooks.turns import Lease
from tests.support.graph import RECEIVING
from tests.support.http import app_of, command
from tests.support.postgres import TestServer

THEIRS, HIDDEN = "quokka", "bilby"
OWN = "wombat"
NOBODYS = "numbat"
"""In place of THEIRS in what nobody has. As long, so that nothing else is different."""

PRICE, NOBODYS_PRICE = "7777.77", "7777.78"
"""Of the victim, and of nobody. The others' are smaller."""

TEXTS = {
    **dict.fromkeys(("sku", "code", "number"), "{}-1"),
    "externalId": "{}-x",
    "barcode": "{}-b",
    "name": "{} name",
    "email": "{}@example.com",
    "description": "{} description",
    "note": "{} note",
    "reason": "{} reason",
    "reference": "{} reference",
    "search": "{}",
    "idempotencyKey": "{}-key",
    "supplierSku": "{} sku",
    "key": "{}-new",
    "lot": "{}-lot",
    **{
        name: "{} " + name
        for name in (
            "street",
            "city",
            "postcode",
            "region",
            "taxNumber",
            "carrier",
            "trackingNumber",
            "exemptionCode",
            "exemptionReason",
        )
    },
    "country": "DE",
    "url": "http://127.0.0.1:9/{}",  # where nobody listens
    "document": "subscription {} {{ eventFeed {{ events {{ type }} }} }}",
    "roles": "viewer",
}
"""What each text of a company is, by the name of its field."""

LIMITS = {
    **dict.fromkeys(("limit_tokens", "limit_fields", "limit_aliases", "limit_overlaps", "limit_characters"), 10**6),
    **dict.fromkeys(("limit_cost", "budget", "budget_rate"), 10**9),
    **RECEIVING,
}
"""The attacks ask for all that there is, and send to this machine; limits have tests of their own."""

FLEETING = {"api_keys": ("last_used_at",)}
"""Columns that change when nobody writes."""

GRAPH: Graph = build()
_NUMBERS = itertools.count(1)


def texts(word: str, *names: str) -> dict[str, str]:
    return {name: TEXTS[name].format(word) for name in names}


@dataclass(frozen=True)
class Company:
    """A tenant, a client with an admin's key of it, and ids of its rows by their prefix, oldest first."""

    tenant: UUID
    client: httpx.AsyncClient
    ids: Mapping[str, list[str]]


@dataclass(frozen=True)
class Stage:
    """``reader`` only ever reads; the twins are told the same commands, with THEIRS and NOBODYS."""

    target: Target
    database: Database
    admin: Any
    victim: Company
    reader: Company
    twins: tuple[Company, Company]

    async def digest(self) -> dict[str, tuple[int, str]]:
        """How many rows the victim has in each table, and a digest of them."""
        found = {}
        for table in metadata.sorted_tables:
            column = "id" if table.name == "tenants" else "tenant_id"
            gone = "".join(f" - '{name}'" for name in FLEETING.get(table.name, ()))
            if table.name == "budgets":  # the server's own account of what was asked
                continue
            found[table.name] = await self.admin.fetchrow(
                f"""SELECT count(*), md5(coalesce(string_agg(r, '|' ORDER BY r), ''))
                    FROM (SELECT (to_jsonb(t){gone})::text AS r FROM {table.name} t WHERE {column} = $1) s""",
                self.victim.tenant,
            )
        return {name: (count, sum_) for name, (count, sum_) in found.items()}


def client_of(database: Database, key: str) -> httpx.AsyncClient:
    """A client of an application of its own over this database."""
    transport = httpx.ASGITransport(create_app(load(**LIMITS), database), raise_app_exceptions=True)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


async def furnish(client: httpx.AsyncClient, word: str, price: str) -> None:
    """Rows of every kind, in whose texts the word is."""
    money = {"amount": price, "currency": "EUR"}
    await tax(client, word)
    kind = texts(word, "code", "name") | {"tax": {"code": f"{word}-1"}}
    await command(client, "productCategoryUpsert", kind, "category { id }")
    part = kind | {"code": f"{word}-2", "parent": {"code": kind["code"]}}
    await command(client, "productCategoryUpsert", part, "category { id }")
    product = {"category": {"code": f"{word}-1"}} | texts(word, "sku", "name", "description", "barcode", "externalId")
    own = {
        "listPrice": money,
        "units": [{"code": f"{word} box", "base": "12", "barcode": f"{word}-b"}],
        "tax": {"code": f"{word}-1"},
    }
    await command(client, "productUpsert", product | own, "product { id }")
    party = texts(word, "name", "street", "city", "postcode", "region", "country", "taxNumber")
    addresses = [{"roles": ["SHIPPING", "BILLING"], "party": party, **texts(word, "code")}]
    await command(client, "priceListUpsert", texts(word, "code", "name"), "priceList { id }")
    priced = {"product": {"sku": product["sku"]}, "amount": price, "validTo": "2026-12-31"}
    whose = {"priceList": {"code": f"{word}-1"}}
    await command(client, "pricesSet", whose | {"lines": [priced]}, "priceList { id }")
    partner = texts(word, "code", "name", "email", "externalId") | {"addresses": addresses} | whose
    both = {"kinds": ["CUSTOMER", "SUPPLIER"], "taxGroup": {"code": f"{word}-1"}}
    await command(client, "partnerUpsert", partner | both, "partner { id }")
    await command(client, "tenantUpdate", {"address": party}, "tenant { id }")
    made = await command(
        client, "warehouseCreate", texts(word, "code", "name") | {"address": party}, "warehouse { id }"
    )
    places, house = [], made["warehouse"]["id"]
    for number in (1, 2):
        given = {"warehouse": made["warehouse"]["id"], "code": f"{word}-{number}", "name": f"{word} name"}
        places.append((await command(client, "locationCreate", given, "location { id }"))["location"]["id"])
    given = {"warehouse": made["warehouse"]["id"], "code": f"{word}-3", "name": f"{word} name"}
    renamed = (await command(client, "locationCreate", given, "location { id }"))["location"]
    await command(client, "rename", renamed | {"key": f"{word}-4"}, "record { id }")
    await command(client, "allocationUpdate", {"warehouses": [made["warehouse"]["id"]]}, "allocationPolicy { id }")
    sku = {"product": {"sku": product["sku"]}}
    found = {"lines": [sku | {"location": places[0], "delta": price}], **texts(word, "reason")}
    await command(client, "stockAdjust", found, "moves { id }")
    cheese = {"sku": f"{word}-cheese", "name": f"{word} name", "tracking": "LOT"}
    await command(client, "productUpsert", cheese, "product { id }")
    came = {"product": {"sku": cheese["sku"]}, "location": places[0], "delta": "2", **texts(word, "lot")}
    came["expiresOn"] = f"2090-01-{ord(word[0]) - ord('a') + 1:02}"  # the victim's come first, as in other lists
    await command(client, "stockAdjust", {"lines": [came], **texts(word, "reason")}, "moves { id }")
    held = {"lines": [sku | {"quantity": "1"}], "seconds": 86_400, **texts(word, "reference")}
    await command(client, "stockHold", held, "hold { id }")
    await command(client, "stockHold", held | {"reference": "basket"}, "hold { id }")
    for number, actions in ((1, ()), (2, ("orderConfirm",)), (3, ("orderConfirm", "orderShip"))):
        order: dict[str, Any] = {"customer": {"code": f"{word}-1"}, **texts(word, "note")}
        order["lineItems"] = [sku | {"quantity": "1"} | texts(word, "description")]
        if number == 3:
            of_lot = {"product": came["product"], "quantity": "1", "unitPrice": price}
            order["lineItems"].append(of_lot | texts(word, "description"))
        if number == 1:
            order |= texts(word, "number", "externalId", "idempotencyKey")
        made = await command(client, "orderCreate", order, "order { id }")
        for action in actions:
            await command(client, action, {"order": made["order"]}, "order { id }")
    await buy(client, word, price, places[0], house)
    await be_told(client, word)


async def be_told(client: httpx.AsyncClient, word: str) -> None:
    """A webhook, and a delivery that wasn't taken, as a worker stores it; and how far a broker was told."""
    given = texts(word, "name", "url", "document") | {"roles": ["viewer"]}
    hook = (await command(client, "webhookCreate", given, "webhook { id }"))["webhook"]["id"]
    query = "{ viewer { tenant { id } } products(first: 1) { nodes { events(first: 1) { nodes { id } } } } }"
    found = (await client.post("/graphql", json={"query": query})).json()["data"]
    [event] = found["products"]["nodes"][0]["events"]["nodes"]
    database = app_of(client).state.posting.database
    lease = Lease(ids.parse(found["viewer"]["tenant"]["id"])[1], ids.parse(hook)[1], ids.new_id())
    assert await turns.take(database, lease)
    row = await storing.load(database, lease)
    place, told = Cursor(row["commit_id"], row["place"]), ids.parse(event["id"])[1]
    sending = Sending(ids.new_id(), [told], [told], None, message_id(lease.webhook, told, told))
    attempt = Attempt(None, f"{word} failure", None, 86_400, word.encode())
    await storing.moved(database, lease, place, place, [(sending, attempt)], 1)
    await turns.release(database, lease, 0)
    relayed = relaying.Lease(lease.tenant, f"{word}-sink", ids.new_id())
    assert await relaying.take(database, relayed)
    await relaying.release(database, relayed)


async def tax(client: httpx.AsyncClient, word: str) -> None:
    """A tax, another one that takes its place for a group of partners, and that group."""
    await command(client, "taxUpsert", texts(word, "code", "name") | {"rate": "20"}, "tax { id }")
    exempt = texts(word, "name", "exemptionCode", "exemptionReason") | {"code": f"{word}-2", "category": "E"}
    await command(client, "taxUpsert", exempt, "tax { id }")
    instead = [{"from": {"code": f"{word}-1"}, "to": {"code": f"{word}-2"}}]
    await command(client, "taxGroupUpsert", texts(word, "code", "name") | {"substitutions": instead}, "taxGroup { id }")


async def buy(client: httpx.AsyncClient, word: str, price: str, place: str, house: str) -> None:
    """A supplier's terms, a reorder rule, a draft, and a purchase order of which some came and went back."""
    money = {"amount": price, "currency": "EUR"}
    sku, whom = {"product": {"sku": f"{word}-1"}}, {"supplier": {"code": f"{word}-1"}}
    terms = sku | whom | {"price": money, "supplierSku": f"{word} sku"}
    await command(client, "productSupplierUpsert", terms, "productSupplier { id }")
    await command(client, "purchaseSettingsUpdate", {"priceToleranceAmount": price}, "settings { version }")
    # More than there is: it is reached by what is proposed for it.
    rule = sku | whom | {"warehouse": house, "location": place, "point": "1000000", "target": "1000001"}
    await command(client, "reorderRuleUpsert", rule, "reorderRule { id }")
    for number in (1, 2):
        order: dict[str, Any] = whom | {"location": place, **texts(word, "note")}
        order["lines"] = [sku | {"quantity": "1"} | texts(word, "description")]
        if number == 1:
            order |= texts(word, "number", "externalId")
        made = await command(client, "purchaseOrderCreate", order, "purchaseOrder { id }")
        if number == 2:
            confirmed = await command(
                client, "purchaseOrderConfirm", made, "purchaseOrder { id lines { nodes { id } } }"
            )
            [line] = confirmed["purchaseOrder"]["lines"]["nodes"]
            came = {"purchaseOrder": made["purchaseOrder"], "lines": [{"line": line["id"], "quantity": "0.5"}]}
            await command(client, "purchaseOrderReceive", came | {"reference": f"{word} slip"}, "receipt { id }")
            back = [{"line": line["id"], "quantity": "0.25", "location": place}]
            returned = {"purchaseOrder": made["purchaseOrder"], "lines": back, **texts(word, "reason")}
            await command(client, "purchaseOrderReturn", returned, "purchaseOrder { id }")


async def rows_of(admin: Any, tenant: UUID) -> dict[str, list[str]]:
    """The ids of a tenant's rows by their prefix, oldest first."""
    found = {}
    for prefix, loader in GRAPH.nodes.items():
        table = loader.entity.model.__tablename__  # type: ignore[attr-defined]  # SQLAlchemy's, given by the class
        rows = await admin.fetch(f"SELECT id FROM {table} WHERE tenant_id = $1 ORDER BY id", tenant)
        assert rows, f"no row of {table} to try: furnish() should make one"
        found[prefix] = [ids.encode(prefix, row["id"]) for row in rows]
    return found


IMPORTED = """
    WITH imported AS (
        INSERT INTO imports (tenant_id, id, kind, file, digest, mapping, counts)
        VALUES ($1, $2, 'orders', $4::text, $4, $4, '{}') RETURNING id
    )
    INSERT INTO import_records (tenant_id, id, import_id, type, key) SELECT $1, $3, id, 'ORDER', $4 FROM imported
"""
"""What the command line leaves: no mutation of the graph does."""


async def company(target: Target, database: Database, admin: Any, name: str, words: Mapping[str, str]) -> Company:
    """A company with rows of these words, at these prices."""
    tenant = await tenants.create(target, name, "EUR")
    client = client_of(database, await keys.create(target, tenant, f"{next(iter(words))} keeper"))
    for word, price in words.items():
        await furnish(client, word, price)
        await admin.execute(IMPORTED, tenant, ids.new_id(), ids.new_id(), word)
    await rollups.fold(Site(target, database, 30), tenant, 0)
    return Company(tenant, client, await rows_of(admin, tenant))


@contextlib.contextmanager
def numbered_one_by_one() -> Iterator[None]:
    """In here no process has numbers of documents in store. How many depends on how fast they go, so on a busy machine
    twins had stores of two sizes; what was left of them was lost with the pools, and their next orders had other numbers.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "MOST", 1)
        yield


@contextlib.asynccontextmanager
async def staged(server: TestServer) -> AsyncIterator[Stage]:
    """A stage on a database of its own."""
    async with server.fresh() as target:
        database = Database(target)
        await database.open()
        admin = await asyncpg.connect(target.admin)
        try:
            with numbered_one_by_one():
                others = [
                    await company(target, database, admin, name, {OWN: "5"})
                    for name in ("reader", "one twin", "other twin")
                ]
                victim = await company(target, database, admin, THEIRS, {THEIRS: PRICE, HIDDEN: PRICE})
            yield Stage(target, database, admin, victim, others[0], (others[1], others[2]))
        finally:
            await admin.close()
            await database.close()


def over(company: Company, database: Database) -> Company:
    """The same company, by way of another database's pools."""
    return replace(company, client=client_of(database, company.client.headers["Authorization"].removeprefix("Bearer ")))
