"""What became of a file, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from services.imports.judging import DERIVED
from services.imports.store import Counts, Stored

COUNTRIES_SHOWN = 5


@dataclass(frozen=True)
class Summary:
    """What became of a file: ``read == imported + already_there + sum(left_out) + sum(rejected)``, in rows."""

    read: int
    stored: Stored
    imported: int
    already_there: int
    rejected: dict[str, int]
    left_out: dict[str, int]
    totals: dict[str, Decimal]
    rejected_file: Path
    currencies: list[str] = field(default_factory=list)
    unknown_countries: Mapping[str, int] = field(default_factory=dict)
    """Names that are no country's, and in how many rows: customers have none for them."""
    preview: str = ""

    @classmethod
    def of(
        cls,
        read: int,
        stored: Stored,
        counts: Counts,
        left_out: Mapping[str, int],
        totals: dict[str, Decimal],
        rejected_file: Path,
        currencies: list[str],
    ) -> "Summary":
        """With what was left out row by row, and what was left out with its order."""
        left = dict(left_out)
        for word, rows in counts.left_out.items():
            left[word] = left.get(word, 0) + rows
        return cls(
            read,
            stored,
            counts.imported,
            counts.already_there,
            counts.rejected,
            left,
            totals,
            rejected_file,
            currencies,
        )

    def with_unknown_countries(self, found: Mapping[str, int]) -> "Summary":
        return replace(self, unknown_countries=found)

    def with_preview(self, shown: str) -> "Summary":
        return replace(self, preview=shown)

    def as_facts(self) -> dict[str, Any]:
        """The numbers, as the import's record keeps them."""
        one = self.stored
        return {
            "rows": {
                "read": self.read,
                "imported": self.imported,
                "alreadyThere": self.already_there,
                "leftOut": sum(self.left_out.values()),
                "rejected": sum(self.rejected.values()),
            },
            "orders": one.orders,
            "lineItems": one.lines,
            "products": one.products,
            "partners": one.partners,
            "totals": {code: f"{amount:f}" for code, amount in self.totals.items()},
        }

    @property
    def exit_code(self) -> int:
        """0: everything is stored. 3: some rows were rejected. 1: all that could have been stored was rejected."""
        if not self.rejected:
            return 0
        return 3 if self.imported or self.already_there else 1

    def __str__(self) -> str:
        rejected, left = sum(self.rejected.values()), sum(self.left_out.values())
        one = self.stored
        amounts = self.totals or dict.fromkeys(self.currencies[:1], one.total)
        total = " + ".join(f"{amount:,f} {code}" for code, amount in amounts.items())
        became = f"{self.imported:,} imported + {self.already_there:,} already there + {left:,} left out + {rejected:,} rejected"
        return "\n".join(
            [
                f"{self.read:,} rows read = {became}",
                f"{one.lines:,} line items in {one.orders:,} orders, {one.products:,} new products, {one.partners:,} new customers",
                f"{one.units:,f} units, {total} in total",
                *([] if one.lines else ["Nothing was added."]),
                *([f"left out: {_listed(self.left_out)}"] if left else []),
                *([self._rejected()] if rejected else []),
                *([self._countries()] if self.unknown_countries else []),
                *([self.preview, "This was a dry run: nothing was stored."] if self.preview else []),
            ]
        )

    def _countries(self) -> str:
        ranked = sorted(self.unknown_countries.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{rows:,} {name!r}" for name, rows in ranked[:COUNTRIES_SHOWN])
        more = f" and {len(ranked) - COUNTRIES_SHOWN:,} others" if len(ranked) > COUNTRIES_SHOWN else ""
        return f"customers without a country, as it isn't known: {named}{more}; [countries] of the mapping says what they are"

    def _rejected(self) -> str:
        where = "" if self.preview else f"; see {self.rejected_file}"
        return f"rejected: {_listed(self.rejected)}{where}"


@dataclass(frozen=True)
class ThingsSummary:
    """What became of a file of products, partners or stock, in rows."""

    what: str
    read: int
    imported: int
    already_there: int
    rejected: dict[str, int]
    left_out: dict[str, int]
    rejected_file: Path
    dry_run: bool = False
    preview: str = ""

    def as_facts(self) -> dict[str, Any]:
        """The numbers, as the import's record keeps them."""
        rows = {
            "read": self.read,
            "imported": self.imported,
            "alreadyThere": self.already_there,
            "leftOut": sum(self.left_out.values()),
            "rejected": sum(self.rejected.values()),
        }
        return {"rows": rows, "balances" if self.what == "stock" else self.what: self.imported}

    @property
    def exit_code(self) -> int:
        """As of orders."""
        if not self.rejected:
            return 0
        return 3 if self.imported or self.already_there else 1

    def __str__(self) -> str:
        rejected, left = sum(self.rejected.values()), sum(self.left_out.values())
        became = f"{self.imported:,} imported + {self.already_there:,} already there + {left:,} left out + {rejected:,} rejected"
        where = "" if self.dry_run else f"; see {self.rejected_file}"
        return "\n".join(
            [
                f"{self.read:,} rows read = {became}",
                *([f"left out: {_listed(self.left_out)}"] if left else []),
                *([f"rejected: {_listed(self.rejected)}{where}"] if rejected else []),
                *([self.preview] if self.preview else []),
                *(["This was a dry run: nothing was stored."] if self.dry_run else []),
            ]
        )


REJECTED_SHOWN, ORDERS_SHOWN, LINES_SHOWN = 10, 5, 5

_REJECTED = f"""
SELECT line, reason, CASE WHEN position('\\x00'::bytea IN raw) = 0 THEN left(convert_from(raw, 'UTF8'), 200) ELSE '…' END AS row
FROM {{table}} WHERE reason IS NOT NULL AND {{where}} ORDER BY line LIMIT {REJECTED_SHOWN}
"""
# Spread over the file, not its first ones: what is odd is often further down.
_ORDERS = f"""
SELECT o.id, o.number, o.status, p.code, o.placed_at, o.currency, trim_scale(o.total)::text AS total
FROM (SELECT number, ntile({ORDERS_SHOWN}) OVER (ORDER BY n) AS part, n FROM import_orders) i
JOIN orders o ON o.tenant_id = $1 AND o.number = i.number JOIN partners p ON p.tenant_id = $1 AND p.id = o.customer_id
WHERE i.n IN (SELECT min(n) FROM (SELECT n, ntile({ORDERS_SHOWN}) OVER (ORDER BY n) AS part FROM import_orders) t GROUP BY part)
ORDER BY i.n
"""
_LINES = f"""
SELECT l.position, p.sku, l.description, trim_scale(l.quantity)::text AS quantity, trim_scale(l.unit_price)::text AS price,
       trim_scale(l.total)::text AS total
FROM line_items l JOIN products p ON p.tenant_id = $1 AND p.id = l.product_id
WHERE l.tenant_id = $1 AND l.order_id = $2 ORDER BY l.position LIMIT {LINES_SHOWN}
"""


async def _first_rejected(connection: Any, table: str, where: str = "true") -> list[str]:
    rows = await connection.fetch(_REJECTED.format(table=table, where=where))
    return [f"line {row['line']}: {row['reason']}\n    {row['row'].strip()}" for row in rows]


async def things_preview(connection: Any) -> str:
    """The first rejected records: a dry run writes no list that has them."""
    return "\n".join(await _first_rejected(connection, "import_things"))


async def preview(connection: Any, tenant: UUID) -> str:
    """The first rejected rows, and some of the orders as they would be stored, for people to look at."""
    lines = await _first_rejected(connection, "import_rows", f"NOT {DERIVED}")
    for order in await connection.fetch(_ORDERS, tenant):
        lines.append(
            f"order {order['number']}: {order['status']}, of {order['code']}, {order['placed_at']:%Y-%m-%d %H:%M} UTC,"
            f" {order['total']} {order['currency']}"
        )
        lines += [
            f"    {line['position']}. {line['quantity']} x {line['sku']} ({line['description'][:60]}) at {line['price']}: {line['total']}"
            for line in await connection.fetch(_LINES, tenant, order["id"])
        ]
    return "\n".join(lines) or "There is nothing to show."


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in counts.items())
