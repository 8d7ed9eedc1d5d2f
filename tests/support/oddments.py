"""A small tenant of hand-made rows: nulls, ties, every kind of letter. What the graph must say of it, a test can work out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.ids import new_id
from db.runtime.engine import Target, administration
from tests.support.categories import categories
from tests.support.odd_lots import lots
from tests.support.odd_prices import prices
from tests.support.odd_taxes import taxes
from tests.support.sent import webhooks

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

NAMES = (
    *("Lamp", "lamp", "LAMP shade", "100% wool", "100 wool", "a_b", "aXb", "back\\slash", "back/slash"),
    *("Ärger", "ärger", "ÉCLAIR", "straße", "日本語", "😀 smile", "שלום עולם", "'quoted' \"twice\"", "tab\there"),
)
PRICES = (None, "0", "1.5", "1.500001", "12.34", "12.34", None, "99999999999999.999999")

ADDRESSES = """[
    {"code": "home", "roles": ["BILLING"], "defaults": ["BILLING"], "party": {"name": "Home", "country": "DE"}},
    {"code": "work", "roles": ["SHIPPING"], "defaults": [], "party": {"name": "Work", "city": "Paris", "country": "FR"}}
]"""

Row = dict[str, Any]


@dataclass
class Oddments:
    """The tenant's id and its rows by table, as they were stored."""

    tenant: UUID
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def __getitem__(self, table: str) -> list[Row]:
        return self.rows[table]


def _later(minutes: int, micros: int = 0) -> datetime:
    return START + timedelta(minutes=minutes, microseconds=micros)


def _products() -> list[Row]:
    return [
        {
            "id": new_id(),
            "sku": f"{'Sk' if index % 3 else 'sK'}-{index:02}",
            "name": name,
            "description": None if index % 2 else f"about {name}",
            "list_price": (price := PRICES[index % len(PRICES)]) and Decimal(price),
            "list_price_currency": price and "EUR",
            "active": index % 4 != 0,
            # The first ten have goods, and these have no lots.
            "tracking": "NONE" if index < 10 else ("NONE", "LOT", "SERIAL", "LOT")[index % 4],
            "external_id": None if index % 3 else f"ext{index}",
            "units": f'[{{"code": "box", "quantity": "1", "base": "{index + 2}", "barcode": null}}]'
            if index % 2
            else None,
            "created_at": _later(index // 4),
            "updated_at": _later(7 - index % 5, index % 2),
        }
        for index, name in enumerate(NAMES)
    ]


def _partners() -> list[Row]:
    countries = ("DE", "FR", None)
    return [
        {
            "id": new_id(),
            "code": f"C{index}",
            "name": ("Müller", "muller", "MÜLLER", "Özil", "O'Neil", "%_\\")[index],
            "country": countries[index % 3],
            "external_id": None,
            "addresses": ADDRESSES if index < 4 else None,
            "created_at": _later(index // 2),
        }
        for index in range(6)
    ]


def _orders(partners: list[Row], count: int = 16) -> list[Row]:
    statuses = ("DRAFT", "CONFIRMED", "CLOSED", "CANCELLED")
    return [
        {
            "id": new_id(),
            "number": f"N-{index:03}",
            "status": statuses[index % 4],
            "customer_id": partners[index % 4]["id"],
            "currency": "EUR",
            "subtotal": Decimal(index % 5) * 10,
            "tax_total": Decimal(index % 2),
            "placed_at": _later(index % 6, index % 3),
            "external_id": f"shop/{index}" if index % 2 else None,
            "note": ("left at the door", "Zurück an Absender", None)[index % 3],
            "created_at": _later(index // 3),
            "updated_at": _later(index // 2),
        }
        for index in range(count)
    ]


def _lines(orders: list[Row], products: list[Row]) -> list[Row]:
    """Order n has n % 4 lines: some have none."""
    return [
        {
            "id": new_id(),
            "order_id": order["id"],
            "position": position + 1,
            "product_id": products[(index * 3 + position) % len(products)]["id"],
            "description": f"line {position}",
            "quantity": Decimal((index + position) % 3 + 1) / (2 if position else 1),
            "currency": "EUR",
            "unit_price": Decimal("2.5"),
            "total": Decimal("2.5"),
        }
        for index, order in enumerate(orders)
        for position in range(index % 4)
    ]


def _stock(products: list[Row]) -> dict[str, list[Row]]:
    warehouse = {"id": new_id(), "code": "W", "name": "Warehouse"}
    kinds = ("INTERNAL", "INTERNAL", "QUARANTINE", "SUPPLIER")
    places = [
        {
            "id": new_id(),
            "warehouse_id": warehouse["id"] if index < 3 else None,
            "code": f"L{index}",
            "name": kind,
            "kind": kind,
        }
        for index, kind in enumerate(kinds)
    ]
    levels = [
        {
            "id": new_id(),
            "product_id": product["id"],
            "location_id": place["id"],
            "on_hand": Decimal(index % 4 + where) / 2,
            "reserved": Decimal(index % 2) / 2 if where else Decimal(0),
            "held_until": None,
            "updated_at": _later(index % 3),
        }
        for index, product in enumerate(products[:10])
        for where, place in reversed([*enumerate(places[:3])])  # their ids' order isn't their locations'
        if (index + where) % 3
    ]
    moves = [
        {
            "id": new_id(),
            "product_id": products[index % 5]["id"],
            "source_id": places[3]["id"],
            "destination_id": places[index % 3]["id"],
            "quantity": Decimal(index + 1),
            "reason": "received",
            "occurred_at": _later(index // 3),
            "principal": "tests",
        }
        for index in range(12)
    ]
    return {"warehouses": [warehouse], "locations": places, "stock_levels": levels, "stock_moves": moves}


def _shipments(orders: list[Row], lines: list[Row], place: UUID) -> dict[str, list[Row]]:
    """Of each order with lines as many shipments: half of what the line wants leaves in each."""
    shipments = [
        {
            "id": new_id(),
            "number": f"{order['number']}-{count + 1}",
            "order_id": order["id"],
            "customer_id": order["customer_id"],
            "carrier": (None, "Larch Freight")[count % 2],
            "tracking_number": f"LF {order['number']}" if count % 2 else None,
            "shipped_at": _later(index % 5, count),
        }
        for index, order in enumerate(orders)
        for count in range(index % 4)
    ]
    left = [
        {
            "id": new_id(),
            "shipment_id": shipment["id"],
            "customer_id": shipment["customer_id"],
            "position": position + 1,
            "line_item_id": line["id"],
            "location_id": place,
            "quantity": line["quantity"] / 2,
        }
        for shipment in shipments
        for position, line in enumerate(line for line in lines if line["order_id"] == shipment["order_id"])
    ]
    return {"shipments": shipments, "shipment_lines": left}


def _purchases(partners: list[Row], products: list[Row], where: Row, moves: list[Row]) -> dict[str, list[Row]]:
    """Order n has n % 3 lines; nothing of it is announced."""
    orders = [
        {
            "id": new_id(),
            "number": f"P-{index:03}",
            "status": ("DRAFT", "CANCELLED")[index % 2],
            "supplier_id": partners[index % 3]["id"],
            "currency": "EUR",
            "location_id": where["id"],
            "subtotal": Decimal("2.5") * (index % 3),
            "ordered_at": _later(index % 4),
            "expected_on": None if index % 3 else START.date() + timedelta(days=index % 5),
            "external_id": f"erp/{index}" if index % 2 else None,
            "note": ("Zurück an Absender", None)[index % 2],
            "updated_at": _later(index // 2),
        }
        for index in range(12)
    ]
    lines = [
        {
            "id": new_id(),
            "purchase_order_id": order["id"],
            "position": position + 1,
            "product_id": products[(index + position) % 5]["id"],
            "description": f"line {position}",
            "quantity": Decimal(2),
            "unit": "pcs",
            "base_quantity": Decimal(2),
            "currency": "EUR",
            "unit_price": Decimal("1.25"),
            "total": Decimal("2.5"),
            "expected_on": None if index % 2 else START.date() + timedelta(days=index % 4),
            "cancelled": Decimal(2) * (index % 2),
            "received": Decimal(0),
            "over_receipt": Decimal(0),
        }
        for index, order in enumerate(orders)
        for position in range(index % 3)
    ]
    arrived = _arrivals(orders, lines, moves)
    return {"purchase_orders": orders, "purchase_lines": lines} | arrived | _supply(partners, products, where)


def _supply(partners: list[Row], products: list[Row], where: Row) -> dict[str, list[Row]]:
    """What suppliers offer, and when to order it again."""
    offers = [
        {
            "id": new_id(),
            "product_id": products[index % 4]["id"],
            "supplier_id": partners[index // 4]["id"],
            "unit": "pcs",
            "lead_days": index,
            "priority": index % 2,
            "price": None if index % 3 else Decimal(index),
            "currency": None if index % 3 else "EUR",
        }
        for index in range(10)
    ]
    rules = [
        {
            "id": new_id(),
            "product_id": product["id"],
            "warehouse_id": where["warehouse_id"],
            "location_id": where["id"],
            "point": Decimal(index % 7),
            "target": Decimal(100),
            "supplier_id": partners[index % 3]["id"],
        }
        for index, product in enumerate(products[:4])
    ]
    return {"product_suppliers": offers, "reorder_rules": rules}


def _arrivals(orders: list[Row], lines: list[Row], moves: list[Row]) -> dict[str, list[Row]]:
    """The receipt of each order that has lines, by a move of its first line's product; and one more move that went back."""
    receipts = [
        {
            "id": new_id(),
            "number": f"{order['number']}-1",
            "purchase_order_id": order["id"],
            "reference": None if index % 2 else f"slip {index}",
            "principal": "tests",
            "received_at": _later(index),
        }
        for index, order in enumerate(orders)
        if index % 3
    ]
    left, came = [*moves], []
    for receipt in receipts:
        line = next(line for line in lines if line["purchase_order_id"] == receipt["purchase_order_id"])
        move = next(move for move in left if move["product_id"] == line["product_id"])
        left.remove(move)
        line |= {"received": move["quantity"], "over_receipt": move["quantity"]}
        where = {"location_id": move["destination_id"], "quantity": move["quantity"]}
        came.append(
            {"id": move["id"], "receipt_id": receipt["id"], "position": 1, "purchase_line_id": line["id"]} | where
        )
    gone = [
        {
            "id": left[0]["id"],
            "purchase_line_id": lines[0]["id"],
            "location_id": left[0]["source_id"],
            "quantity": left[0]["quantity"],
        }
    ]
    return {"receipts": receipts, "receipt_lines": came, "purchase_return_lines": gone}


def _holds(levels: list[Row]) -> dict[str, list[Row]]:
    """One with two lines, and one with the rest of what is reserved."""
    far = START + timedelta(days=36_500)
    holds = [{"id": new_id(), "reference": f"basket {size}", "expires_at": far} for size in (2, 20)]
    kept = []
    for index, level in enumerate(level for level in levels if level["reserved"]):
        level["held_until"] = far
        line = {name: level[name] for name in ("product_id", "location_id")}
        line |= {"id": new_id(), "hold_id": holds[index > 1]["id"], "quantity": level["reserved"], "expires_at": far}
        kept.append(line)
    return {"stock_holds": holds, "stock_hold_lines": kept}


def _events(subjects: list[Row]) -> list[Row]:
    """Record n has n % 4 events: some have none."""
    return [
        {
            "id": new_id(),
            "type": ("order.created", "order.updated", "order.confirmed")[number],
            "subject_id": subject["id"],
            "version": None if number == 1 else number + 1,
            "principal": "tests",
            "before": '{"note": "before"}' if number == 1 else None,
            "after": f'{{"note": "after", "n": {number}}}',
            "occurred_at": _later(index // 2 + number),
        }
        for index, subject in enumerate(subjects)
        for number in range(index % 4)
    ]


async def load(target: Target, name: str = "oddments") -> Oddments:
    """The tenant with its rows."""
    products, partners = _products(), _partners()
    orders = _orders(partners)
    # Products have taxes and categories, prices are of products, and partners buy by lists.
    rows = {**taxes(partners, products, _later), "product_categories": categories(products), "products": products}
    rows |= prices(partners, products, _later) | {"partners": partners, "orders": orders}
    rows["line_items"] = _lines(orders, products)
    rows["lots"] = lots(products, START.date())
    rows |= _stock(products)
    rows["allocation_policies"] = [{"id": new_id(), "rule": "WHOLE_FIRST"}]
    rows |= _shipments(orders, rows["line_items"], rows["locations"][0]["id"])
    rows |= _purchases(partners, products, rows["locations"][0], rows["stock_moves"])
    rows |= _holds(rows["stock_levels"])
    rows["events"] = _events([*orders, *products[:4], *partners[:4]])
    rows |= webhooks(24, rows["events"])
    return await stored(target, name, rows)


async def stored(target: Target, name: str, rows: dict[str, list[Row]]) -> Oddments:
    """Store a tenant and its rows as the owner, bound to it as any writer is."""
    made = Oddments(new_id(), rows)
    async with administration(target, made.tenant) as connection:
        await connection.execute("INSERT INTO tenants (id, name, currency) VALUES ($1, $2, 'EUR')", made.tenant, name)
        for table, each in made.rows.items():
            names = ["tenant_id", *each[0]]
            marks = ", ".join(f"${index + 1}" for index in range(len(names)))
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"
            await connection.executemany(statement, [(made.tenant, *row.values()) for row in each])
    return made
