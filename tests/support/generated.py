"""Files of orders, generated and damaged, for the import to keep its promise on."""

import csv
import io
import random
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
HEADER = ["Pos", "Order", "Date", "Customer", "Item", "Text", "Qty", "Price", "Off", "Ship", "Coupon", "State"]
GARBAGE = ["x", "1 pc", "--5", "NaN", "1e5", "(5", "1.2.3", "-", "5 %"]

Line = tuple[str, str, str, str, str]
"""Sku, quantity, price, total, what came back."""


@dataclass
class Row:
    """A row as it should be, and what is wrong with it in the file."""

    order: str
    cells: list[str]
    damage: str | None = None


@dataclass
class Generated:
    """A file, its mapping, and what it should become."""

    mapping: str
    content: str
    rows: list[Row]
    clean: str
    line_of: dict[int, int]
    """Which row (by its index) begins on a line."""
    records: int
    """Rows, empty ones and repeated headers."""
    expected: dict[str, list[Line]] = field(default_factory=dict)


@dataclass
class Style:
    delimiter: str
    decimal: str
    fill: bool
    keyed: bool
    charged: bool
    coupon: bool
    stated: bool
    returns: bool


def generate(seed: int) -> Generated:
    draw = random.Random(seed)
    style = Style(draw.choice(",;\t|"), draw.choice(".,"), *(draw.random() < 0.5 for _ in range(6)))
    if style.decimal == "," and style.delimiter == ",":
        style.delimiter = ";"
    rows, expected = _orders(draw, style, f"{seed}")
    clean = _written([row.cells for row in rows], style)
    _damage(draw, rows, style)
    content, line_of, records = _file(draw, rows, style)
    return Generated(_mapping(style), content, rows, clean, line_of, records, expected)


def _orders(draw: random.Random, style: Style, name: str) -> tuple[list[Row], dict[str, list[Line]]]:
    rows: list[Row] = []
    expected: dict[str, list[Line]] = {}
    for number in range(draw.randint(1, 6)):
        order = f"N{name}-{number}"
        lines = draw.randint(1, 4)
        ship, coupon = draw.choice(["", "0", "4.9"]), draw.choice(["", "0", "1.5"])
        state = draw.choice(["done", "done", "shipped"]) if style.stated else ""
        goods = []
        for line in range(lines):
            sku, quantity = f"S{draw.randint(1, 5)}", Decimal(draw.randint(1, 9))
            price = Decimal(draw.randint(200, 9999)) / 100
            off = min(Decimal(draw.choice([0, 0, 25])) / 100, price)
            total = (quantity * price - off).quantize(CENT, ROUND_HALF_UP)
            goods.append((sku, quantity, price, total))
            first = line == 0 or not style.fill
            cells = [
                *(str(line + 1), order if first else "", f"2024-03-{draw.randint(10, 28)}" if first else ""),
                *(f"C{number % 3}" if first else "", sku, draw.choice(["Pen", "Big, blue", 'say "hi"', "Ü; x", ""])),
                *(_number(quantity, style), _number(price, style), _number(off, style) if off else ""),
                *(_number(ship, style) if style.charged else "", _number(coupon, style) if style.coupon else "", state),
            ]
            if not first and draw.random() < 0.5:  # an amount of the order may stand on its first row only
                cells[9] = cells[10] = ""
            rows.append(Row(order, cells))
        back = ("", Decimal())
        if style.returns and draw.random() < 0.4:
            sku = draw.choice(goods)[0]
            back = (sku, Decimal(draw.randint(1, int(sum(each[1] for each in goods if each[0] == sku)))))
            rows.append(Row(order, _returned(rows[-1].cells, back, lines + 1, style)))
        amounts = _spread(goods, Decimal(coupon or 0) if style.coupon else Decimal())
        expected[order] = _booked(amounts, *back)
        if style.charged and Decimal(ship or 0):
            expected[order].append(("SHIP", "1", _plain(ship), _plain(ship), "0"))
        expected[order].sort()
    return rows, expected


def _returned(cells: list[str], back: tuple[str, Decimal], position: int, style: Style) -> list[str]:
    """A row that says what came back of the order of the row above; a file that fills cells down has its number there only."""
    sku, quantity = back
    order = ["", "", ""] if style.fill else cells[1:4]
    return [
        str(position),
        *order,
        sku,
        "back",
        _number(-quantity, style),
        _number("1.00", style),
        "",
        "",
        "",
        cells[11],
    ]


def _booked(amounts: list[tuple[str, str, str, str]], sku: str, quantity: Decimal) -> list[Line]:
    """The lines, of which the first ones of this product came back."""
    booked = []
    for line in amounts:
        back = min(Decimal(line[1]), quantity) if line[0] == sku else Decimal()
        quantity -= back
        booked.append((*line, _plain(back)))
    return booked


def _spread(goods: list[tuple[str, Decimal, Decimal, Decimal]], coupon: Decimal) -> list[tuple[str, str, str, str]]:
    whole = sum((total for *_, total in goods), Decimal())
    coupon = min(coupon, whole)
    shares = [(coupon * total / whole).quantize(CENT, ROUND_HALF_UP) if whole else Decimal() for *_, total in goods]
    rest = coupon - sum(shares)
    ranked = sorted(range(len(goods)), key=lambda at: (-goods[at][3], at))
    for at in ranked:
        room = goods[at][3] - shares[at] if rest > 0 else shares[at]
        moved = min(room, abs(rest)) * (1 if rest > 0 else -1)
        shares[at] += moved
        rest -= moved
    return [
        (sku, _plain(quantity), _plain(price), _plain(total - share))
        for (sku, quantity, price, total), share in zip(goods, shares, strict=True)
    ]


def _plain(value: Decimal | str) -> str:
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _number(value: Decimal | str, style: Style) -> str:
    return str(value).replace(".", style.decimal)


def _written(cells: list[list[str]], style: Style) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=style.delimiter, lineterminator="\n").writerows([HEADER, *cells])
    return stream.getvalue()


def _damage(draw: random.Random, rows: list[Row], style: Style) -> None:
    """Damage some rows. Where cells are filled down, a damaged first row would give its order's other rows to another."""
    for row in rows:
        if draw.random() < 0.85:
            continue
        stated = ["state", "other state"] if style.stated else []
        row.damage = draw.choice(["cell", "date", "short", "long", "quote", "nul", "key", *stated])
        if style.fill and row.damage == "date" and not row.cells[2]:
            row.damage = "cell"
        # An order of one row may be in any state.
        if row.damage == "other state" and sum(other.order == row.order and not other.damage for other in rows) == 0:
            row.damage = "state"


def _line(draw: random.Random, row: Row, style: Style) -> str:
    cells = list(row.cells)
    if row.damage == "cell":
        cells[draw.choice([6, 7, 8])] = draw.choice(GARBAGE)
    elif row.damage == "date":
        cells[2] = draw.choice(["31.02.2024", "2024-13-01", "soon"])
    elif row.damage == "nul":
        cells[5] = "a\0b"
    elif row.damage in {"state", "other state"}:
        cells[11] = "lost" if row.damage == "state" else "cancelled"
    elif row.damage == "key":
        cells[4] = draw.choice(["", "4.00638E+12", "k" * 201])
    stream = io.StringIO()
    csv.writer(stream, delimiter=style.delimiter, lineterminator="").writerow(cells)
    line = stream.getvalue()
    if row.damage == "short":
        return style.delimiter.join(cells[: draw.randint(3, 8)]).replace('"', "")
    if row.damage == "long":
        return line + style.delimiter + "more"
    if row.damage == "quote":
        return style.delimiter.join([*cells[:5], '"Best mug', *cells[6:]])
    return line


def _file(draw: random.Random, rows: list[Row], style: Style) -> tuple[str, dict[int, int], int]:
    lines = [style.delimiter.join(HEADER)]
    line_of: dict[int, int] = {}
    records = 0
    if draw.random() < 0.3:
        lines = ["Report of March", "", *lines]
    for index, row in enumerate(rows):
        if draw.random() < 0.05:
            lines.append(style.delimiter * (len(HEADER) - 1))
            records += 1
        lines.append(_line(draw, row, style))
        line_of[len(lines)] = index
        records += 1
    return "\n".join(lines) + draw.choice(["", "\n"]), line_of, records


def _mapping(style: Style) -> str:
    tab = {"\t": "\\t"}.get(style.delimiter, style.delimiter)
    fill = 'fill_down = ["Order", "Date", "Customer"]' if style.fill else ""
    key = 'line = "Pos"' if style.keyed else ""
    coupon = 'order_discount = "Coupon"' if style.coupon else ""
    status = (
        '[status]\ncolumn = "State"\nclosed = ["done", "shipped"]\ncancelled = ["cancelled"]' if style.stated else ""
    )
    returns = '[[returns]]\ncolumn = "Qty"\nnegative = true\nthen = "return"' if style.returns else ""
    charge = '[[charges]]\ncolumn = "Ship"\nsku = "SHIP"' if style.charged else ""
    return f"""
currency = "EUR"
[file]
delimiter = "{tab}"
{fill}
[columns]
order = "Order"
{key}
{coupon}
sku = "Item"
description = "Text"
quantity = "Qty"
price = "Price"
discount = "Off"
date = "Date"
customer = "Customer"
[numbers]
decimal = "{style.decimal}"
[dates]
timezone = "UTC"
{charge}
{returns}
{status}
"""


def by_order(lines: list[tuple[str, str, str, str, str, str]]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = defaultdict(list)
    for number, *line in lines:
        found[number].append((line[0], line[1], line[2], line[3], line[4]))
    return {number: sorted(content) for number, content in found.items()}
