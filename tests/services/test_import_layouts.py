"""The mappings that come along, each with a small invented file of its system, and exactly what it becomes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from db.runtime.engine import Target, administration
from services.imports import import_orders
from services.platform import tenants
from tests.support.imports import lines, orders, partners, torn_totals

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "import"

FOUND: dict[str, dict[str, Any]] = {
    "shopify.csv": {
        "rows": (6, 5, {"status voided": 1}),
        "orders": [
            ("#2001", "CLOSED", "nora@example.org", "EUR", "52.3", "2024-05-02 08:00"),
            ("#2002", "CLOSED", "ole@example.org", "USD", "21", "2024-05-03 07:00"),
            ("#2004", "CLOSED", "pia@example.org", "EUR", "25", "2024-05-04 06:00"),
        ],
        "lines": [
            ("#2001", 1, "POT-B", "Teapot blue", "2", "19.9", "36", "2"),
            ("#2001", 2, "CUP", "Cup", "3", "4.2", "11.4", "3"),
            ("#2001", 3, "SHIPPING", "Shipping", "1", "4.9", "4.9", "1"),
            ("#2002", 1, "CUP", "Cup", "5", "4.2", "21", "5"),
            ("#2004", 1, "POT-B", "Teapot blue", "1", "19.9", "17.1", "1"),
            ("#2004", 2, "Gift wrap", "Gift wrap", "1", "3", "3", "1"),
            ("#2004", 3, "SHIPPING", "Shipping", "1", "4.9", "4.9", "1"),
        ],
        "partners": [
            ("nora@example.org", "Nora Lind", "DE"),
            ("ole@example.org", "Ole Berg", "US"),
            ("pia@example.org", "Pia Roos", "NL"),
        ],
        "returned": [("#2002", "CUP", "5")],
    },
    "woocommerce.csv": {
        "rows": (4, 3, {"status Refunded": 1}),
        "orders": [
            ("801", "CLOSED", "siv@example.net", "EUR", "61.7", "2024-06-01 06:15"),
            ("803", "CLOSED", "GUEST", "EUR", "4.2", "2024-06-02 08:30"),
        ],
        "lines": [
            ("801", 1, "CUP-02", "Cup & Saucer", "2", "18.9", "35.87", "2"),
            ("801", 2, "SPN-12", "Spoon 12 cm", "5", "4.2", "19.93", "5"),
            ("801", 3, "SHIPPING", "Shipping", "1", "5.9", "5.9", "1"),
            ("803", 1, "Sample card", "Sample card", "1", "4.2", "4.2", "1"),
        ],
        "partners": [("GUEST", "GUEST", "SE"), ("siv@example.net", "Siv Holm", "FI")],
    },
    "amazon.txt": {
        "rows": (4, 3, {"cancelled": 1}),
        "orders": [
            ("304-1", "CLOSED", "a1@market.example", "EUR", "78.97", "2024-05-17 10:11"),
            ("304-3", "CLOSED", "b2@market.example", "GBP", "27.5", "2024-05-19 21:30"),
        ],
        "lines": [
            ("304-1", 1, "SCR-12", 'Screen 12" "matt', "2", "29.99", "54.98", "2"),
            ("304-1", 2, "CBL-1", "Cable 1 m", "3", "6.666667", "20", "3"),
            ("304-1", 3, "SHIPPING", "Shipping", "1", "3.99", "3.99", "1"),
            ("304-3", 1, "SCR-12", 'Screen 12"', "1", "27.5", "27.5", "1"),
        ],
        "partners": [("a1@market.example", "Jo Falk", "DE"), ("b2@market.example", "Am Roe", "GB")],
    },
    "ebay.csv": {
        "rows": (6, 3, {"row of a whole order": 2, "end of the report": 1}),
        "orders": [
            ("11-100-01", "CLOSED", "kim_77", "USD", "1267.5", "2024-03-30 07:00"),
            ("11-100-02", "CLOSED", "tomf", "USD", "47.4", "2024-03-31 07:00"),
        ],
        "lines": [
            ("11-100-01", 1, "RAD-62", "Radio, 1962", "1", "1249", "1249", "1"),
            ("11-100-01", 2, "SHIPPING", "Shipping", "1", "18.5", "18.5", "1"),
            ("11-100-02", 1, "FUS-2", "Fuse 2 A", "2", "4.2", "8.4", "2"),
            ("11-100-02", 2, "330013", "Knob", "1", "30", "30", "1"),
            ("11-100-02", 3, "SHIPPING", "Shipping", "1", "9", "9", "1"),
        ],
        "partners": [("kim_77", "Kim Ray", "US"), ("tomf", "Tom Fox", "CA")],
    },
    "etsy.csv": {
        "rows": (3, 3, {}),
        "orders": [
            ("ETSY-32110001", "CLOSED", "Mia (mia)", "USD", "39.7", "2024-03-30 04:00"),
            ("ETSY-32110002", "CLOSED", "Tom (tom)", "GBP", "15.95", "2024-03-31 04:00"),
        ],
        "lines": [
            ("ETSY-32110001", 1, "BW-TALL", 'Candle, "tall"', "2", "14.5", "29", "2"),
            ("ETSY-32110001", 2, "148002", "Candle, small, Scent:Honey", "1", "8", "7.2", "1"),
            ("ETSY-32110001", 3, "SHIPPING", "Shipping", "1", "3.5", "3.5", "1"),
            ("ETSY-32110002", 1, "WICK-5", "Wick 5 m", "3", "4.25", "12.75", "3"),
            ("ETSY-32110002", 2, "SHIPPING", "Shipping", "1", "3.2", "3.2", "1"),
        ],
        "partners": [("Mia (mia)", "Mia Stone", "US"), ("Tom (tom)", "Tom Reed", "GB")],
    },
    "square.csv": {
        "rows": (5, 4, {"refund": 1}),
        "orders": [
            ("Tx1", "CLOSED", "WALK-IN", "USD", "28.76", "2024-11-03 05:30"),
            ("Tx2", "CLOSED", "C9", "USD", "1016.99", "2024-11-03 19:05"),
            ("Tx4", "CLOSED", "WALK-IN", "USD", "5", "2024-11-04 15:00"),
        ],
        "lines": [
            ("Tx1", 1, "BEAN-1", "Beans, Regular", "1", "18.5", "18.5", "1"),
            ("Tx1", 2, "FLT-2", "Filter", "2", "4.5", "8.1", "2"),
            ("Tx1", 3, "TAX", "Sales tax", "1", "2.16", "2.16", "1"),
            ("Tx2", 1, "BEAN-W", "Beans by weight", "0.755", "1347.006623", "1016.99", "0.755"),
            ("Tx4", 1, "Custom Amount", "Custom Amount", "1", "5", "5", "1"),
        ],
        "partners": [("C9", "Ann Bell", None), ("WALK-IN", "WALK-IN", None)],
    },
    "magento.csv": {
        "rows": (4, 3, {"part of another item": 1}),
        "orders": [
            ("000000101", "CLOSED", "eli@example.org", "EUR", "86.86", "2024-02-01 22:30"),
            ("000000102", "CANCELLED", "GUEST", "USD", "4", "2024-02-02 08:00"),
        ],
        "lines": [
            ("000000101", 1, "SHIRT-M", "Shirt", "2", "24.95", "44.91", "2"),
            ("000000101", 2, "SOCK", "Socks", "10", "3.5", "35", "6"),
            ("000000101", 3, "SHIPPING", "Shipping", "1", "6.95", "6.95", "1"),
            ("000000102", 1, "SOCK", "Socks", "1", "4", "4", "0"),
        ],
        "partners": [("GUEST", "GUEST", "US"), ("eli@example.org", "Eli Vos", "NL")],
        "returned": [("000000101", "SHIRT-M", "1")],
    },
    "odoo.csv": {
        "rows": (6, 4, {"note": 1, "status cancel": 1}),
        "orders": [
            ("S00141", "CLOSED", "Azure GmbH, Eva Blum", "EUR", "993", "2024-02-28 23:30"),
            ("S00142", "CLOSED", "Deco AG", "EUR", "20", "2024-03-01 08:00"),
        ],
        "lines": [
            ("S00141", 1, "FURN_8888", "Office Lamp", "3", "40", "108", "3"),
            ("S00141", 2, "FURN_0789", "Workplace", "1", "885", "885", "1"),
            ("S00142", 1, "FURN_8888", "Office Lamp", "1", "40", "20", "1"),
        ],
        "partners": [("Azure GmbH, Eva Blum", "Azure GmbH, Eva Blum", None), ("Deco AG", "Deco AG", None)],
    },
    "erpnext.csv": {
        "rows": (4, 3, {"status Cancelled": 1}),
        "orders": [
            ("SAL-ORD-2024-00001", "CLOSED", "CUST-1", "INR", "1251567.5", "2024-05-09 18:30"),
            ("SAL-ORD-2024-00003", "CLOSED", "CUST-2", "INR", "833.33", "2024-05-11 18:30"),
        ],
        "lines": [
            ("SAL-ORD-2024-00001", 1, "TRK", "Truck", "1", "1234567.5", "1233581.87", "1"),
            ("SAL-ORD-2024-00001", 2, "TYRE", "Tyre", "4", "4500", "17985.63", "4"),
            ("SAL-ORD-2024-00003", 1, "YARN", "Yarn", "2.5", "333.332", "833.33", "2.5"),
        ],
        "partners": [("CUST-1", "Arun Traders", None), ("CUST-2", "Bela Mills", None)],
    },
    "sap.csv": {
        "rows": (6, 4, {"return": 1, "rejected item": 1}),
        "orders": [
            ("4711", "CLOSED", "100234", "EUR", "546.25", "2023-12-30 23:00"),
            ("4713", "CLOSED", "100235", "EUR", "22.25", "2024-01-01 23:00"),
        ],
        "lines": [
            ("4711", 1, "100023", "Schraube M6x20", "12500", "0.0437", "534.03", "12500"),
            ("4711", 2, "100024", "Mutter M6", "1000", "0.0125", "12.22", "1000"),
            ("4713", 1, "KABEL", "Kabel NYM 3x1,5 grau", "2.5", "8.9", "22.25", "2.5"),
        ],
        "partners": [("100234", "100234", None), ("100235", "100235", None)],
    },
    "german.csv": {
        "rows": (6, 5, {"sum": 1}),
        "orders": [
            ("RE-1", "CLOSED", "10001", "EUR", "1203645.88", "2024-03-04 23:00"),
            ("RE-2", "CLOSED", "BARVERKAUF", "EUR", "0", "2024-03-30 23:00"),
        ],
        "lines": [
            (*("RE-1", 1, "0815", "Größe \u201cXL\u201d \u2013 blau"), *("1000", "1234.5", "1203637.5", "1000")),
            ("RE-1", 2, "A-16", "Prüfgerät 5 °C", "2.5", "0.99", "2.48", "2.5"),
            ("RE-1", 3, "VERSAND", "Versand", "1", "5.9", "5.9", "1"),
            ("RE-2", 1, "00123", "Straßenschild", "1", "12.5", "0", "1"),
        ],
        "partners": [("10001", "Uwe Groß", "DE"), ("BARVERKAUF", "BARVERKAUF", "AT")],
        "returned": [("RE-1", "A-16", "1.5")],
    },
}

_RETURNED = """
SELECT o.number, p.sku, trim_scale(l.returned)::text FROM line_items l JOIN orders o ON o.id = l.order_id
JOIN products p ON p.id = l.product_id WHERE l.returned > 0 ORDER BY 1, l.position
"""


@pytest.mark.parametrize("name", FOUND)
async def test_a_layout_is_read_to_the_cent_and_once(target: Target, shop: str, tmp_path: Path, name: str) -> None:
    file, mapping = tmp_path / name, EXAMPLES / f"{name.partition('.')[0]}.toml"
    shutil.copyfile(EXAMPLES / name, file)
    wanted = FOUND[name]
    read, imported, left_out = wanted["rows"]
    summary = await import_orders(target, shop, file, mapping)
    assert (summary.read, summary.imported, summary.left_out) == (read, imported, left_out)
    assert (summary.already_there, summary.rejected, summary.exit_code) == (0, {}, 0)
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        assert await orders(connection) == wanted["orders"]
        assert await lines(connection) == wanted["lines"]
        assert await torn_totals(connection) == []
        assert await partners(connection) == wanted["partners"]
        assert [tuple(row) for row in await connection.fetch(_RETURNED)] == wanted.get("returned", [])
    again = await import_orders(target, shop, file, mapping)
    assert (again.read, again.imported, again.already_there, again.left_out) == (read, 0, imported, left_out)
    assert (again.rejected, again.stored.lines) == ({}, 0)
