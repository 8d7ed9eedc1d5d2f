"""The floor: what somebody would write by hand for exactly these queries.

One batched statement per relation, asyncpg, dictionaries, orjson; no executor, no cursors, no
transaction, no row-level security (the connection is a superuser's, and the tenant only a
predicate). Each returns the bytes of the same answer, and ``bench_read`` checks that they are equal.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import orjson

Floor = Callable[[Any, UUID, dict[str, Any]], Awaitable[bytes]]

ORDER = "id, number, status, placed_at, note, round(total, 2)::text AS total, currency"


def _money(amount: str, currency: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def _order(row: Any) -> dict[str, Any]:
    return {
        "id": "ord_" + row["id"].hex,
        "number": row["number"],
        "status": row["status"],
        "placedAt": row["placed_at"].isoformat()[:-6] + "Z",
        "note": row["note"],
        "total": _money(row["total"], row["currency"]),
    }


async def one(connection: Any, tenant: UUID, given: dict[str, Any]) -> bytes:
    row = await connection.fetchrow(
        f"SELECT {ORDER} FROM orders WHERE tenant_id = $1 AND number = $2", tenant, given["number"]
    )
    return orjson.dumps({"order": _order(row)})


async def flat(connection: Any, tenant: UUID, _given: dict[str, Any]) -> bytes:
    rows = await connection.fetch(
        f"SELECT {ORDER} FROM orders WHERE tenant_id = $1 ORDER BY placed_at DESC, id DESC LIMIT 20", tenant
    )
    return orjson.dumps({"orders": {"nodes": [_order(row) for row in rows]}})


async def nested(connection: Any, tenant: UUID, given: dict[str, Any]) -> bytes:
    orders = await connection.fetch(
        f"SELECT {ORDER} FROM orders WHERE tenant_id = $1 ORDER BY placed_at DESC, id DESC LIMIT $2",
        tenant,
        given["first"],
    )
    lines = await connection.fetch(
        """SELECT id, order_id, position, description, product_id, trim_scale(quantity)::text AS quantity,
                  round(unit_price, greatest(min_scale(unit_price), 2))::text AS unit_price,
                  round(total, 2)::text AS total, currency
           FROM line_items WHERE tenant_id = $1 AND order_id = ANY($2) ORDER BY order_id, position""",
        tenant,
        [row["id"] for row in orders],
    )
    products = await connection.fetch(
        "SELECT id, sku, name FROM products WHERE tenant_id = $1 AND id = ANY($2)",
        tenant,
        list({row["product_id"] for row in lines}),
    )
    stock = await _stock(connection, tenant, [row["id"] for row in products])
    by_id = {
        row["id"]: {
            "id": "prod_" + row["id"].hex,
            "sku": row["sku"],
            "name": row["name"],
            "stock": {"levels": {"nodes": stock[row["id"]]}},
        }
        for row in products
    }
    by_order = defaultdict(list)
    for row in lines:
        by_order[row["order_id"]].append(
            {
                "id": "lin_" + row["id"].hex,
                "position": row["position"],
                "description": row["description"],
                "quantity": row["quantity"],
                "unitPrice": _money(row["unit_price"], row["currency"]),
                "total": _money(row["total"], row["currency"]),
                "product": by_id[row["product_id"]],
            }
        )
    nodes = []
    for row in orders:
        node = _order(row)
        del node["note"]
        node["lineItems"] = {"nodes": by_order[row["id"]]}
        nodes.append(node)
    return orjson.dumps({"orders": {"nodes": nodes}})


async def _stock(connection: Any, tenant: UUID, products: list[UUID]) -> dict[UUID, list[Any]]:
    levels = await connection.fetch(
        """SELECT l.id, l.product_id, l.location_id, trim_scale(l.on_hand)::text AS on_hand,
                  trim_scale(l.reserved)::text AS reserved, trim_scale(l.available)::text AS available
           FROM stock_levels l JOIN locations o ON o.tenant_id = l.tenant_id AND o.id = l.location_id
           WHERE l.tenant_id = $1 AND l.product_id = ANY($2) AND o.kind = 'INTERNAL' ORDER BY l.product_id, l.location_id""",
        tenant,
        products,
    )
    locations = await connection.fetch(
        "SELECT id, code, name FROM locations WHERE tenant_id = $1 AND id = ANY($2)",
        tenant,
        list({row["location_id"] for row in levels}),
    )
    by_id = {row["id"]: {"id": "loc_" + row["id"].hex, "code": row["code"], "name": row["name"]} for row in locations}
    stock: dict[UUID, list[Any]] = defaultdict(list)
    for row in levels:
        stock[row["product_id"]].append(
            {
                "id": "stl_" + row["id"].hex,
                "onHand": row["on_hand"],
                "reserved": row["reserved"],
                "available": row["available"],
                "location": by_id[row["location_id"]],
            }
        )
    return stock


async def products(connection: Any, tenant: UUID, _given: dict[str, Any]) -> bytes:
    rows = await connection.fetch(
        """SELECT id, sku, name, round(list_price, greatest(min_scale(list_price), 2))::text AS price,
                  list_price_currency AS currency
           FROM products WHERE tenant_id = $1 ORDER BY sku, id LIMIT 250""",
        tenant,
    )
    stock = await _stock(connection, tenant, [row["id"] for row in rows])
    nodes = [
        {
            "id": "prod_" + row["id"].hex,
            "sku": row["sku"],
            "name": row["name"],
            "listPrice": None if row["price"] is None else _money(row["price"], row["currency"]),
            "stock": {"levels": {"nodes": stock[row["id"]]}},
        }
        for row in rows
    ]
    return orjson.dumps({"products": {"nodes": nodes}})


async def first_lines(connection: Any, tenant: UUID, _given: dict[str, Any]) -> bytes:
    orders = await connection.fetch(
        "SELECT id, number FROM orders WHERE tenant_id = $1 ORDER BY placed_at DESC, id DESC LIMIT 100", tenant
    )
    lines = await connection.fetch(
        """SELECT id, order_id, position, description, trim_scale(quantity)::text AS quantity,
                  round(total, 2)::text AS total, currency
           FROM (SELECT *, row_number() OVER (PARTITION BY order_id ORDER BY position) AS place
                 FROM line_items WHERE tenant_id = $1 AND order_id = ANY($2)) numbered
           WHERE place <= 5 ORDER BY order_id, position""",
        tenant,
        [row["id"] for row in orders],
    )
    by_order = defaultdict(list)
    for row in lines:
        by_order[row["order_id"]].append(
            {
                "id": "lin_" + row["id"].hex,
                "position": row["position"],
                "description": row["description"],
                "quantity": row["quantity"],
                "total": _money(row["total"], row["currency"]),
            }
        )
    nodes = [
        {"id": "ord_" + row["id"].hex, "number": row["number"], "lineItems": {"nodes": by_order[row["id"]]}}
        for row in orders
    ]
    return orjson.dumps({"orders": {"nodes": nodes}})


async def searched(connection: Any, tenant: UUID, given: dict[str, Any]) -> bytes:
    rows = await connection.fetch(
        """SELECT id, number, placed_at, round(total, 2)::text AS total, currency FROM orders o
           WHERE tenant_id = $1 AND search @@ search_query($2) AND EXISTS (
               SELECT FROM line_items l JOIN products p ON p.tenant_id = l.tenant_id AND p.id = l.product_id
               WHERE l.tenant_id = $1 AND l.order_id = o.id AND p.sku = $3)
           ORDER BY round((CASE WHEN search @@ (SELECT search_key($2)) THEN 2 WHEN search @@ (SELECT search_whole($2)) THEN 1 ELSE 0 END
               + ts_rank(search, (SELECT search_query($2))))::numeric, 6) DESC, id DESC LIMIT 20""",
        tenant,
        given["words"],
        given["sku"],
    )
    nodes = [
        {
            "id": "ord_" + row["id"].hex,
            "number": row["number"],
            "placedAt": row["placed_at"].isoformat()[:-6] + "Z",
            "total": _money(row["total"], row["currency"]),
        }
        for row in rows
    ]
    return orjson.dumps({"orders": {"nodes": nodes}})


async def purchases(connection: Any, tenant: UUID, _given: dict[str, Any]) -> bytes:
    orders = await connection.fetch(
        """SELECT id, number, status, ordered_at, expected_on, round(total, 2)::text AS total, currency, supplier_id
           FROM purchase_orders WHERE tenant_id = $1 AND status = 'CLOSED' ORDER BY ordered_at DESC, id DESC LIMIT 50""",
        tenant,
    )
    identities = [row["id"] for row in orders]
    lines = await connection.fetch(
        """SELECT id, purchase_order_id, position, description, product_id, trim_scale(quantity)::text AS quantity, unit,
                  round(unit_price, greatest(min_scale(unit_price), 2))::text AS unit_price, currency,
                  round(total, 2)::text AS total, trim_scale(received)::text AS received, expected_on
           FROM purchase_lines WHERE tenant_id = $1 AND purchase_order_id = ANY($2) ORDER BY purchase_order_id, position""",
        tenant,
        identities,
    )
    receipts = await connection.fetch(
        """SELECT id, purchase_order_id, number, reference, received_at FROM receipts
           WHERE tenant_id = $1 AND purchase_order_id = ANY($2) ORDER BY purchase_order_id, received_at DESC, id DESC""",
        tenant,
        identities,
    )
    products = await _named(connection, "products", "sku", tenant, {row["product_id"] for row in lines})
    suppliers = await _named(connection, "partners", "code", tenant, {row["supplier_id"] for row in orders})
    by_order: dict[UUID, list[Any]] = defaultdict(list)
    for row in lines:
        by_order[row["purchase_order_id"]].append(
            {
                "id": "pul_" + row["id"].hex,
                **{name: row[name] for name in ("position", "description", "quantity", "unit")},
                "unitPrice": _money(row["unit_price"], row["currency"]),
                "total": _money(row["total"], row["currency"]),
                "receivedQuantity": row["received"],
                "expectedOn": row["expected_on"] and row["expected_on"].isoformat(),
                "product": products[row["product_id"]],
            }
        )
    came: dict[UUID, list[Any]] = defaultdict(list)
    for row in receipts:
        came[row["purchase_order_id"]].append(
            {
                "id": "rcp_" + row["id"].hex,
                "number": row["number"],
                "reference": row["reference"],
                "receivedAt": row["received_at"].isoformat()[:-6] + "Z",
            }
        )
    nodes = [
        {
            "id": "pur_" + row["id"].hex,
            "number": row["number"],
            "status": row["status"],
            "orderedAt": row["ordered_at"].isoformat()[:-6] + "Z",
            "expectedOn": row["expected_on"] and row["expected_on"].isoformat(),
            "total": _money(row["total"], row["currency"]),
            "supplier": suppliers[row["supplier_id"]],
            "receipts": {"nodes": came[row["id"]]},
            "lines": {"nodes": by_order[row["id"]]},
        }
        for row in orders
    ]
    return orjson.dumps({"purchaseOrders": {"nodes": nodes}})


async def _named(connection: Any, table: str, key: str, tenant: UUID, wanted: set[UUID]) -> dict[UUID, dict[str, str]]:
    rows = await connection.fetch(
        f"SELECT id, {key} AS key, name FROM {table} WHERE tenant_id = $1 AND id = ANY($2)", tenant, list(wanted)
    )
    prefix = {"products": "prod", "partners": "par"}[table]
    return {row["id"]: {"id": f"{prefix}_{row['id'].hex}", key: row["key"], "name": row["name"]} for row in rows}
