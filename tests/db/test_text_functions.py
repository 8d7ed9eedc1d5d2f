"""The database's functions for text: of no locale, and the same for what is stored and for what is looked for (G2, G5)."""

import importlib
import unicodedata
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import text
from db.runtime.engine import Target

FUNCTIONS = importlib.import_module("migrations.versions.0009_text_in_one_form")
WORDS = "LMN"


def assigned() -> list[str]:
    """Unicode's letters, marks and digits; of the large scripts of one kind every fiftieth."""
    codes = [code for code in range(0x20, 0x110000) if unicodedata.category(chr(code))[0] in WORDS]
    large = (range(0x3400, 0xA000), range(0xAC00, 0xD7B0), range(0x17000, 0x18D10), range(0x20000, 0x32000))
    return [chr(code) for code in codes if not any(code in each for each in large) or code % 50 == 0]


@pytest.fixture(scope="module", params=["C", "C.UTF-8"])
async def elsewhere(request: pytest.FixtureRequest, target: Target) -> AsyncIterator[Any]:
    """A database of another LC_CTYPE, with nothing but the functions."""
    name = f"erpgraph_text_{'c' if request.param == 'C' else 'utf8'}_{id(request):x}"
    admin = await asyncpg.connect(target.admin)
    try:
        await admin.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE '{request.param}'"
        )
        connection = await asyncpg.connect(target.admin, database=name)
        try:
            for function in FUNCTIONS.functions():
                await connection.execute(function)
            yield connection
        finally:
            await connection.close()
            await admin.execute(f"DROP DATABASE {name}")
    finally:
        await admin.close()


async def lost(connection: Any, texts: list[str]) -> list[str]:
    """Of texts that are stored, those that a search for them doesn't find."""
    query = """SELECT each FROM unnest($1::text[]) each
        WHERE NOT (search_part(each, '1A')::tsvector @@ search_query(normalize(each, NFD))) OR search_words(each) = ''"""
    return [row["each"] for row in await connection.fetch(query, texts)]


async def test_g2_every_letter_mark_and_digit_is_found(elsewhere: Any) -> None:
    letters = [each for each in assigned() if _is_word(each)]
    assert len(letters) > 15_000
    assert await lost(elsewhere, [f"x{each}y z" for each in assigned()]) == []
    assert await lost(elsewhere, letters) == []


def _is_word(character: str) -> bool:
    """A letter or a digit that shows anything."""
    try:
        return unicodedata.category(character)[0] in "LN" and text.name(character) != ""
    except ValueError:
        return False


async def test_g5_folding_is_unicodes_whatever_the_locale(elsewhere: Any) -> None:
    letters = assigned()
    rows = await elsewhere.fetch("SELECT text_folded(each) AS folded FROM unnest($1::text[]) each", letters)
    assert [row["folded"] for row in rows] == [_folded(each) for each in letters]
    for before, after in (("ΝΕΣΤΟΡΑΣ", "νεστορασ"), ("STRAẞE", "strasse"), ("İIıi", "i̇iıi"), ("ǅ", "ǆ"), ("ᾼ", "αι")):
        assert await elsewhere.fetchval("SELECT text_folded($1)", before) == after


def _folded(given_text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", given_text).casefold())


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_text=TEXT)
async def test_g2_any_text_with_a_word_finds_itself(elsewhere: Any, given_text: str) -> None:
    words = await elsewhere.fetchval("SELECT search_words($1)", given_text)
    if any(map(_is_word, given_text)):
        assert words
        assert await lost(elsewhere, [given_text]) == []
    if not words:  # then it finds what has it as its key, and no other
        assert not await elsewhere.fetchval(
            "SELECT search_part('x y 1', '1A')::tsvector @@ search_query($1)", given_text
        )
    folded = await elsewhere.fetchval("SELECT text_folded($1)", given_text)
    assert await elsewhere.fetchval("SELECT text_folded($1) LIKE text_containing($2)", given_text, given_text)
    assert await elsewhere.fetchval("SELECT text_folded($1)", unicodedata.normalize("NFD", given_text)) == folded


async def test_words_of_any_length_and_number(elsewhere: Any) -> None:
    many = " ".join(f"w{number}" for number in range(120))
    assert await lost(elsewhere, ["я" * 10_000, "a" * 10_000, "ﷺ" * 500, many, "'\\ :*x &|!() <-> y"]) == []
    # Of more than twenty words, those after the twentieth are looked for as whole words.
    query = "SELECT search_part($1, '1A')::tsvector @@ search_query($2)"
    assert await elsewhere.fetchval(query, many, many[:-1]) is True  # w11 for w119
    assert await elsewhere.fetchval(query, many, f"{many} nowhere") is False
