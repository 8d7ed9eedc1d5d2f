"""What lists add up to, in plain Python over the rows that the graph shows: the model of every aggregate.

And rows that make it hard: three currencies with other digits, two units, lines at every stage, a partner without orders.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from core.money import digits
from db.runtime.engine import Target
from tests.support import oddments
from tests.support.oddments import Oddments

Node = dict[str, Any]

CURRENCIES = ("EUR", "JPY", "KWD")
UNITS = ("kg", "pcs")

MONEY = (
    "{ currency count sum { amount currency } avg { amount currency } min { amount currency } max { amount currency } }"
)
QUANTITY = "{ unit count sum avg min max }"
PRICE = "{ currency unit avg { amount currency } min { amount currency } max { amount currency } }"

SHOWN = {
    "orders": "id customer { id } placedAt total { amount currency } subtotal { amount currency } taxTotal { amount currency }",
    "lineItems": "id order { id customer { id } } product { id unit } quantity shippedQuantity returnedQuantity"
    " cancelledQuantity unitPrice { amount currency } total { amount currency }",
    "stockLevels": "id product { id unit } onHand reserved available",
}
"""What is read of the rows of a list."""

ASKED = {
    "orders": f"count customerCount total {MONEY} subtotal {MONEY} taxTotal {MONEY} placedAt {{ count min max }}",
    "lineItems": "count orderCount productCount customerCount wantedCount shippedInFullCount"
    f" quantity {QUANTITY} shippedQuantity {QUANTITY} returnedQuantity {QUANTITY} cancelledQuantity {QUANTITY}"
    f" openQuantity {QUANTITY} total {MONEY} openTotal {MONEY} unitPrice {PRICE}",
    "stockLevels": f"count productCount onHand {QUANTITY} reserved {QUANTITY} available {QUANTITY}",
}
"""Every measure of a list."""


async def load(target: Target, name: str = "mixed", moments: Sequence[datetime] = ()) -> Oddments:
    """A tenant with the rows of the oddments, but in several currencies and units, with prices and progress of all kinds. With
    ``moments``: an order at each of these.
    """
    products, partners = oddments._products(), oddments._partners()
    for index, product in enumerate(products):
        product["unit"] = UNITS[index % 2]
    orders = oddments._orders(partners, len(moments) or 16)
    for index, order in enumerate(orders):
        order["currency"] = CURRENCIES[index % 3]
        order["placed_at"] = moments[index] if moments else order["placed_at"]
    lines = oddments._lines(orders, products)
    currencies = {order["id"]: order["currency"] for order in orders}
    for index, line in enumerate(lines):
        line["currency"] = currencies[line["order_id"]]
        line["unit_price"] = Decimal("0.333335") * (index % 5) + index % 3
        line["shipped"] = line["quantity"] * (index % 3) / 4
        line["cancelled"] = line["quantity"] - line["shipped"] if index % 4 else Decimal(0)
        line["returned"] = line["shipped"] / 2
        line["total"] = minor(line["quantity"] * line["unit_price"], line["currency"])
    for order in orders:
        order["subtotal"] = sum((line["total"] for line in lines if line["order_id"] == order["id"]), Decimal(0))
        order["tax_total"] = Decimal(int(order["subtotal"]) // 3)
    rows = {"products": products, "partners": partners, "orders": orders, "line_items": lines}
    rows |= oddments._stock(products)
    rows["events"] = oddments._events([*orders, *products[:4], *partners[:4]])
    return await oddments.stored(target, name, rows)


# ---------------------------------------------------------------- numbers as the graph writes them


def minor(amount: Decimal, currency: str) -> Decimal:
    return rounded(amount, digits(currency))


def rounded(number: Decimal, places: int) -> Decimal:
    with localcontext(prec=100):
        return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def written(number: Decimal, least: int = 0) -> str:
    """With at least so many digits after the point, and without zeros after those."""
    whole, _, rest = f"{number:f}".partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{whole}.{rest}" if rest else whole


def mean(total: Decimal, divisor: Decimal | int) -> Decimal:
    with localcontext(prec=100):
        return rounded(total / divisor, 6)


def money(currency: str, amounts: Sequence[Decimal]) -> Node:
    def of(amount: Decimal, places: int | None = None) -> Node:
        text = f"{amount:.{digits(currency)}f}" if places is None else written(amount, places)
        return {"amount": text, "currency": currency}

    total = sum(amounts, Decimal(0))
    return {
        "currency": currency,
        "count": len(amounts),
        "sum": of(total),
        "avg": of(mean(total, len(amounts)), digits(currency)),
        "min": of(min(amounts)),
        "max": of(max(amounts)),
    }


def quantity(unit: str, quantities: Sequence[Decimal]) -> Node:
    total = sum(quantities, Decimal(0))
    numbers = {"sum": total, "avg": mean(total, len(quantities)), "min": min(quantities), "max": max(quantities)}
    return {"unit": unit, "count": len(quantities)} | {name: written(each) for name, each in numbers.items()}


def price(unit: tuple[str, str], pairs: Sequence[tuple[Decimal, Decimal]]) -> Node:
    """Of pairs of a price and a quantity."""
    currency = unit[0]
    weighted = mean(sum((each * many for each, many in pairs), Decimal(0)), sum(many for _, many in pairs))
    numbers = {"avg": weighted, "min": min(each for each, _ in pairs), "max": max(each for each, _ in pairs)}
    return {"currency": currency, "unit": unit[1]} | {
        name: {"amount": written(each, digits(currency)), "currency": currency} for name, each in numbers.items()
    }


def apart(pairs: Iterable[tuple[Any, Any]], of: Callable[[Any, list[Any]], Node]) -> list[Node]:
    """For each unit what its values come to, in the units' order."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for unit, each in pairs:
        found[unit].append(each)
    return [of(unit, found[unit]) for unit in sorted(found)]


# ---------------------------------------------------------------- what lists come to


def fold(field: str, nodes: Sequence[Node]) -> Node:
    """Every measure of a list, of all its rows."""
    return {"orders": _orders, "lineItems": _lines, "stockLevels": _levels}[field](nodes)


def _orders(nodes: Sequence[Node]) -> Node:
    def of(name: str) -> list[Node]:
        return apart(((node[name]["currency"], Decimal(node[name]["amount"])) for node in nodes), money)

    times = [node["placedAt"] for node in nodes]
    return {
        "count": len(nodes),
        "customerCount": len({node["customer"]["id"] for node in nodes}),
        **{name: of(name) for name in ("total", "subtotal", "taxTotal")},
        "placedAt": {
            "count": len(nodes),
            "min": min(times, key=_moment, default=None),
            "max": max(times, key=_moment, default=None),
        },
    }


def _moment(text: str) -> str:
    return text.removesuffix("Z").ljust(26, "." if len(text) == 20 else "0")


def _lines(nodes: Sequence[Node]) -> Node:
    every: list[Any] = [{name: Decimal(node[name]) for name in _QUANTITIES} | {"node": node} for node in nodes]
    for each in every:
        each["openQuantity"] = each["quantity"] - each["shippedQuantity"] - each["cancelledQuantity"]
        each["currency"], each["unit"] = each["node"]["total"]["currency"], each["node"]["product"]["unit"]
        each["price"] = Decimal(each["node"]["unitPrice"]["amount"])
        each["total"] = Decimal(each["node"]["total"]["amount"])
        each["openTotal"] = minor(each["openQuantity"] * each["price"], each["currency"])
    wanted = [each for each in every if each["cancelledQuantity"] < each["quantity"]]
    in_full = [each for each in wanted if each["shippedQuantity"] == each["quantity"] - each["cancelledQuantity"]]
    return {
        "count": len(nodes),
        "orderCount": len({node["order"]["id"] for node in nodes}),
        "productCount": len({node["product"]["id"] for node in nodes}),
        "customerCount": len({node["order"]["customer"]["id"] for node in nodes}),
        "wantedCount": len(wanted),
        "shippedInFullCount": len(in_full),
        **{
            name: apart(((each["unit"], each[name]) for each in every), quantity)
            for name in (*_QUANTITIES, "openQuantity")
        },
        **{name: apart(((each["currency"], each[name]) for each in every), money) for name in ("total", "openTotal")},
        "unitPrice": apart(
            (((each["currency"], each["unit"]), (each["price"], each["quantity"])) for each in every), price
        ),
    }


_QUANTITIES = ("quantity", "shippedQuantity", "returnedQuantity", "cancelledQuantity")


def _levels(nodes: Sequence[Node]) -> Node:
    return {
        "count": len(nodes),
        "productCount": len({node["product"]["id"] for node in nodes}),
        **{
            name: apart(((node["product"]["unit"], Decimal(node[name])) for node in nodes), quantity)
            for name in ("onHand", "reserved", "available")
        },
    }
