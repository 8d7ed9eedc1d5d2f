"""Modules can be left out: what remains is a valid schema without their fields, and its queries work."""

from typing import Any

import pytest
from graphql import assert_valid_schema

from app.registry import UnknownModule, build
from core import ids
from core.modules import MODULES
from tests.support.graph import Asker, node_types, schema
from tests.support.oddments import Oddments

SUBSETS: list[tuple[str, ...]] = [
    ("catalog",),
    ("partners",),
    ("webhooks",),
    ("catalog", "partners"),
    ("catalog", "partners", "taxes", "pricing"),
    ("catalog", "inventory"),
    ("catalog", "partners", "inventory"),
    ("catalog", "partners", "taxes", "inventory", "purchasing"),
    ("catalog", "partners", "taxes"),
    ("catalog", "partners", "taxes", "pricing", "inventory", "sales"),
    MODULES,
]
ROOTS = {
    "catalog": {"product", "products", "productCategory", "productCategories"},
    "partners": {"partner", "partners"},
    "taxes": {"tax", "taxes", "taxGroup", "taxGroups"},
    "pricing": {"priceList", "priceLists"},
    "inventory": {"allocationPolicy", "warehouses", "stockLevels", "stockMoves", "stockDifferences", "stockPositions"}
    | {"lots"},
    "purchasing": {"purchaseOrder", "purchaseOrders", "purchaseLines", "replenishmentProposals"} | {"purchaseSettings"},
    "webhooks": {"webhooks"},
    "sales": {"order", "orders", "lineItems", "shipments", "stockHold", "orderPreview"},
}
MUTATIONS = {
    "catalog": {"productUpsert", "productCategoryUpsert"},
    "partners": {"partnerUpsert"},
    "taxes": {"taxUpsert", "taxGroupUpsert"},
    "pricing": {"priceListUpsert", "pricesSet"},
    "inventory": {
        "warehouseCreate",
        "warehouseUpdate",
        "locationCreate",
        "allocationUpdate",
        "stockAdjust",
        "stockSet",
        "stockTransfer",
        "lotUpdate",
    },
    "purchasing": {
        "productSupplierUpsert",
        "purchaseOrderCreate",
        "purchaseOrderUpdate",
        "purchaseOrderConfirm",
        "purchaseOrderCancel",
        "purchaseOrderReceive",
        "purchaseOrderReturn",
        "purchaseSettingsUpdate",
        "reorderRuleUpsert",
        "replenish",
    },
    "sales": {"orderCreate", "orderUpdate", "orderConfirm", "orderShip", "orderCancel", "orderReturn"}
    | {"orderReserve", "shipmentUpdate", "shipmentCancel", "stockHold"},
    "webhooks": {f"webhook{verb}" for verb in ("Create", "Update", "Delete", "SecretRotate", "Test", "Replay")},
}
TYPES = {
    "catalog": {"Product", "ProductConnection", "ProductWhere", "ProductOrderField", "ProductRef"}
    | {"ProductCategory", "ProductCategoryRef", "CostMethod", "ProductUnit"},
    "partners": {"Partner", "PartnerKind", "PartnerWhere"},
    "taxes": {"Tax", "TaxCategory", "TaxGroup", "TaxSubstitution", "TaxPayload"},
    "pricing": {"PriceList", "Price", "PriceWhere", "PriceListPayload", "ProductPrice"},
    "inventory": {"Warehouse", "Location", "LocationKind", "StockLevel", "StockMove", "StockPosition", "Lot"},
    "purchasing": {"ProductSupplier", "PurchaseOrder", "PurchaseLine", "PurchaseStatus", "PurchaseTransitionError"}
    | {"Receipt", "OverQuantityError", "ReorderRule", "ReplenishmentProposal", "PurchaseSettings"},
    "webhooks": {"Webhook", "WebhookDelivery", "WebhookStatus", "LimitReachedError"},
    "sales": {"Order", "LineItem", "OrderStatus", "OrderWhere", "LineItemConnection", "OrderAction"},
}
ADDED = {
    ("Product", "tax"): "taxes",
    ("ProductCategory", "tax"): "taxes",
    ("Partner", "taxGroup"): "taxes",
    ("Partner", "priceList"): "pricing",
    ("Partner", "purchasePriceList"): "pricing",
    ("Product", "prices"): "pricing",
    ("Product", "price"): "pricing",
    ("Product", "stock"): "inventory",
    ("Product", "movement"): "inventory",
    ("ProductWhere", "available"): "inventory",
    ("Product", "lots"): "inventory",
    ("Lot", "shipmentLines"): "sales",
    ("LineItem", "holds"): "sales",
    ("Product", "suppliers"): "purchasing",
    ("Product", "purchaseLines"): "purchasing",
    ("Product", "reorderRules"): "purchasing",
    ("StockMove", "receipt"): "purchasing",
    ("StockMove", "purchaseLine"): "purchasing",
    ("Partner", "supplies"): "purchasing",
    ("Partner", "purchaseOrders"): "purchasing",
    ("Product", "lineItems"): "sales",
    ("Partner", "orders"): "sales",
    ("StockMove", "lineItem"): "sales",
    ("StockDifference", "order"): "sales",
    ("StockDifference", "lineItem"): "sales",
}


@pytest.mark.parametrize("modules", SUBSETS, ids="+".join)
def test_the_schema_has_the_fields_of_its_modules_and_no_others(modules: tuple[str, ...]) -> None:
    made: Any = schema(modules)._schema
    assert_valid_schema(made)
    assert {*made.query_type.fields} == {"node", "nodes", "viewer", "changes", "eventFeed"}.union(
        *(ROOTS[name] for name in modules)
    )
    assert {*made.mutation_type.fields} == {"tenantUpdate", "rename", "archive"}.union(
        *(MUTATIONS[name] for name in modules)
    )
    for name, types in TYPES.items():
        assert {type_ for type_ in types if type_ in made.type_map} == (types if name in modules else set())
    for (type_, field), name in ADDED.items():
        if type_ in made.type_map:
            assert (field in made.type_map[type_].fields) == (name in modules)


@pytest.mark.parametrize("modules", SUBSETS, ids="+".join)
async def test_its_queries_work(ask: Asker, oddments: Oddments, modules: tuple[str, ...]) -> None:
    lists = {"products", "partners", "warehouses", "stockLevels", "stockMoves", "orders"}
    here = sorted(lists & {root for name in modules for root in ROOTS[name]})
    tables = {"stockLevels": "stock_levels", "stockMoves": "stock_moves"}
    selection = " ".join(f"{field} {{ totalCount {{ value }} nodes {{ __typename id }} }}" for field in here)
    for breadth_first in (True, False):
        query = f"{{ viewer {{ tenant {{ name }} }} {selection} }}"
        found = (await ask(query, oddments.tenant, modules=modules, breadth_first=breadth_first)).good
        assert found["viewer"]["tenant"]["name"] == "oddments"
        for field in here:
            assert found[field]["totalCount"]["value"] == len(oddments[tables.get(field, field)])
    for name in MODULES:
        for prefix, (_, table) in node_types([name]).items():
            identifier = ids.encode(prefix, oddments[table][0]["id"])
            answer = await ask(
                "query ($i: ID!) { node(id: $i) { id } }", oddments.tenant, {"i": identifier}, modules=modules
            )
            if name in modules:
                assert answer.good == {"node": {"id": identifier}}
            else:
                assert answer.refusal == (["node"], ("id",))


async def test_a_field_of_a_module_that_is_left_out_is_unknown(ask: Asker, oddments: Oddments) -> None:
    modules = ("catalog", "partners", "inventory")
    for query in ("{ orders { nodes { id } } }", "{ products { nodes { lineItems { nodes { id } } } } }"):
        answer = await ask(query, oddments.tenant, modules=modules)
        assert answer.data is None
        assert "Cannot query field" in answer.errors[0].message
        assert answer.ran == []


@pytest.mark.parametrize(
    "modules, text",
    [
        (("inventory",), "Module inventory needs catalog as well."),
        (("purchasing",), "Module purchasing needs catalog, partners, taxes, inventory as well."),
        (("sales",), "Module sales needs catalog, partners, taxes, pricing, inventory as well."),
        (("catalog", "partners", "sales"), "Module sales needs taxes, pricing, inventory as well."),
        (("taxes",), "Module taxes needs catalog, partners as well."),
        (("pricing",), "Module pricing needs catalog, partners, taxes as well."),
        (
            ("catalog", "colours"),
            "There is no module colours: there are catalog, partners, taxes, pricing, inventory, purchasing, sales, webhooks.",
        ),
    ],
)
def test_modules_that_dont_fit_together_are_refused(modules: tuple[str, ...], text: str) -> None:
    with pytest.raises(UnknownModule) as refused:
        build(modules)
    assert str(refused.value) == text


def test_the_order_of_the_names_doesnt_matter() -> None:
    assert (
        build(
            ("webhooks", "sales", "purchasing", "inventory", "pricing", "taxes", "partners", "catalog", "catalog")
        ).as_str()
        == schema().as_str()
    )


def test_without_any_module_there_is_still_a_graph() -> None:
    assert {*build(())._schema.query_type.fields} == {"node", "nodes", "viewer", "changes", "eventFeed"}  # type: ignore[union-attr]  # the schema's types are known
