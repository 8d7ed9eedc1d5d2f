"""The mapping file: what it may say, and how its mistakes are told."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.errors import BadInput
from services.imports.mapping import Column, Mapping, _table, load
from services.imports.mapping.rules import _TESTS as TESTS
from services.imports.mapping.things import PartnersMapping, ProductsMapping, StockMapping

REPOSITORY = Path(__file__).resolve().parents[2]
MINIMAL = """
currency = "EUR"
default_customer = "WEB"
[columns]
order = "No"
sku = "Sku"
quantity = "Qty"
price = "Price"
date = "Date"
[dates]
timezone = "UTC"
"""


def loaded(folder: Path, text: str) -> Mapping:
    path = folder / "mapping.toml"
    path.write_text(text, "utf-8")
    return load(path)


def test_what_may_be_left_out_has_a_default(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, "\ufeff" + MINIMAL)
    assert mapping.file.delimiter == ","
    assert mapping.file.encoding == "utf-8"
    assert mapping.numbers.decimal == "."
    assert mapping.dates.formats == ["iso"]
    assert {meaning: column.headers for meaning, column in mapping.columns.named().items()} == {
        "order": ["No"],
        "sku": ["Sku"],
        "quantity": ["Qty"],
        "price": ["Price"],
        "date": ["Date"],
    }


THINGS: dict[str, type[BaseModel]] = {"product": ProductsMapping, "partner": PartnersMapping, "stock": StockMapping}


@pytest.mark.parametrize("kind", THINGS)
def test_the_document_s_blocks_of_records_are_mappings(kind: str) -> None:
    text = (REPOSITORY / "docs" / "import.md").read_text("utf-8")
    blocks = [tomllib.loads(block.partition("```")[0]) for block in text.split(f"```toml {kind}\n")[1:]]
    assert blocks
    said = {key for block in blocks for key in _said(block)}
    for block in blocks:
        THINGS[kind].model_validate(block)
    shared = {"clean.upper", "clean.drop_point_zero", "clean.drop_leading_zeros"}
    general = {key for key in _keys(Mapping) if key.partition(".")[0] in {"file", "numbers", "skip", "reject", "also"}}
    assert {key for key in _keys(THINGS[kind]) if key not in said} - shared - general == set()


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "examples" / "import").glob("*.toml")), ids=lambda path: path.name
)
def test_the_examples_are_mappings(path: Path) -> None:
    assert load(path).columns.order


BLOCKS = [
    block.partition("```")[0] for block in (REPOSITORY / "docs" / "import.md").read_text("utf-8").split("```toml\n")[1:]
]


def merged(block: str) -> dict[str, Any]:
    """A block of the documentation, with what a mapping needs besides."""
    whole: dict[str, Any] = tomllib.loads(MINIMAL)
    for key, value in tomllib.loads(block).items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key] = whole[key] | value
        else:
            whole[key] = value
    if "total" in whole["columns"]:
        del whole["columns"]["price"]
    if "currency" not in whole["columns"] and isinstance(whole["currency"], list):
        whole["columns"]["currency"] = "Currency"
    if "order_discount_includes_lines" in whole.get("numbers", {}):
        whole["columns"]["order_discount"] = "Coupon"
    return whole


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0][:20])
def test_the_document_s_blocks_are_mappings(block: str) -> None:
    Mapping.model_validate(merged(block))


def _keys(model: type[BaseModel], where: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = field.alias or name
        inner = _table(field.annotation)
        if inner is Column:
            yield f"{where}{key}"
        elif inner is not None:
            yield from _keys(inner, f"{key}.")
        else:
            yield f"{where}{key}"


def _said(value: Any, where: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _said(each, where)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield f"{where}{key}"
            yield from _said(each, f"{key}.")


def test_every_key_is_documented_with_an_example() -> None:
    said = {key for block in BLOCKS for key in _said(tomllib.loads(block))}
    text = (REPOSITORY / "docs" / "import.md").read_text("utf-8")
    tests = {
        f"{table}.{test}" for table in ("skip", "reject", "returns", "services", "discounts", "also") for test in TESTS
    }
    tests |= {
        f"{table}.{key}"
        for table in ("skip", "reject", "returns", "services", "discounts")
        for key in ("also", "of", "reason")
    }
    missing = {key for key in _keys(Mapping) if key not in said} - tests
    assert missing == set()
    assert [test for test in TESTS if f"`{test} = " not in text] == []
    assert [
        key for key in (field.alias or name for name, field in Column.model_fields.items()) if f"`{key}" not in text
    ] == []


@pytest.mark.parametrize(
    "old,new,says",
    [
        ('order = "No"\n', "", "columns.order: Field required."),
        ('order = "No"', 'order = ""', "columns.order: give a header, a list of headers, or a table"),
        ('order = "No"', "order = 1", "columns.order: give a header, a list of headers, or a table such as"),
        ('order = "No"', 'order = "No"\nordr = "x"', "columns.ordr: There is no such key; did you mean order."),
        ('"EUR"', '"eur"', "currency: 'eur' is not a currency: give an ISO 4217 code such as EUR."),
        ('default_customer = "WEB"\n', "", "give columns.customer, or default_customer, or both."),
        ('"UTC"', '"Berlin"', "dates.timezone: 'Berlin' is not a time zone: give a name such as Europe/Berlin."),
        ("[dates]", '[dates]\nformats = ["%d.%m."]', "dates.formats.0: '%d.%m.' is not a date format"),
        ("[dates]", '[dates]\nformats = ["%H:%M"]', "dates.formats.0: '%H:%M' is not a date format"),
        ("[dates]", '[dates]\nformats = ["%Q"]', "dates.formats.0: '%Q' is not a date format"),
        ("[dates]", "[dates]\nformats = []", "dates.formats: List should have at least 1 item"),
        ("[dates]", '[file]\ndelimiter = ";;"\n[dates]', "file.delimiter: String should have at most 1 character."),
        ("[dates]", '[file]\ndelimiter = "\\""\n[dates]', "file.delimiter: String should match pattern"),
        ("[dates]", '[file]\nencoding = "utf-9"\n[dates]', "file.encoding: 'utf-9' is not a text encoding"),
        ("[dates]", '[file]\nencoding = "rot13"\n[dates]', "file.encoding: 'rot13' is not a text encoding"),
        ("[dates]", '[numbers]\nthousands = "."\n[dates]', "numbers: decimal and thousands can't be the same mark."),
        ("[dates]", '[numbers]\ndecimal = ";"\n[dates]', "numbers.decimal: Input should be '.' or ','."),
        (
            "[dates]",
            '[clean]\nupper = ["date"]\n[dates]',
            "clean.upper.0: Input should be 'order', 'sku' or 'customer'.",
        ),
        (
            "[dates]",
            '[[returns]]\ncolumn = "x"\n[dates]',
            "returns.0: a rule has exactly one of prefix, suffix, contains, pattern,",
        ),
        (
            "[dates]",
            '[countries]\n"England" = "UK"\n[dates]',
            "countries.England: 'UK': This is not a country. The United Kingdom's code is GB.",
        ),
        ("[dates]", "[dates", "is not a TOML file: "),
    ],
)
def test_a_mistake_is_told_with_its_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MINIMAL
    with pytest.raises(BadInput) as refused:
        loaded(tmp_path, MINIMAL.replace(old, new))
    assert says in refused.value.message
    assert str(tmp_path / "mapping.toml") in refused.value.message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        loaded(tmp_path, "")
    assert "currency: Field required; columns: Field required; dates: Field required" in refused.value.message


def test_a_mapping_that_can_t_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"can't be read: No such file or directory\.$"):
        load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="is not a TOML file"):
        load(tmp_path / "binary.toml")
