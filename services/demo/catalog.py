"""The products and their categories, and the warehouses with the locations that they lie in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate, product

from core.units import MOST_DECIMALS
from services.demo.companies import Company, Scale
from services.demo.ledger import Level
from services.demo.seed import FIRST_ORDER, FOUNDED, Seed, moment
from services.demo.taxes import Taxes
from services.demo.words import Goods

PRODUCT_COLUMNS = (
    *("tenant_id", "id", "sku", "name", "description", "barcode", "unit", "list_price", "list_price_currency"),
    *("active", "external_id", "version", "created_at", "updated_at", "unit_decimals", "category_id"),
)
CATEGORY_COLUMNS = ("tenant_id", "id", "code", "name", "parent_id", "cost_method", "tax_id", "created_at", "updated_at")
WAREHOUSE_COLUMNS = ("tenant_id", "id", "code", "name", "created_at", "updated_at")
LOCATION_COLUMNS = ("tenant_id", "id", "warehouse_id", "code", "name", "kind", "created_at", "updated_at")

Row = tuple[object, ...]


@dataclass(slots=True)
class Item:
    """A product as orders see it.

    ``short``: sold out, and what is ordered of it waits. ``inspected``: what comes back isn't sold again. ``tax`` is the code of what
    its category bears.
    """

    id: str
    name: str
    price: Decimal
    tax: str
    quantities: tuple[Decimal, ...]
    active: bool
    short: bool
    inspected: bool
    levels: list[Level] = field(default_factory=list)


@dataclass(slots=True)
class Places:
    """A company's locations by what they are for: ids, or pairs of an aisle and its quarantine."""

    supplier: str = ""
    customer: str = ""
    loss: str = ""
    aisles: list[tuple[str, str]] = field(default_factory=list)


def places(company: Company, tenant: str, seed: Seed) -> tuple[Places, list[Row], list[Row]]:
    """The locations, the rows of the warehouses and the rows of the locations."""
    found, warehouses, locations = Places(), list[Row](), list[Row]()
    at = moment(FOUNDED)

    def locate(warehouse: str | None, code: str, name: str, kind: str) -> str:
        location = seed.id(FOUNDED, len(locations))
        locations.append((tenant, location, warehouse, code, name, kind, at, at))
        return location

    for place in company.places:
        warehouse = seed.id(FOUNDED, len(warehouses))
        warehouses.append((tenant, warehouse, place.code, place.name, at, at))
        held = locate(warehouse, f"{place.code}-Q", "Quarantine", "QUARANTINE")
        for aisle in "ABCDEFGH"[: place.aisles]:
            found.aisles.append((locate(warehouse, f"{place.code}-{aisle}", f"Aisle {aisle}", "INTERNAL"), held))
    found.supplier = locate(None, "SUPPLIERS", "Suppliers", "SUPPLIER")
    found.customer = locate(None, "CUSTOMERS", "Customers", "CUSTOMER")
    found.loss = locate(None, "LOSS", "Breakage, shrinkage and counting differences", "LOSS")
    return found, warehouses, locations


def categories(company: Company, tenant: str, rates: Taxes) -> tuple[dict[str, str], list[Row]]:
    """The categories of each kind of goods by its code, and the rows of all, those above first. By chance of their own."""
    seed, at, names = (
        Seed(f"{company.name} categories"),
        moment(FOUNDED),
        {each.code: each.noun for each in company.goods},
    )
    method, found, above, below = "AVERAGE" if company.retail else "FIFO", dict[str, str](), list[Row](), list[Row]()
    for number, (group, codes) in enumerate(company.groups.items()):
        parent = seed.id(FOUNDED, number)
        above.append((tenant, parent, group.split()[0].upper(), group, None, method, None, at, at))
        for code in codes:
            found[code] = seed.id(FOUNDED, 100 + len(found))
            tax = rates.borne[rates.of(code)].id
            below.append((tenant, found[code], code, names[code], parent, method, tax, at, at))
    return found, above + below


def products(
    company: Company,
    scale: Scale,
    tenant: str,
    seed: Seed,
    aisles: list[tuple[str, str]],
    within: Mapping[str, str],
    rates: Taxes,
) -> Iterator[tuple[Item, Row]]:
    """Each product with its row, in the category of its goods. It has stock at one to four locations, three on average."""
    kinds = [
        (goods, size, finish, line)
        for goods in company.goods
        for size, finish, line in product(goods.sizes, goods.finishes, company.lines)
    ]
    step = (FIRST_ORDER - FOUNDED) // scale.products
    for number, kind in enumerate(seed.distinct(scale.products, len(kinds))):
        goods, size, finish, line = kinds[kind]
        name = company.title.format(line=line, noun=goods.noun, finish=finish, size=size)
        created = FOUNDED + number * step
        item = Item(
            id=seed.id(created),
            name=name,
            price=_price(company, goods, seed),
            tax=rates.of(goods.code),
            quantities=_quantities(company, goods.unit),
            active=not seed.chance(0.03),
            short=seed.chance(0.04),
            inspected=seed.chance(0.1),
        )
        count = seed.among((1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4))
        item.levels = [Level(item.id, *aisles[place]) for place in seed.distinct(count, len(aisles))]
        yield item, (*_row(company, goods, item, number, tenant, created, seed), within[goods.code])


def _row(company: Company, goods: Goods, item: Item, number: int, tenant: str, created: int, seed: Seed) -> Row:
    priced = not seed.chance(0.02)
    return (
        tenant,
        item.id,
        f"{goods.code}-{10_001 + number}",
        item.name,
        f"{goods.use}." if seed.chance(0.8) else None,
        _barcode(seed) if goods.unit in {"pcs", "box"} and seed.chance(0.9) else None,
        goods.unit,
        item.price if priced else None,
        company.currency if priced else None,
        item.active,
        f"PIM-{400_000 + number}" if seed.chance(0.3) else None,
        *seed.history(created),
        0 if goods.unit in {"pcs", "box"} else MOST_DECIMALS,
    )


def _price(company: Company, goods: Goods, seed: Seed) -> Decimal:
    """A retailer's ends in .99, .95 or .50; a wholesaler's has two decimals, or three, or four."""
    exact = goods.low + (goods.high - goods.low) * seed.random() * seed.random()
    if company.retail:
        return Decimal(int(exact)) + Decimal(seed.among((".99", ".95", ".50")))
    return Decimal(int(exact * 10_000)).scaleb(-4).quantize(Decimal(seed.among((".01", ".01", ".001", ".0001"))))


def _quantities(company: Company, unit: str) -> tuple[Decimal, ...]:
    """What customers order of a unit, the frequent ones repeated."""
    if unit == "kg":
        return tuple(map(Decimal, ("0.25", "0.5", "1", "1", "2.5", "5", "12.5")))
    if unit == "m":
        return tuple(map(Decimal, ("1", "1.5", "2", "3", "5", "7.25", "10", "25")))
    return tuple(map(Decimal, (1, 1, 1, 1, 2, 2, 3, 4, 6) if company.retail else (1, 2, 4, 5, 10, 10, 12, 20, 25, 50)))


def _barcode(seed: Seed) -> str:
    """An EAN-13 of the range for use inside a company (2…), with its check digit."""
    digits = f"2{seed.below(10**11):011}"
    weighed = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def popularity(count: int, floor: int) -> list[float]:
    """Cumulated weights for a choice among so many: the first often, the last now and then."""
    return list(accumulate(1 / (rank + floor) for rank in range(count)))
