"""The mapping file: what it may say, and how its mistakes are told."""

from pathlib import Path

import pytest

from core.errors import BadInput
from services.imports.mapping import Mapping, load

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


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "examples" / "import").glob("*.toml")), ids=lambda path: path.name
)
def test_the_examples_are_mappings(path: Path) -> None:
    assert load(path).columns.order


def test_the_document_s_example_is_a_mapping(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "import.md").read_text("utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```toml\n")[1:]]
    assert len(blocks) == 1
    mapping = loaded(tmp_path, blocks[0])
    left_out = {name for name, field in Mapping.model_fields.items() if not field.is_required()} - set(
        mapping.model_fields_set
    )
    assert left_out == set()


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
