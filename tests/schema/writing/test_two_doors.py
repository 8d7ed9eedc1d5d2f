"""Cases S2, S3 and S4: facts that others' numbers rest on, what is given and left out, and two ways to one state."""

import asyncio
from itertools import product as every
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, is_required_input_field

from services import catalog
from services.catalog import ProductUpsert
from services.inventory import StockAdjust, adjust
from services.kit.work import UnitOfWork
from tests.support.clerk import Clerk
from tests.support.graph import schema
from tests.support.patience import PATIENCE

# ---------------------------------------------------------------- S2: a unit under its quantities


def upsert(made: Any, **given: Any) -> dict[str, Any]:
    return {"sku": made["sku"], "name": made["name"], **given}


async def test_s2_a_unit_is_changed_while_nothing_is_counted_in_it(shop: Clerk) -> None:
    made = await shop.product(unit="pcs")
    assert (await shop.do("productUpsert", upsert(made, unit="kg")))["unit"] == "kg"


@pytest.mark.parametrize("use", ["moves", "draft", "reservation", "past"])
async def test_s2_a_unit_stays_once_something_is_counted_in_it(shop: Clerk, use: str) -> None:
    made = await shop.product(None if use == "draft" else {"SHELF": "500"}, unit="pcs")
    if use != "moves":
        order = await shop.order((made, "2"), confirm=use != "draft")
    if use == "past":
        await shop.do("orderShip", {"order": {"id": order["id"]}})
    words = {
        "moves": "stock moves",
        "draft": "order lines",
        "reservation": "stock moves and reservations and order lines",
    }
    [refusal] = await shop.refusals("productUpsert", upsert(made, unit="kg", barcode="123"))
    assert refusal[:2] == ("INVALID_INPUT", "unit")
    has = words.get(use, "stock moves and order lines")
    assert refusal.message == (f"{made['sku']} has {has} in pcs, so pcs stays its unit. Create another product for kg.")
    kept = await shop.do("productUpsert", upsert(made, unit="pcs", barcode="123"))
    assert (kept["unit"], kept["barcode"]) == ("pcs", "123")


async def test_s2_a_unit_waits_for_what_is_being_written_in_it(shop: Clerk) -> None:
    """The locks decide: goods that arrive at the same time are there before the unit changes, or after."""
    made = await shop.product(unit="pcs")
    line = {"product": {"sku": made["sku"]}, "location": shop.places["SHELF"], "delta": "5"}
    async with shop.database.transaction(shop.tenant) as writer:
        await adjust(UnitOfWork(writer, shop.database, "test"), StockAdjust.read({"lines": [line], "reason": "found"}))
        change = asyncio.create_task(shop.payload("productUpsert", upsert(made, unit="kg")))
        await _blocked(shop)
        assert not change.done()
    assert [each["path"] for each in (await change)["userErrors"]] == [["input", "unit"]]
    assert (await shop.stock(made)) == {"SHELF": ("5", "0")}


async def test_s2_goods_wait_for_a_unit_that_is_being_changed(shop: Clerk) -> None:
    made = await shop.product(unit="pcs")
    async with shop.database.transaction(shop.tenant) as writer:
        work = UnitOfWork(writer, shop.database, "test")
        await catalog.upsert_product(work, ProductUpsert.read(upsert(made, unit="kg")))
        draft = asyncio.create_task(shop.order((made, "2")))
        await _blocked(shop)
        assert not draft.done()
    await draft
    assert await shop.refused("productUpsert", upsert(made, unit="pcs")) == [("INVALID_INPUT", "unit")]


async def _blocked(shop: Clerk) -> None:
    """Return once somebody waits for a lock in this database."""
    sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(PATIENCE):
        while not await shop.admin.fetch(sql):
            pass


# ---------------------------------------------------------------- S3: given and left out

DEFAULT, KEPT = "default", "kept"
"""What an input that is left out means: a default, or what there is."""
AS_LEFT_OUT, CLEARS, REFUSED = "as left out", "clears", "refused"
"""What null means."""

INPUTS = {
    "RenameInput": {},
    "ArchiveInput": {"archived": (DEFAULT, REFUSED)},
    "ProductUpsertInput": {
        "name": (KEPT, REFUSED),
        **dict.fromkeys(("description", "barcode", "listPrice", "externalId", "category", "tax"), (KEPT, CLEARS)),
        **dict.fromkeys(("unit", "unitDecimals", "active", "tracking", "units"), (KEPT, REFUSED)),
    },
    "ProductUnitInput": {"quantity": (DEFAULT, REFUSED), "barcode": (DEFAULT, AS_LEFT_OUT)},
    "ProductCategoryUpsertInput": {
        **dict.fromkeys(("name", "costMethod"), (KEPT, REFUSED)),
        **dict.fromkeys(("parent", "tax"), (KEPT, CLEARS)),
    },
    "LotUpdateInput": {"expiresOn": (KEPT, CLEARS), "blocked": (KEPT, REFUSED)},
    "LotQuantityInput": {},
    "PartnerUpsertInput": {
        **dict.fromkeys(
            ("email", "country", "externalId", "priceList", "purchasePriceList", "taxGroup"), (KEPT, CLEARS)
        ),
        **dict.fromkeys(("name", "kinds", "addresses"), (KEPT, REFUSED)),
    },
    "PartnerAddressInput": {"default": (KEPT, AS_LEFT_OUT), "party": (KEPT, CLEARS)},
    "PartyInput": dict.fromkeys(("street", "city", "postcode", "region", "taxNumber"), (DEFAULT, AS_LEFT_OUT)),
    "TenantUpdateInput": {"address": (KEPT, CLEARS)},
    "WarehouseCreateInput": {"address": (DEFAULT, AS_LEFT_OUT)},
    "WarehouseUpdateInput": {"name": (KEPT, REFUSED), "address": (KEPT, CLEARS)},
    "LocationCreateInput": {"kind": (DEFAULT, REFUSED)},
    "AllocationUpdateInput": dict.fromkeys(("rule", "warehouses"), (KEPT, REFUSED)),
    "StockAdjustInput": {"takeReserved": (DEFAULT, REFUSED)},
    "StockAdjustLine": dict.fromkeys(("lot", "expiresOn"), (DEFAULT, AS_LEFT_OUT)),
    "StockSetInput": {"takeReserved": (DEFAULT, REFUSED)},
    "StockSetLine": dict.fromkeys(("expectedOnHand", "lot"), (DEFAULT, AS_LEFT_OUT)),
    "StockTransferInput": {"reason": (DEFAULT, AS_LEFT_OUT), "takeReserved": (DEFAULT, REFUSED)},
    "StockTransferLine": {"lot": (DEFAULT, AS_LEFT_OUT)},
    "OrderCreateInput": {
        **dict.fromkeys(("currency", "placedAt", "number", "externalId", "note", "warehouse"), (DEFAULT, AS_LEFT_OUT)),
        **dict.fromkeys(("shippingAddress", "billingAddress", "allocation", "hold"), (DEFAULT, AS_LEFT_OUT)),
        **dict.fromkeys(("confirm", "allowBackorder"), (DEFAULT, REFUSED)),
        "pricesIncludeTax": (DEFAULT, AS_LEFT_OUT),
        "priceList": (DEFAULT, CLEARS),
    },
    "LineItemInput": {
        **dict.fromkeys(("unit", "unitPrice", "description"), (DEFAULT, AS_LEFT_OUT)),
        "tax": (DEFAULT, CLEARS),
    },
    "LineChangeInput": {
        "unit": (DEFAULT, AS_LEFT_OUT),
        **dict.fromkeys(("unitPrice", "description"), (KEPT, AS_LEFT_OUT)),
        **dict.fromkeys(("lineItem", "product"), (DEFAULT, AS_LEFT_OUT)),
    },
    "OrderUpdateInput": {
        **dict.fromkeys(("note", "externalId", "shippingAddress", "billingAddress"), (KEPT, CLEARS)),
        **dict.fromkeys(("customer", "currency", "placedAt", "lineItems", "changes"), (KEPT, REFUSED)),
    },
    "OrderConfirmInput": {"warehouse": (KEPT, CLEARS), "allowBackorder": (KEPT, REFUSED)},
    "OrderShipInput": dict.fromkeys(
        ("lineItems", "carrier", "trackingNumber", "note", "shippedAt"), (DEFAULT, AS_LEFT_OUT)
    ),
    "OrderCancelInput": dict.fromkeys(("lineItems", "reason"), (DEFAULT, AS_LEFT_OUT)),
    "OrderReserveInput": {"lineItems": (DEFAULT, AS_LEFT_OUT), "behindOthers": (DEFAULT, REFUSED)},
    "ShipmentUpdateInput": dict.fromkeys(("carrier", "trackingNumber", "note"), (KEPT, CLEARS)),
    "ShipmentCancelInput": {"reason": (DEFAULT, AS_LEFT_OUT)},
    "LineQuantityInput": dict.fromkeys(("location", "lots"), (DEFAULT, AS_LEFT_OUT)),
    "OrderReturnInput": {},
    "ReturnLineInput": dict.fromkeys(("location", "lot"), (DEFAULT, AS_LEFT_OUT)),
    "MoneyInput": {},
    "ProductSupplierUpsertInput": {
        **dict.fromkeys(("supplierSku", "price"), (KEPT, CLEARS)),
        **dict.fromkeys(("unit", "minimum", "multiple", "leadDays", "priority", "active"), (KEPT, REFUSED)),
    },
    "PurchaseOrderCreateInput": {
        **dict.fromkeys(
            ("currency", "orderedAt", "expectedOn", "number", "externalId", "note"), (DEFAULT, AS_LEFT_OUT)
        ),
        "confirm": (DEFAULT, REFUSED),
    },
    "PurchaseLineInput": {
        **dict.fromkeys(("unit", "unitPrice", "description", "expectedOn", "overReceipt"), (DEFAULT, AS_LEFT_OUT)),
        "tax": (DEFAULT, CLEARS),
    },
    "PurchaseOrderUpdateInput": {
        **dict.fromkeys(("note", "expectedOn"), (KEPT, CLEARS)),
        "lines": (KEPT, REFUSED),
    },
    "PurchaseOrderConfirmInput": {},
    "PurchaseOrderCancelInput": dict.fromkeys(("lines", "reason"), (DEFAULT, AS_LEFT_OUT)),
    "PurchaseQuantityInput": {},
    "PurchaseOrderReceiveInput": {"reference": (DEFAULT, AS_LEFT_OUT)},
    "ReorderRuleUpsertInput": {
        "supplier": (KEPT, CLEARS),
        **dict.fromkeys(("location", "point", "target", "active"), (KEPT, REFUSED)),
    },
    "ReplenishInput": dict.fromkeys(("warehouse", "supplier", "rules"), (DEFAULT, AS_LEFT_OUT)),
    "PurchaseOrderReturnInput": {"reason": (DEFAULT, AS_LEFT_OUT)},
    "PurchaseReturnLineInput": dict.fromkeys(("lot", "unit"), (DEFAULT, AS_LEFT_OUT)),
    "PurchaseSettingsUpdateInput": dict.fromkeys(
        ("overReceiptPercent", "priceTolerancePercent", "priceToleranceAmount"), (KEPT, REFUSED)
    ),
    "ReceiveLineInput": dict.fromkeys(("unit", "location", "lot", "expiresOn"), (DEFAULT, AS_LEFT_OUT)),
    "PriceListUpsertInput": dict.fromkeys(("name", "currency", "taxIncluded", "active"), (KEPT, REFUSED)),
    "PricesSetInput": {},
    "TaxUpsertInput": {
        **dict.fromkeys(("name", "category", "rate", "active"), (KEPT, REFUSED)),
        **dict.fromkeys(("reverseRate", "exemptionCode", "exemptionReason"), (KEPT, CLEARS)),
    },
    "TaxGroupUpsertInput": dict.fromkeys(("name", "substitutions"), (KEPT, REFUSED)),
    "TaxSubstitutionInput": {"from": (DEFAULT, AS_LEFT_OUT)},
    "PriceSetLine": {
        **dict.fromkeys(("validFrom", "validTo"), (DEFAULT, AS_LEFT_OUT)),
        "minimum": (DEFAULT, REFUSED),
        "amount": (REFUSED, CLEARS),
    },
    "StockHoldInput": {"seconds": (DEFAULT, REFUSED), "warehouse": (DEFAULT, AS_LEFT_OUT)},
    "HoldLineInput": {},
    "WebhookCreateInput": {"variables": (DEFAULT, AS_LEFT_OUT), "batch": (DEFAULT, REFUSED)},
    "WebhookUpdateInput": {
        **dict.fromkeys(("name", "url", "document", "roles", "batch", "paused"), (KEPT, REFUSED)),
        "variables": (KEPT, CLEARS),
        "skipToNow": (DEFAULT, REFUSED),
    },
    "WebhookDeleteInput": {},
    "WebhookSecretRotateInput": {"overlapHours": (DEFAULT, REFUSED)},
    "WebhookTestInput": {},
    "WebhookReplayInput": dict.fromkeys(("deliveries", "since"), (DEFAULT, AS_LEFT_OUT)),
}
"""The rule: what a change leaves out stays and null empties it, or is refused where it can't be empty; where something
is created or done, null is as good as nothing."""


def test_s3_each_optional_input_has_its_rule() -> None:
    types = schema()._schema.type_map
    found = {
        name: {
            key
            for key, field in type_.fields.items()
            if not is_required_input_field(field) and key not in ("idempotencyKey", "expectedVersion")
        }
        for name, type_ in types.items()
        if isinstance(type_, GraphQLInputObjectType) and name in _reached()
    }
    assert found == {name: {*fields} for name, fields in INPUTS.items()}


def _reached() -> set[str]:
    """The input types of mutations, but for those that name a record."""
    waiting = [arg.type for field in schema()._schema.mutation_type.fields.values() for arg in field.args.values()]  # type: ignore[union-attr]  # it has mutations
    seen: set[str] = set()
    while waiting:
        type_: Any = waiting.pop()
        while hasattr(type_, "of_type"):
            type_ = type_.of_type
        if isinstance(type_, GraphQLInputObjectType) and not type_.is_one_of and type_.name not in seen:
            seen.add(type_.name)
            waiting += [field.type for field in type_.fields.values()]
    return seen


PRODUCT = {
    "description": "Long",
    "barcode": "123",
    "listPrice": {"amount": "2.00", "currency": "EUR"},
    "externalId": "X",
    "unit": "kg",
    "active": False,
}
PARTNER = {"email": "a@example.org", "country": "DE", "kinds": ["CUSTOMER", "SUPPLIER"]}


@pytest.mark.parametrize(
    "field,key,full",
    [("productUpsert", {"sku": "S3"}, PRODUCT), ("partnerUpsert", {"code": "S3"}, PARTNER | {"externalId": "Y"})],
)
async def test_s3_what_an_upsert_leaves_out_stays_and_null_clears(
    shop: Clerk, field: str, key: dict[str, str], full: dict[str, Any]
) -> None:
    given = key | {"name": "Thing"}
    made = await shop.do(field, given | full)
    assert {name: made[name] for name in full} == full
    assert await shop.do(field, given) == made
    rules = INPUTS[f"{field[0].upper()}{field[1:]}Input"]
    for name, value in full.items():
        if rules[name][1] == CLEARS:
            assert (await shop.do(field, given | {name: None}))[name] is None
            assert (await shop.do(field, given | {name: value}))[name] == value
        else:
            answer = await shop.send(field, given | {name: None})
            assert answer.errors or [each["path"] for each in answer.data[field]["userErrors"]] == [["input", name]]
            assert (await shop.do(field, given))[name] == value


NOT_SAID: Any = object()


@pytest.mark.parametrize("draft,said", list(every([False, True], [NOT_SAID, False, True])))
async def test_s3_a_confirmation_may_allow_what_its_draft_does_not_and_the_reverse(
    shop: Clerk, *, draft: bool, said: Any
) -> None:
    product = await shop.product()
    made = await shop.order((product, "2"), allowBackorder=draft)
    given = {"order": {"id": made["id"]}} | ({} if said is NOT_SAID else {"allowBackorder": said})
    if draft if said is NOT_SAID else said:
        assert (await shop.do("orderConfirm", given))["status"] == "CONFIRMED"
    else:
        assert await shop.refused("orderConfirm", given) == [("INSUFFICIENT_STOCK", "order")]
    assert await shop.differences() == []


async def test_s3_null_is_not_a_backorder(shop: Clerk) -> None:
    made = await shop.order((await shop.product(), "2"), allowBackorder=True)
    given = {"order": {"id": made["id"]}, "allowBackorder": None}
    [refusal] = await shop.refusals("orderConfirm", given)
    assert refusal[:2] == ("INVALID_INPUT", "allowBackorder")


@pytest.mark.parametrize(
    "draft,said,served",
    [
        ("NORTH", NOT_SAID, None),
        ("NORTH", None, "DOCK"),
        ("NORTH", "SOUTH", "DOCK"),
        (None, NOT_SAID, "DOCK"),
        (None, "NORTH", None),
    ],
)
async def test_s3_a_confirmation_may_name_another_warehouse_or_all(
    shop: Clerk, draft: str | None, said: Any, served: str | None
) -> None:
    product = await shop.product({"DOCK": "2"})
    made = await shop.order((product, "2"), **({"warehouse": shop.warehouses[draft]} if draft else {}))
    given: dict[str, Any] = {"order": {"id": made["id"]}}
    if said is not NOT_SAID:
        given["warehouse"] = said and shop.warehouses[said]
    if served is None:
        assert await shop.refused("orderConfirm", given) == [("INSUFFICIENT_STOCK", "order")]
    else:
        await shop.do("orderConfirm", given)
        assert await shop.stock(product) == {served: ("2", "2")}


# ---------------------------------------------------------------- S4: one rule at both doors

STATES = list(every(["here", "gone"], ["customer", "supplier"], ["5", "1"], [False, True]))


@pytest.mark.parametrize("offered,kind,wanted,waits", STATES)
async def test_s4_a_draft_is_confirmed_by_the_rules_of_an_order(
    shop: Clerk, *, offered: str, kind: str, wanted: str, waits: bool
) -> None:
    """Whatever orderCreate refuses to confirm, orderConfirm refuses for the same reasons."""
    code = f"{offered} {kind} {wanted} {waits}"
    await shop.do("partnerUpsert", {"code": code, "name": "Ida's Kiosk"})
    product = await shop.product({"SHELF": "2"})
    given = {"customer": {"code": code}, "lineItems": [shop.line(product, quantity=wanted)], "allowBackorder": waits}
    draft = await shop.do("orderCreate", given)
    await shop.do("productUpsert", upsert(product, active=offered == "here"))
    await shop.do("partnerUpsert", {"code": code, "name": "Ida's Kiosk", "kinds": [kind.upper()]})
    before = await shop.digest()
    at_once = await shop.payload("orderCreate", given | {"confirm": True})
    later = await shop.payload("orderConfirm", {"order": {"id": draft["id"]}})
    for refused in (at_once["userErrors"], later["userErrors"]):
        for each in refused:
            del each["path"]
    assert later["userErrors"] == at_once["userErrors"]
    if later["userErrors"]:
        assert await shop.digest() == before
        # And lines that are added are bound by them, too.
        change = {"order": {"id": draft["id"]}, "lineItems": given["lineItems"]}
        rules = [each["message"] for each in later["userErrors"] if each["code"] == "INVALID_INPUT"]
        told = await shop.payload("orderUpdate", change)
        assert [each["message"] for each in told["userErrors"]] == rules
        assert len(later["userErrors"]) == (offered == "gone") + (kind == "supplier") + (wanted == "5" and not waits)
    else:
        assert (offered, kind, waits or wanted == "1") == ("here", "customer", True)


async def test_s4_what_was_confirmed_is_kept(shop: Clerk) -> None:
    """A promise stands, and is served and shipped, whatever becomes of the product and the partner."""
    await shop.do("partnerUpsert", {"code": "S4", "name": "Ida's Kiosk"})
    product = await shop.product()
    lines = [shop.line(product, quantity="2")]
    given = {"customer": {"code": "S4"}, "lineItems": lines, "allowBackorder": True, "confirm": True}
    made = await shop.do("orderCreate", given)
    await shop.do("productUpsert", upsert(product, active=False))
    await shop.do("partnerUpsert", {"code": "S4", "name": "Ida's Kiosk", "kinds": ["SUPPLIER"]})
    line = {"product": {"sku": product["sku"]}, "location": shop.places["SHELF"], "delta": "2"}
    await shop.do("stockAdjust", {"lines": [line], "reason": "found"})
    assert (await shop.do("orderShip", {"order": {"id": made["id"]}}))["status"] == "CLOSED"
