"""The walk within a tenant: a business partner's key with what other partners have, which is as if nobody had it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import asyncpg
import pytest

from db.runtime.engine import Database
from loaders.kit.base import Loader
from loaders.kit.statements import _statements
from services.platform import keys
from tests.security.attack import Secrets, read
from tests.security.stage import HIDDEN, OWN, PRICE, THEIRS, Company, Stage, client_of, company, furnish, rows_of
from tests.support.postgres import TestServer

CATALOG = {
    *("Query.product", "Query.products", "Query.orderPreview", "Query.changes", "Subscription.changes"),
    *("Query.productCategory", "Query.productCategories", "ProductCategory.children", "ProductCategory.products"),
}
"""Partners may read all products and their categories, whoever buys them, and preview orders of them (tests/schema/writing/test_previews.py
looks at whose); and a place in the feed is the tenant's, so another's is a place as well (tests/schema/writing/test_feed.py looks at
what is told behind it)."""

KINDS = ("ord", "lin", "par")
"""What partners may read only their own of."""


@pytest.fixture(scope="module")
async def partner(server: TestServer) -> AsyncIterator[Stage]:
    """A stage whose reader has a partner's key, and whose victim are the same tenant's other partners."""
    async with server.fresh() as target, contextlib.AsyncExitStack() as stack:
        database = Database(target)
        await database.open()
        stack.push_async_callback(database.close)
        admin = await asyncpg.connect(target.admin)
        stack.push_async_callback(admin.close)
        house = await company(target, database, admin, "house", {OWN: "5"})
        for word in (THEIRS, HIDDEN):
            await furnish(house.client, word, PRICE)
        every = await rows_of(admin, house.tenant)
        others = {kind: [each for each in every[kind] if each not in house.ids[kind]] for kind in KINDS}
        client = client_of(
            database, await keys.create(target, house.tenant, "portal", roles=("partner",), partner=f"{OWN}-1")
        )
        reader = Company(house.tenant, client, house.ids)
        yield Stage(target, database, admin, replace(house, ids=others), reader, (reader, reader))


@pytest.fixture
def no_predicate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Statements without the condition that the rows are the partner's."""
    monkeypatch.setattr(Loader, "visible", lambda *_: ())
    _statements.clear()
    yield
    _statements.clear()


@pytest.fixture
def no_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions that don't become the partners' role."""
    monkeypatch.setattr("db.runtime.reader.set_partner", lambda _partner: "SELECT 1")


async def told(stage: Stage, *, once: bool = False) -> list[str]:
    return await read(stage, Secrets(stage.victim.ids), CATALOG, once=once, brief=True)


@pytest.mark.one_server
async def test_31_by_policy_and_predicate(partner: Stage) -> None:
    assert await told(partner) == []


@pytest.mark.usefixtures("no_predicate")
async def test_31_by_the_policy_alone(partner: Stage) -> None:
    assert await told(partner) == []


@pytest.mark.one_server
@pytest.mark.usefixtures("no_policy")
async def test_31_by_the_predicate_alone(partner: Stage) -> None:
    assert await told(partner) == []


@pytest.mark.one_server
@pytest.mark.usefixtures("no_predicate", "no_policy")
async def test_with_both_locks_off_the_walk_tells_of_orders_and_partners(partner: Stage) -> None:
    assert {line.split(":")[0] for line in await told(partner, once=True)} == {
        *(
            "Query.node",
            "Query.nodes",
            "Query.order",
            "Query.orders",
            "Query.lineItems",
            "Query.shipments",
            "Query.partner",
            "Query.partners",
            "Subscription.record",
        ),
        *("Order.lineItems", "Order.shipments", "Partner.orders", "Product.lineItems"),
    }
