"""The proposal, as TOML that loads, with the doubts as comments."""

import json
from pathlib import Path

from services.imports.guess import layouts, values
from services.imports.guess.sample import Sample, take

SHOWN = ("order", "sku", "description", "quantity", "unit", "price", "total", "discount", "date", "time")
LATER = ("customer", "customer_name", "email", "country", "currency", "order_discount")


def guess(path: Path) -> str:
    """A mapping for a file, with what isn't sure in comments. Raises ``BadInput`` for a file that isn't a table."""
    sample = take(path)
    name = layouts.known(sample.header)
    head = [
        "# Proposed by 'erpgraph import guess', by the file's beginning. Look at each line; docs/import.md explains them."
    ]
    if name:
        head.append(
            f"# The headers are those of {name}: examples/import/{name}.toml knows more of it than this proposal."
        )
    doubts = [f"# {doubt}" for doubt in sample.doubts]
    return "\n".join([*head, *doubts, "", *_body(sample), ""])


def _body(sample: Sample) -> list[str]:
    found = layouts.columns(sample.header)
    chosen = _choose(found)
    cells = {meaning: [row[sample.header.index(header)] for row in sample.rows] for meaning, header in chosen.items()}
    style = values.numbers(
        [cell for name in ("quantity", "price", "total", "discount") for cell in cells.get(name, [])]
    )
    return [
        *_currency(cells.get("currency", [])),
        'default_customer = "WEB"     # of orders that name none',
        "",
        *_file(sample),
        *_columns(sample, found, chosen),
        *_numbers(style, cells),
        *_dates(cells),
        *_status(sample, found),
        *_charges(found),
    ]


def _choose(found: dict[str, list[str]]) -> dict[str, str]:
    """One header for each meaning; a header means one thing only."""
    chosen: dict[str, str] = {}
    taken: set[str] = set()
    for meaning in (*SHOWN, *LATER):
        free = [header for header in found.get(meaning, []) if header not in taken or meaning == "email"]
        if free and not (meaning == "total" and "price" in chosen):
            chosen[meaning] = free[0]
            taken.add(free[0])
    return chosen


def _currency(cells: list[str]) -> list[str]:
    codes = sorted(
        {cell.strip() for cell in cells if len(cell.strip()) == 3 and cell.strip().isalpha() and cell.strip().isupper()}
    )
    if not codes:
        return ['currency = "EUR"             # a guess: the file has no column with codes of currencies']
    listed = json.dumps(codes if len(codes) > 1 else codes[0])
    return [f"currency = {listed}             # those in the file's beginning; orders in others are rejected"]


def _file(sample: Sample) -> list[str]:
    lines = [f"delimiter = {json.dumps(sample.delimiter)}"] if sample.delimiter != "," else []
    lines += [f'encoding = "{sample.encoding}"'] if sample.encoding != "utf-8" else []
    lines += ['quote = ""'] if not sample.quote else []
    return ["[file]", *lines, ""] if lines else []


def _columns(sample: Sample, found: dict[str, list[str]], chosen: dict[str, str]) -> list[str]:
    lines = ["[columns]"]
    for meaning in (*SHOWN, *LATER):
        required = meaning in {"order", "sku", "quantity", "date"} or (meaning == "price" and "total" not in chosen)
        if meaning in chosen:
            others = [header for header in found[meaning] if header != chosen[meaning]]
            doubt = f"  # or {', '.join(map(repr, others[:3]))}" if others else ""
            lines.append(f"{meaning} = {json.dumps(chosen[meaning], ensure_ascii=False)}{doubt}")
        elif required:
            lines.append(f'{meaning} = "?"  # no header looks like it; there are: {", ".join(sample.header[:30])}')
    return [*lines, ""]


def _numbers(style: values.NumberStyle, cells: dict[str, list[str]]) -> list[str]:
    lines = [f'decimal = "{style.decimal}"' + ("" if style.sure else "  # not sure: few numbers have decimals")]
    lines += [f"thousands = {json.dumps(style.thousands, ensure_ascii=False)}"] if style.thousands else []
    lines += ['grouping = "lakh"'] if style.lakh else []
    discounts = [cell.strip() for cell in cells.get("discount", []) if cell.strip()]
    if any("%" in cell for cell in discounts):
        lines.append('discount = "percent"')
    elif discounts:
        sign = (
            "minus"
            if all(cell.startswith(("-", "(", "\u2212", "0")) for cell in discounts)
            and any(cell[0] != "0" for cell in discounts)
            else ""
        )
        lines += [f'discount_sign = "{sign}"'] if sign else []
        lines.append('discount = "line"  # an amount off the line; or "unit", "percent", "fraction"')
    if any(cell.strip().startswith(("-", "\u2212", "(")) for cell in cells.get("quantity", [])):
        lines.append("# Some quantities are below zero: see [[returns]].")
    return ["[numbers]", *lines, ""]


def _dates(cells: dict[str, list[str]]) -> list[str]:
    days, times = cells.get("date", []), cells.get("time", [])
    joined = [f"{day} {time}".strip() for day, time in zip(days, times, strict=True)] if times else days
    style = values.dates(joined)
    lines = [f"# The format isn't sure: {style.doubt}."] if style.doubt else []
    lines.append(f"formats = {json.dumps(style.formats or ['iso'])}")
    lines += [f'language = "{style.language}"'] if style.language != "en" else []
    lines.append('timezone = "UTC"  # a guess: of dates without an offset of their own')
    return ["[dates]", *lines, ""]


def _status(sample: Sample, found: dict[str, list[str]]) -> list[str]:
    header = next(iter(found.get("status", [])), None)
    if header is None:
        return []
    at = sample.header.index(header)
    texts = sorted({row[at].strip() for row in sample.rows if row[at].strip()})
    if len(texts) > 30:
        return []
    listed = json.dumps(texts, ensure_ascii=False)
    return [
        "# These texts stand in the column. Which are history, which open, cancelled, refunded?",
        "# [status]",
        f"# column = {json.dumps(header, ensure_ascii=False)}",
        f"# closed = {listed}",
        "# confirmed = []",
        "# cancelled = []",
        "# returned = []",
        "",
    ]


def _charges(found: dict[str, list[str]]) -> list[str]:
    header = next(iter(found.get("shipping", [])), None)
    if header is None:
        return []
    return [
        "# Shipping is a column of its own. As a line of its order:",
        "# [[charges]]",
        f"# column = {json.dumps(header, ensure_ascii=False)}",
        '# sku = "SHIPPING"',
        "",
    ]
