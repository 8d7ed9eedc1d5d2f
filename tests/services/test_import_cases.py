"""What outside trials lost, or could not say: each case as a kind, with the right result."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput
from db.runtime.engine import Target, administration
from services.imports import Summary, import_orders, record
from services.imports.undo import undo
from services.platform import tenants
from tests.support.imports import lines, orders, rejected

HEAD = """
currency = "EUR"
default_customer = "WEB"
"""
COLUMNS = """
[columns]
order = "Order"
sku = "SKU"
quantity = "Qty"
price = "Price"
date = "Date"
customer = "Cust"
"""
TAIL = """
[dates]
timezone = "UTC"
"""
PLAIN = HEAD + COLUMNS + TAIL
KEYED = HEAD + COLUMNS + 'line = "LineId"\n' + TAIL


async def load(
    target: Target, shop: str, folder: Path, text: str, mapping: str = PLAIN, name: str = "x.csv"
) -> Summary:
    (folder / name).write_text(text, "utf-8", newline="")
    (folder / "mapping.toml").write_text(mapping, "utf-8")
    summary = await import_orders(target, shop, folder / name, folder / "mapping.toml")
    assert summary.read == summary.imported + summary.already_there + sum(summary.left_out.values()) + sum(
        summary.rejected.values()
    )
    return summary


def told(summary: Summary) -> tuple[int, int, int, dict[str, int]]:
    return summary.read, summary.imported, summary.already_there, summary.rejected


async def totals(target: Target, shop: str) -> dict[str, str]:
    async with administration(target, await tenants.find(target, shop)) as connection:
        return {row[0]: row[4] for row in await orders(connection)}


async def test_i1_an_order_is_stored_whole_or_not_at_all(target: Target, shop: str, tmp_path: Path) -> None:
    head = "Order,Date,Cust,SKU,Qty,Price\n"
    text = head + "1001,2024-01-31,ADA,PEN,1,5.00\n1001,2024-01-31,ADA,INK,1 pc,7.00\n"
    first = await load(target, shop, tmp_path, text)
    assert (*told(first), first.exit_code) == (2, 0, 0, {"quantity": 1, "whole": 1}, 1)
    listed = tmp_path / "x.csv.rejected.csv"
    corrected = listed.read_text().replace("1 pc", "1")
    second = await load(target, shop, tmp_path, corrected, name="corrected.csv")
    assert (*told(second), second.exit_code) == (2, 2, 0, {}, 0)
    assert await totals(target, shop) == {"1001": "12"}
    assert told(await load(target, shop, tmp_path, corrected, name="corrected.csv")) == (2, 0, 2, {})


async def test_i3_quotes_that_mean_nothing_lose_no_row(target: Target, shop: str, tmp_path: Path) -> None:
    text = (
        'order\tsku\ttitle\tqty\tprice\tdate\nA\tP1\t"Best mug\t1\t10\t2024-01-01\n'
        'B\tP2\tPan 12"\t5\t99\t2024-01-01\nC\tP3\tplain\t2\t7\t2024-01-01\n'
    )
    columns = "\n".join(f'{key} = "{key}"' for key in ("order", "sku", "price", "date"))
    mapping = HEAD + '[file]\ndelimiter = "\\t"\n%s\n[columns]\nquantity = "qty"\n' + columns + TAIL
    assert told(await load(target, shop, tmp_path, text, mapping % "")) == (3, 2, 0, {"quotes": 1})
    again = await load(target, shop, tmp_path, text, mapping % 'quote = ""')
    assert told(again) == (3, 1, 2, {})
    assert await totals(target, shop) == {"A": "10", "B": "495", "C": "14"}


async def test_i4_a_line_has_an_identity(target: Target, shop: str, tmp_path: Path) -> None:
    head = "Order,Date,Cust,SKU,Qty,Price,LineId\n"
    both = (
        head + "1001,2024-01-31,A,S1,1,5.00,901\n1002,2024-01-31,A,S1,1,5.00,902\n"
        + head + "1002,2024-01-31,A,S1,1,5.00,902\n1003,2024-02-01,A,S1,1,5.00,903\n"
    )  # fmt: skip
    first = await load(target, shop, tmp_path, both)
    assert (*told(first), first.left_out) == (5, 3, 1, {}, {"header": 1})
    assert await totals(target, shop) == {"1001": "5", "1002": "5", "1003": "5"}
    # A known number doesn't make a row already there: not one that the order hasn't, and not another shop's.
    more = head + "1001,2024-01-31,A,S3,1,7.00,9\n1002,2024-01-31,B,S1,1,5.00,9\n1003,2024-02-01,A,S1,1,5.00,903\n"
    second = await load(target, shop, tmp_path, more)
    assert told(second) == (3, 0, 1, {"order": 2})
    assert [row[1] for row in rejected(tmp_path, "x.csv")] == [
        "order: Order 1001 is there already, and has no such line.",
        "order: There is another order 1002 already, of customer A.",
    ]


async def test_i4_a_key_tells_lines_of_one_content_apart(target: Target, shop: str, tmp_path: Path) -> None:
    head = "Order,Date,Cust,SKU,Qty,Price,LineId\n"
    one, two = "1,2024-01-31,A,S1,1,5.00,901\n", "1,2024-01-31,A,S1,1,5.00,902\n"
    assert told(await load(target, shop, tmp_path, head + one, KEYED)) == (1, 1, 0, {})
    assert told(await load(target, shop, tmp_path, head + one + one, KEYED)) == (2, 0, 2, {})
    assert told(await load(target, shop, tmp_path, head + one + two, KEYED)) == (2, 0, 1, {"order": 1})
    other = head + one.replace("1,2024", "2,2024") + one.replace("1,2024", "2,2024").replace("5.00", "6.00")
    assert told(await load(target, shop, tmp_path, other, KEYED)) == (2, 0, 0, {"line": 1, "whole": 1})
    assert await totals(target, shop) == {"1": "5"}


async def test_i4_numbers_of_another_shop_have_a_prefix(target: Target, shop: str, tmp_path: Path) -> None:
    text = "Order,Date,Cust,SKU,Qty,Price\n1001,2024-01-31,A,S1,1,5.00\n"
    await load(target, shop, tmp_path, text)
    other = PLAIN.replace('order = "Order"', 'order = { column = "Order", prefix = "SHOP2-" }')
    assert told(await load(target, shop, tmp_path, text, other)) == (1, 1, 0, {})
    assert await totals(target, shop) == {"1001": "5", "SHOP2-1001": "5"}


async def test_i5_a_rejected_first_row_takes_its_order_along(target: Target, shop: str, tmp_path: Path) -> None:
    rows = "1,2024-01-31,ACME,SERVICE,0,0.00\n1,2024-01-31,,S2,1,5.00\n1,2024-01-31,,S3,1,90.00\n"
    summary = await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price\n" + rows)
    assert told(summary) == (3, 0, 0, {"quantity": 1, "whole": 2})
    assert await totals(target, shop) == {}


async def test_i6_what_can_t_be_read_is_never_no(target: Target, shop: str, tmp_path: Path) -> None:
    nets = ["5.00", "-$5.00", "($5.00)", "\u22125.00", "$-5.00", "-5.00", "five", ""]
    rows = "".join(f'{n},2024-01-01,A,S1,1,5.00,"{net}"\n' for n, net in enumerate(nets))
    rule = '[numbers]\nignore = ["$"]\n[[returns]]\ncolumn = "Net"\nnegative = true\n'
    summary = await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price,Net\n" + rows, PLAIN + rule)
    assert told(summary) == (8, 2, 0, {"return": 5, "rule": 1})
    assert await totals(target, shop) == {"0": "5", "7": "5"}


async def test_i7_what_is_given_away_costs_nothing(target: Target, shop: str, tmp_path: Path) -> None:
    rows = "1,2024-01-31,A,A,0.75,3.333,2.50\n1,2024-01-31,A,B,3,0.335,1.01\n2,2024-01-31,A,B,1,5,5.00\n3,2024-01-31,A,B,1,5,5.01\n"
    mapping = HEAD + COLUMNS + 'discount = "Discount"\n' + TAIL
    summary = await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price,Discount\n" + rows, mapping)
    assert told(summary) == (4, 3, 0, {"discount": 1})
    assert await totals(target, shop) == {"1": "0", "2": "0"}


async def test_i8_a_file_with_a_column_called_reason(target: Target, shop: str, tmp_path: Path) -> None:
    rule = '[[returns]]\ncolumn = "reason"\nvalues = ["return"]\n'
    text = "Order,Date,Cust,SKU,Qty,Price,reason\n1,2024-01-01,A,S1,x,5.00,sale\n"
    assert told(await load(target, shop, tmp_path, text, PLAIN + rule)) == (1, 0, 0, {"quantity": 1})
    listed = (tmp_path / "x.csv.rejected.csv").read_text()
    assert listed.startswith("line_2,reason_2,Order,Date,Cust,SKU,Qty,Price,reason\n")
    again = await load(target, shop, tmp_path, listed.replace(",x,", ",2,"), PLAIN + rule, name="again.csv")
    assert told(again) == (1, 1, 0, {})


async def test_i8_a_list_that_is_rejected_again_has_its_columns_once(target: Target, shop: str, tmp_path: Path) -> None:
    await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price\n1,2024-01-01,A,S1,x,5.00\n")
    listed = (tmp_path / "x.csv.rejected.csv").read_text()
    await load(target, shop, tmp_path, listed, name="again.csv")
    assert (tmp_path / "again.csv.rejected.csv").read_text() == listed


async def test_i8_keys_that_a_spreadsheet_damaged_are_told(target: Target, shop: str, tmp_path: Path) -> None:
    text = 'Order,Date,Cust,SKU,Qty,Price\n3.21E+09,2024-01-31,A,S1,1,5\n2,2024-01-31,A,"4,00638E+12",1,5\n3,2024-01-31,A,\'0815,1,5\n'
    text += "4.00638E12,2024-01-31,A,S1,1,5\n12E3,2024-01-31,A,4.5E27,1,5\n"
    text += (
        "#NV,2024-01-31,A,S1,1,5\n5,2024-01-31,A,#REF!,1,5\n#######,2024-01-31,A,S1,1,5\n#1001,2024-01-31,A,#7,1,5\n"
    )
    assert told(await load(target, shop, tmp_path, text)) == (9, 3, 0, {"order": 4, "sku": 2})
    async with administration(target, await tenants.find(target, shop)) as connection:
        assert [line[2] for line in await lines(connection)] == ["#7", "4.5E27", "0815"]


async def test_an_order_that_a_row_may_be_of_is_rejected_with_the_line_of_that_row(
    target: Target, shop: str, tmp_path: Path
) -> None:
    """The reason named the order's own line: "Line 3 is rejected" of line 3."""
    text = f"Order,Date,Cust,SKU,Qty,Price\n,{'x' * 200_000}\n2,2024-01-31,A,S1,1,5\n3,2024-01-31,A,S1,1,5\n"
    assert told(await load(target, shop, tmp_path, text)) == (3, 1, 0, {"text": 1, "whole": 1})
    listed = (tmp_path / "x.csv.rejected.csv").read_text().splitlines()[1:]
    assert [line[:40] for line in listed if line[0].isdigit()] == [
        "2,text: A cell or the line is too long.,",
        '3,"whole: Line 2 is rejected, and an ord',
    ]


async def test_discounts_as_fractions_with_a_mark_of_their_own(target: Target, shop: str, tmp_path: Path) -> None:
    text = """Order;Date;Cust;SKU;Qty;Price;Discount
1;04/07/2024;ADA;A1;12;14,00;0
1;04/07/2024;ADA;A2;35;42,40;0.15
2;05/07/2024;BOB;A1;6;16,80;0.05
2;05/07/2024;BOB;A3;10;9,80;0
3;06/07/2024;BOB;A3;7;1234,50;0.25
"""
    mapping = (
        HEAD + '[file]\ndelimiter = ";"\n' + COLUMNS + 'discount = { column = "Discount", decimal = "." }\n'
        '[numbers]\ndecimal = ","\ndiscount = "fraction"\n[dates]\nformats = ["%d/%m/%Y"]\ntimezone = "Europe/Berlin"\n'
    )
    summary = await load(target, shop, tmp_path, text, mapping)
    assert told(summary) == (5, 5, 0, {})
    assert summary.totals == {"EUR": Decimal("8104.29")}


async def test_rules_of_orders_and_open_orders(target: Target, shop: str, tmp_path: Path) -> None:
    text = """Order,Date,Cust,SKU,Qty,Price,State,Flag
1,2024-01-01,A,S1,1,5,open,
1,2024-01-01,A,S2,2,1,,
2,2024-01-01,A,S1,1,5,done,
2,2024-01-01,A,S2,1,5,,test
3,2024-01-01,A,S1,3,5,draft,
4,2024-01-01,A,S1,1,5,lost,
5,2024-01-01,A,S1,1,5,odd,
6,2024-01-01,A,S1,2,5,back,
"""
    rules = """
[status]
column = "State"
closed = ["done"]
confirmed = ["open"]
draft = ["draft"]
cancelled = ["lost"]
returned = ["back"]
[[skip]]
column = "Flag"
values = ["test"]
of = "order"
reason = "a test"
"""
    summary = await load(target, shop, tmp_path, text, PLAIN + rules)
    assert (*told(summary), summary.left_out) == (8, 5, 0, {"status": 1}, {"a test": 2})
    async with administration(target, await tenants.find(target, shop)) as connection:
        found = await connection.fetch(
            "SELECT o.number, o.status, o.allow_backorder, l.quantity - l.shipped - l.cancelled AS open, l.returned"
            " FROM orders o JOIN line_items l ON l.order_id = o.id ORDER BY 1, l.position"
        )
    assert [tuple(map(str, row)) for row in found] == [
        ("1", "CONFIRMED", "True", "1.000000", "0.000000"),
        ("1", "CONFIRMED", "True", "2.000000", "0.000000"),
        ("3", "DRAFT", "False", "3.000000", "0.000000"),
        ("4", "CANCELLED", "False", "0.000000", "0.000000"),
        ("6", "CLOSED", "False", "0.000000", "2.000000"),
    ]


async def test_currencies_are_told_apart(target: Target, shop: str, tmp_path: Path) -> None:
    text = "Order,Date,Cust,SKU,Qty,Price,Cur\n1,2024-01-01,A,S1,1,5,EUR\n2,2024-01-01,A,S1,1,5,USD\n3,2024-01-01,A,S1,1,500,JPY\n"
    mapping = HEAD + COLUMNS + 'currency = "Cur"\n' + TAIL
    assert told(await load(target, shop, tmp_path, text, mapping)) == (3, 1, 0, {"currency": 2})
    several = mapping.replace('"EUR"', '["EUR", "JPY"]').replace(
        "default_customer", 'other_currencies = "skip"\ndefault_customer'
    )
    second = await load(target, shop, tmp_path, text, several)
    assert (*told(second), second.left_out) == (3, 1, 1, {}, {"currency USD": 1})
    assert second.totals == {"JPY": Decimal(500)}


async def test_an_amount_in_another_currency_than_its_rows_is_rejected(
    target: Target, shop: str, tmp_path: Path
) -> None:
    """In a file of several, the signs of all of them were taken off: $1.00 in a row of EUR was 1.00 EUR."""
    rows = [
        "1,A$5.00,0,AUD",
        "2,$5.00,0,AUD",
        "3,$5.00,0,EUR",
        "4,€5.00,1,EUR",
        "5,5.00,$1,EUR",
        "6,A$5.00,0,USD",
        "7,USD 5.00,0,USD",
    ]
    text = "Order,Price,Ship,Cur,Date,Cust,SKU,Qty\n" + "".join(f"{row},2024-01-01,A,S1,1\n" for row in rows)
    mapping = HEAD.replace('"EUR"', '["EUR", "USD", "AUD"]') + COLUMNS + 'currency = "Cur"\n' + TAIL
    mapping += '\n[[charges]]\ncolumn = "Ship"\nsku = "SHIP"\ndescription = "Shipping"\nof = "row"\n'
    summary = await load(target, shop, tmp_path, text, mapping)
    assert (told(summary)[1], told(summary)[3]) == (4, {"currency": 3})
    assert summary.totals == {"AUD": Decimal(10), "EUR": Decimal(6), "USD": Decimal(5)}


async def test_a_dry_run_stores_nothing_and_shows_what_would_come(target: Target, shop: str, tmp_path: Path) -> None:
    text = "Order,Date,Cust,SKU,Qty,Price\n1,2024-01-31,A,S1,2,5.00\n2,2024-01-31,A,S1,x,5.00\n"
    (tmp_path / "x.csv").write_text(text)
    (tmp_path / "mapping.toml").write_text(PLAIN)
    summary = await import_orders(target, shop, tmp_path / "x.csv", tmp_path / "mapping.toml", dry_run=True)
    assert told(summary) == (2, 1, 0, {"quantity": 1})
    assert str(summary).splitlines()[4:] == [
        "line 3: quantity: The quantity is not a number with at most 14 digits and six decimals.",
        "    2,2024-01-31,A,S1,x,5.00",
        "order 1: CLOSED, of A, 2024-01-31 00:00 UTC, 10 EUR",
        "    1. 2 x S1 (S1) at 5: 10",
        "This was a dry run: nothing was stored.",
    ]
    assert await totals(target, shop) == {}
    assert await record.every(target, shop) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mapping.toml", "x.csv"]


async def test_an_import_is_a_record_and_can_be_undone(target: Target, shop: str, tmp_path: Path) -> None:
    text = "Order,Date,Cust,SKU,Qty,Price\n1,2024-01-31,A,S1,2,5.00\n"
    await load(target, shop, tmp_path, text, name="january.csv")
    await load(target, shop, tmp_path, text, name="again.csv")  # adds nothing, and leaves no record
    await load(target, shop, tmp_path, text.replace("\n1,", "\n2,"), name="february.csv")
    first, second = await record.every(target, shop)
    assert (first.file, first.kind, first.undone_at, second.file) == ("january.csv", "orders", None, "february.csv")
    assert first.digest == record.digest(tmp_path / "january.csv")
    assert first.counts["rows"] == {"read": 1, "imported": 1, "alreadyThere": 0, "leftOut": 0, "rejected": 0}
    assert (first.counts["orders"], first.counts["totals"]) == (1, {"EUR": "10.00"})
    with pytest.raises(
        BadInput, match=r"1 rows of line_items refer to its products; 1 rows of orders refer to its partners"
    ):
        await undo(target, shop, str(first.id))
    assert await totals(target, shop) == {"1": "10", "2": "10"}
    assert (await undo(target, shop, str(second.id)))["orders"] == 1
    assert await undo(target, shop, str(first.id)) == {"line_items": 1, "orders": 1, "products": 1, "partners": 1}
    with pytest.raises(BadInput, match="is undone already"):
        await undo(target, shop, str(first.id))
    tenant = await tenants.find(target, shop)
    async with administration(target, tenant) as connection:
        left = {
            name: await connection.fetchval(f"SELECT count(*) FROM {name}")
            for name in ("orders", "products", "partners", "import_records")
        }
    assert set(left.values()) == {0}
    assert (await load(target, shop, tmp_path, text, name="january.csv")).stored.orders == 1


async def test_an_order_that_was_changed_stands_in_the_way(
    target: Target, shop: str, bound: Any, tmp_path: Path
) -> None:
    await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price\n1,2024-01-31,A,S1,2,5.00\n")
    async with administration(target, await tenants.find(target, shop)) as connection:
        await connection.execute("UPDATE orders SET version = 3")
    [only] = await record.every(target, shop)
    with pytest.raises(BadInput, match="orders were changed since, such as 1"):
        await undo(target, shop, str(only.id))


@pytest.mark.parametrize(
    "said,setting,total",
    [("1.50", "", "28.5"), ("10 %", 'order_discount = "percent"', "27"), ("0.1", 'order_discount = "fraction"', "27")],
)
async def test_a_discount_of_the_order_is_spread(
    target: Target, shop: str, tmp_path: Path, said: str, setting: str, total: str
) -> None:
    text = f"Order,Date,Cust,SKU,Qty,Price,Off\n1,2024-01-31,A,S1,1,10,{said}\n1,2024-01-31,A,S2,1,9.99,\n1,2024-01-31,A,S3,1,10.01,\n"
    mapping = HEAD + COLUMNS + 'order_discount = "Off"\n' + TAIL + f"[numbers]\n{setting}\n"
    assert told(await load(target, shop, tmp_path, text, mapping)) == (3, 3, 0, {})
    assert await totals(target, shop) == {"1": total}


async def test_a_sum_of_empty_cells_is_empty(target: Target, shop: str, tmp_path: Path) -> None:
    """It was taken for a number that can't be read."""
    mapping = (
        HEAD
        + COLUMNS
        + 'line_check = { sum = ["Net", "Tax"] }\nprice_per = { sum = ["Per"], default = "1" }\ndiscount = { sum = ["Off"], minus = ["Back"] }\n'
        + TAIL
    )
    rows = "1,2024-01-31,A,S1,2,5.00,,,,,\n2,2024-01-31,A,S1,2,5.00,8,1,1,2,1\n3,2024-01-31,A,S1,2,5.00,8,,1,,\n"
    head = "Order,Date,Cust,SKU,Qty,Price,Net,Tax,Per,Off,Back\n"
    assert told(await load(target, shop, tmp_path, head + rows, mapping)) == (3, 2, 0, {"check": 1})
    assert await totals(target, shop) == {"1": "10", "2": "9"}


async def test_a_format_that_would_drop_the_half_of_the_day_is_refused(
    target: Target, shop: str, tmp_path: Path
) -> None:
    for form in ("%d.%m.%Y %H:%M %p", "%d.%m.%Y %I:%M"):
        mapping = PLAIN + f'formats = ["{form}"]\n'
        with pytest.raises(
            BadInput, match=r"dates\.formats\.0: .* would read 2 PM as 2 in the morning: %p goes with %I"
        ):
            await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price\n", mapping)


async def test_a_name_that_is_no_countrys_is_told(target: Target, shop: str, tmp_path: Path) -> None:
    """It was left out, and nobody heard of it; the file of partners is refused for the same."""
    names = ["GB", "UK", "Atlantis", "Atlantis", "", "Deutschland"]
    rows = "".join(f"{n},2024-01-01,C{n},S1,1,5.00,{name}\n" for n, name in enumerate(names))
    mapping = HEAD + COLUMNS + 'country = "Land"\n' + TAIL + '[countries]\n"Deutschland" = "DE"\n'
    summary = await load(target, shop, tmp_path, "Order,Date,Cust,SKU,Qty,Price,Land\n" + rows, mapping)
    assert told(summary) == (6, 6, 0, {})
    assert summary.unknown_countries == {"Atlantis": 2, "UK": 1}
    assert str(summary).splitlines()[-1] == (
        "customers without a country, as it isn't known: 2 'Atlantis', 1 'UK'; [countries] of the mapping says what they are"
    )
    async with administration(target, await tenants.find(target, shop)) as connection:
        found = await connection.fetch("SELECT code, country FROM partners WHERE code LIKE 'C_' ORDER BY code")
    assert [(row["code"], row["country"]) for row in found] == [
        *(("C0", "GB"), ("C1", None), ("C2", None), ("C3", None), ("C4", None), ("C5", "DE")),
    ]
