"""A mapping proposed for a file: it loads, and names what isn't sure."""

import gzip
import shutil
import tomllib
from pathlib import Path

import pytest

from core.errors import BadInput
from db.runtime.engine import Target
from services.imports import import_orders
from services.imports.guess import guess
from services.imports.guess.values import dates
from services.imports.mapping import Mapping

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "import"
FILES = sorted(path for path in EXAMPLES.iterdir() if path.suffix in {".csv", ".txt"})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_proposal_is_a_mapping_and_knows_the_layout(path: Path) -> None:
    text = guess(path)
    mapping = Mapping.model_validate(tomllib.loads(text))
    assert mapping.columns.order.column != []
    if path.stem != "german":
        assert f"examples/import/{path.stem}.toml" in text


GERMAN = """Bestellnr.;Bestelldatum;Kundennr.;Artikelnr.;Bezeichnung;Menge;Einzelpreis;Rabatt
B-1;28. März 2024;7;A1;Größe M;2;1.234,50;10 %
B-2;3. Mai 2024;8;A2;Öl;1;0,99;
"""


async def test_a_proposal_for_a_plain_file_imports_it(target: Target, shop: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(GERMAN, "cp1252")
    text = guess(tmp_path / "x.csv")
    (tmp_path / "mapping.toml").write_text(text, "utf-8")
    assert "# The file isn't UTF-8, and is taken for cp1252" in text
    said = tomllib.loads(text)
    assert said["file"] == {"delimiter": ";", "encoding": "cp1252"}
    assert said["numbers"] == {"decimal": ",", "thousands": ".", "discount": "percent"}
    assert (said["dates"]["formats"], said["dates"]["language"]) == (["%d. %b %Y"], "de")
    summary = await import_orders(target, shop, tmp_path / "x.csv", tmp_path / "mapping.toml")
    assert (summary.imported, summary.rejected) == (2, {})
    assert str(summary.totals["EUR"]) == "2223.09"


def test_a_day_and_a_month_that_may_be_swapped_are_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("order,sku,qty,price,date\n1,A,1,2.50,03/04/2024\n2,A,1,2.50,05/06/2024\n")
    assert "# The format isn't sure: they fit %m/%d/%Y as well: no day is above 12." in guess(tmp_path / "x.csv")
    (tmp_path / "x.csv").write_text("order,sku,qty,price,date\n1,A,1,2.50,03/04/2024\n2,A,1,2.50,05/26/2024\n")
    text = guess(tmp_path / "x.csv")
    assert tomllib.loads(text)["dates"]["formats"] == ["%m/%d/%Y"]
    assert "isn't sure" not in text


def test_a_date_that_is_no_date_doesn_t_hide_how_the_others_are_written(tmp_path: Path) -> None:
    """One 31.02. in a file, and no format was proposed for the rest."""
    days = ["01.02.2026", "1.2.2026", "03.02.2026", "31.02.2026"]
    body = "".join(f"{number};A;1;2,50;{day}\n" for number, day in enumerate(days))
    (tmp_path / "x.csv").write_text("Bestellung;Artikel;Menge;Preis;Datum\n" + body)
    text = guess(tmp_path / "x.csv")
    said = tomllib.loads(text)
    assert (said["dates"]["formats"], said["columns"]["order"]) == (["%d.%m.%Y"], "Bestellung")
    assert "1 of 4 dates fit none, such as '31.02.2026'" in text


def test_what_isn_t_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("foo\tbar\n1\t2\n")
    text = guess(tmp_path / "x.csv")
    assert 'order = "?"  # no header looks like it; there are: foo, bar' in text
    assert tomllib.loads(text)["file"] == {"delimiter": "\t"}
    (tmp_path / "x.csv").write_text("just a line\n")
    with pytest.raises(BadInput, match="doesn't look like a table"):
        guess(tmp_path / "x.csv")
    with pytest.raises(BadInput, match="can't be read"):
        guess(tmp_path / "none.csv")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"order;sku;qty\n1;2;3\n"))
    assert tomllib.loads(guess(tmp_path / "x.csv.gz"))["columns"]["quantity"] == "qty"


def test_the_file_is_left_alone(tmp_path: Path) -> None:
    shutil.copyfile(EXAMPLES / "etsy.csv", tmp_path / "etsy.csv")
    guess(tmp_path / "etsy.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["etsy.csv"]


def test_a_workbook_has_no_mapping(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(b"PK\x03\x04" + bytes(range(256)))
    with pytest.raises(BadInput, match="is a workbook or an archive, not a text file"):
        guess(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    "days, formats, language",
    [
        (["5 de marzo de 2024", "31 de enero de 2024"], ["%d de %b de %Y"], "es"),
        (["5 de março de 2024 14:35", "31 de dezembro de 2024 09:00"], ["%d de %b de %Y %H:%M"], "pt"),
        (["2024年3月5日", "2024年12月31日"], ["%Y年%m月%d日"], "en"),
        (["31/03/2024 2:35 p. m.", "05/03/2024 9:00 a. m."], ["%d/%m/%Y %I:%M %p"], "en"),
    ],
)
def test_dates_of_other_languages(days: list[str], formats: list[str], language: str) -> None:
    assert dates(days) == (formats, language, "")
