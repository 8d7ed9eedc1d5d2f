"""Reading a file's rows: encodings, broken quotes, and files that mean harm."""

import csv
import gzip
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from services.imports.mapping import File
from services.imports.source import KEPT, MAX_ROW, UNCLOSED, Dialect, SourceRow, in_form, opened, reread

QUOTES = UNCLOSED
LONG = "text: A cell or the line is too long."


def rows(folder: Path, content: str | bytes, **file: str) -> list[SourceRow]:
    path = folder / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with opened(path, File.model_validate(file)) as source:
        return list(source)


def told(found: list[SourceRow]) -> list[tuple[int, list[str] | str]]:
    """Each row's line, and its cells or what is wrong with it."""
    return [(row.line, row.fault or row.cells) for row in found]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'a,b\r\n1,"two\r\nlines"\r\n\r\n3,4\r\n5,6'
    assert told(rows(tmp_path, text)) == [(2, ["1", "two\r\nlines"]), (5, ["3", "4"]), (6, ["5", "6"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "latin-1"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("Größe;b\nä;é\n".encode(encoding))
    with opened(path, File(delimiter=";", encoding=encoding)) as source:
        assert source.header == ["Größe", "b"]
        assert told(list(source)) == [(2, ["ä", "é"])]


def test_latin_9_is_known_as_latin_1_is(tmp_path: Path) -> None:
    [row] = rows(tmp_path, "a\n€\n".encode("iso8859-15"), encoding="latin-9")
    assert row.cells == ["€"]


@pytest.mark.parametrize(
    "written, said", [("utf-8-sig", "cp1252"), ("utf-8-sig", "utf-16"), ("utf-16", "utf-8"), ("utf-16", "latin-1")]
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_byte_order_mark_of_another_encoding_is_refused(
    tmp_path: Path, written: str, said: str, *, packed: bool
) -> None:
    """A file of UTF-8 with its mark was read as cp1252 wherever the first column isn't mapped: every Ü was two signs."""
    content = "Größe,b\nä,é\n".encode(written)
    name = written.removesuffix("-sig")
    with pytest.raises(BadInput, match=f"begins with the mark of {name}, and the mapping says {said}"):
        rows(tmp_path, gzip.compress(content) if packed else content, encoding=said)


@pytest.mark.parametrize("start", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1"], ids=["xlsx", "xls"])
def test_a_workbook_is_told_from_a_text_in_another_encoding(tmp_path: Path, start: bytes) -> None:
    with pytest.raises(BadInput, match=r"x\.csv is a workbook or an archive, not a text file: save the sheet as CSV"):
        rows(tmp_path, start + bytes(range(256)))


def test_what_dos_writes_behind_the_last_line_is_no_row(tmp_path: Path) -> None:
    found = rows(tmp_path, "a,b\r\n1,2\r\n\x1a")
    assert [(row.cells, row.left_out) for row in found] == [(["1", "2"], None), (["\x1a"], "empty")]


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for encoding in ("utf-8", "UTF8", "utf_8", "utf-16-le"):
        path.write_bytes(('\ufeff"a" , b\n').encode(encoding))
        with opened(path, File(encoding=encoding)) as source:
            assert source.header == ["a", "b"]


def test_gzip_is_told_by_its_content(tmp_path: Path) -> None:
    assert told(rows(tmp_path, gzip.compress(b"a\n1\n"))) == [(2, ["1"])]


@pytest.mark.parametrize(
    "text,expected",
    [
        # The quote of line 2 would swallow line 3, and the two would make one row with as many columns.
        ('1,"Big,2\n2,"Small",3\n4,x,5\n', [(2, QUOTES), (3, ["2", "Small", "3"]), (4, ["4", "x", "5"])]),
        ('1,"Big,2\n2,Small,3\n4,x,5\n', [(2, QUOTES), (3, ["2", "Small", "3"]), (4, ["4", "x", "5"])]),
        ('1,x,"open\n2,y,z\n3,y,z', [(2, QUOTES), (3, ["2", "y", "z"]), (4, ["3", "y", "z"])]),
        ('1,5" pipe,2\n', [(2, ["1", '5" pipe', "2"])]),
        ('1,"say ""hi""",2\n', [(2, ["1", 'say "hi"', "2"])]),
        ('1,"two\nlines"\n2,y,z\n', [(2, ["1", "two\nlines"]), (4, ["2", "y", "z"])]),
    ],
)
def test_a_stray_quote_spoils_only_its_own_line(tmp_path: Path, text: str, expected: list[object]) -> None:
    assert told(rows(tmp_path, "a,b,c\n" + text)) == expected


def test_a_quote_that_swallows_more_than_a_cell_may_hold(tmp_path: Path) -> None:
    found = rows(tmp_path, 'a,b\n1,"\n' + "2,y\n" * 50_000)
    assert [found[0].fault, len(found)] == [QUOTES, 50_001]
    assert told(found[-1:]) == [(50_002, ["2", "y"])]


@pytest.mark.parametrize("length", [MAX_ROW - 1, MAX_ROW, MAX_ROW + 1, 3 * MAX_ROW])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_too_long_is_not_kept_and_the_next_one_is_read(tmp_path: Path, length: int, end: str) -> None:
    found = rows(tmp_path, f"a,b{end}1,x{end}" + "y" * length + f"{end}2,z{end}")
    assert told(found) == [(2, ["1", "x"]), (3, LONG), (4, ["2", "z"])]
    if length >= MAX_ROW:
        assert found[1].text == "y" * KEPT


def test_a_row_of_endless_quoted_lines_is_given_up(tmp_path: Path) -> None:
    found = rows(tmp_path, "a,b\n" + '"x\n' + '","\n' * (MAX_ROW // 4) + "1,2\n")
    assert found[0].fault == QUOTES
    assert found[0].text == '"x\n'


def test_files_that_can_t_be_read(tmp_path: Path) -> None:
    with (
        pytest.raises(BadInput, match=r"x\.csv can't be read: No such file or directory\.$"),
        opened(tmp_path / "x.csv", File()),
    ):
        pass
    with pytest.raises(BadInput, match=r"can't be read: Is a directory\.$"), opened(tmp_path, File()):
        pass
    with pytest.raises(BadInput, match="The file is empty: it has no header line"):
        rows(tmp_path, "\n\n")
    with pytest.raises(BadInput, match="The header can't be read: quotes"):
        rows(tmp_path, 'a,"b\n1,2\n')
    with pytest.raises(BadInput, match="is damaged: its gzip data end too early or are broken"):
        rows(tmp_path, gzip.compress(b"a\n1\n" * 10_000)[:-10])


@pytest.mark.parametrize(
    "content,encoding,says",
    [
        (b"a\n1\n" + b"x" * 9_000 + b"\n\xff\n", "utf-8", "is not written in utf-8: line 4 has the byte 0xFF, which"),
        ("Größe\n".encode("cp1252"), "utf-8", "is not written in utf-8: line 1 has the byte 0xF6, which"),
        (
            gzip.compress("a\n1\nÄ\n".encode("cp1252"), mtime=0),
            "utf-8",
            "is not written in utf-8: line 3 has the byte 0xC4, which",
        ),
        (b"a\n\x81\n", "cp1252", "is not written in cp1252: line 2 has the byte 0x81, which"),
        (b"a\n\xc3", "utf-8", "is not written in utf-8: line 2 has the byte 0xC3, which"),
        ("a\n1\n".encode("utf-16-le"), "utf-16", "set file.encoding to utf-16-le or utf-16-be in the mapping"),
    ],
)
def test_a_file_of_another_encoding_is_refused_with_the_place(
    tmp_path: Path, content: bytes, encoding: str, says: str
) -> None:
    with pytest.raises(BadInput) as refused:
        rows(tmp_path, content, encoding=encoding)
    assert says in refused.value.message


def test_cells_are_in_the_form_that_mappings_and_keys_have(tmp_path: Path) -> None:
    """MacOS writes an umlaut as two characters, which look like the one that a mapping has."""
    assert (in_form("a\u0308"), in_form("\0a\u0308")) == ("ä", "\0a\u0308")
    many = "o" + "\u0301" * 40  # more marks than a text may have: refused where it is used
    text = unicodedata.normalize("NFD", f"Größe,é\nÄ,{many}\n")
    path = tmp_path / "x.csv"
    path.write_text(text, "utf-8", newline="")
    with opened(path, File()) as source:
        [row] = source
    assert (source.header, row.cells) == (["Größe", "é"], ["Ä", many])
    assert row.text == text.partition("\n")[2]


CELL = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.lists(CELL, min_size=2, max_size=4), max_size=10))
def test_what_a_csv_writer_writes_is_read(tmp_path_factory: pytest.TempPathFactory, table: list[list[str]]) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([["a", "b"], *table])
    found = rows(tmp_path_factory.mktemp("csv"), buffer.getvalue())
    assert [row.cells for row in found] == [[in_form(cell) for cell in row] for row in table]
    assert [reread(row.text, Dialect(",")) for row in found] == table


@given(st.text(alphabet='a,"\n\r\0é', max_size=60))
def test_no_text_is_lost(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    found = rows(tmp_path_factory.mktemp("csv"), "a,b\n" + text)
    kept = "".join(row.text for row in found).replace("\n", "").replace("\r", "")
    assert kept == text.replace("\n", "").replace("\r", "")
    assert [row.line for row in found] == sorted({row.line for row in found})
