"""Text from outside: its form, its length, and what it may consist of. One definition for every door.

Everything is kept in Unicode's form NFC, so that two texts that look alike because they are the same are equal.
The functions give the text as it is to be stored, and raise ``ValueError`` with a sentence for whoever gave it
(docs/decisions/0021-one-way-to-read-text.md).
"""

import unicodedata

KEY = 200
"""Characters of a key that people type or another system gives: sku, code, number, external id."""
NAME = 500
"""Characters of a name, an e-mail address or a reason."""
PROSE = 10_000
"""Characters of a description or a note."""
RETRY_KEY = 255
LOOKUP = 1_000
"""Characters of what is looked for."""
INDEXED = 2_500
"""Bytes of a folded name: one row of an index holds 2,704. Only rare letters need five for each character."""
MARKS = 30
"""Combining marks behind each other, as many as Unicode's own stream-safe format has (UAX #15). What writes a language has four."""
_TOO_MANY = bytes([True]) * (MARKS + 1)
DECOMPOSED = 4
"""Characters that one of form NFC may have been made of, at most."""

# What is cut off at the ends of a line. Not the separators of data (U+001C to U+001F), which Python takes for blanks.
_BLANKS = " \t\n\v\f\r\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Letters and signs that show nothing: Hangul's fillers and Braille's blank. The marks and format characters that are
# ignored in display have categories of their own.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Marks that show nothing: joiners and selectors of variants.
_HIDDEN = frozenset("\u034f\u17b4\u17b5\u180b\u180c\u180d\u180f") | {
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}
# Format characters that are seen: signs above numbers in Arabic, Syriac and Kaithi.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Format characters that words are written with: soft hyphens, joiners, marks of direction, and the tags of flags.
# Not those that turn round what follows (U+202A to U+202E, U+2066 to U+2069), nor a byte order mark.
_IN_WORDS = (
    _SEEN | frozenset("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060") | {*map(chr, range(0xE0020, 0xE0080))}
)
_NAMES = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cn": "assigned to no character",
    "Co": "for private use",
    "Zl": "a line separator",
    "Zp": "a paragraph separator",
    "Zs": "a blank that isn't the plain one",
    "Mn": "an invisible character",
    "Lo": "an invisible character",
    "So": "an invisible character",
}


def composed(text: str) -> str:
    """Text in form NFC, whatever it consists of: for looking up what is stored. Refused are a NUL, which
    PostgreSQL doesn't take, and half of a surrogate pair, which isn't text.
    """
    if text.isascii():
        if "\0" in text:
            raise ValueError("Text must not contain the NUL character.")
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("Text must be valid Unicode; this has half of a surrogate pair.") from None
    if "\0" in text:
        raise ValueError("Text must not contain the NUL character.")
    _check_marks(text)
    return unicodedata.normalize("NFC", text)


def key(text: str, most: int = KEY) -> str:
    """A key, without blanks at its ends. It has no character that can't be seen, or not be told from another."""
    return retry_key(text.strip(_BLANKS), most)


def retry_key(text: str, most: int = RETRY_KEY) -> str:
    """A key for retries: of what a key may consist of, and taken as it is, blanks at its ends too."""
    text = _bounded(text, most)
    _check_length(text, most)
    if not text.isascii() or not text.isprintable() or text.isspace():
        for character in text:
            if character != " " and not _is_seen(character):
                raise ValueError(_sentence(character))
        _check_visible(text)
    return text


def name(text: str, most: int = NAME) -> str:
    """A line of text for people, without blanks at its ends. There is something to see in it."""
    text = _bounded(text.strip(_BLANKS), most)
    _check_length(text, most)
    if not text.isascii() or not text.isprintable():
        _check_line(text)
        _check_visible(text)
        if len(text) * 4 > INDEXED // 2 and len(text.casefold().encode()) > INDEXED:
            raise ValueError(f"This is too long: without regard to case it has more than {INDEXED:,} bytes.")
    return text


def prose(text: str, most: int = PROSE) -> str:
    """Text of several lines; may be empty."""
    text = _bounded(text, most)
    if len(text) > most:
        raise ValueError(_too_long(most))
    if not text.isascii() or not text.isprintable():
        _check_line(text.translate(_LINES))
    return text


def caption(text: str, most: int = PROSE) -> str:
    """Text of several lines in place of a name, without blanks at its ends. Where it isn't empty there is something to see in it."""
    text = prose(text.strip(_BLANKS), most)
    if text and not text.isascii():
        _check_visible(text)
    return text


_LINES = dict.fromkeys(map(ord, "\t\n\r"), " ")


def _bounded(text: str, most: int) -> str:
    """Text in form NFC. What is too long in any form is refused before its characters are looked at."""
    if len(text) > most * DECOMPOSED:
        raise ValueError(_too_long(most))
    return composed(text)


def _check_length(text: str, most: int) -> None:
    if not text:
        raise ValueError("This must not be empty.")
    if len(text) > most:
        raise ValueError(_too_long(most))


def _too_long(most: int) -> str:
    return f"This may have at most {most} characters."


def _check_marks(text: str) -> None:
    """Normalization puts marks behind each other in order one by one, in the square of their number: 80,000 held a process
    for seconds. PostgreSQL does the same.
    """
    if len(text) > MARKS and _TOO_MANY in bytes(map(bool, map(unicodedata.combining, text))):
        raise ValueError(f"This has more than {MARKS} combining marks behind each other: leave some out.")


def _check_line(text: str) -> None:
    for character in text:
        category = unicodedata.category(character)
        unusable = category in ("Cc", "Co", "Zl", "Zp") or (category == "Cn" and not _is_pictograph(character))
        if unusable or (category == "Cf" and character not in _IN_WORDS):
            raise ValueError(_sentence(character))


def _check_visible(text: str) -> None:
    """Marks alone are seen nowhere, or on what happens to stand before them."""
    if not any(_is_seen(character) and unicodedata.category(character)[0] != "M" for character in text):
        raise ValueError("There is nothing to see in this: it needs a letter, a digit or a sign.")


def _is_seen(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cn":
        return _is_pictograph(character)
    if category[0] in "CZ":
        return character in _SEEN
    return character not in _BLANK and character not in _HIDDEN


def _is_pictograph(character: str) -> bool:
    """Unicode keeps these for emoji, so a newer one than this Python knows isn't taken for nothing."""
    return 0x1F000 <= ord(character) <= 0x1FAFF or 0x1FC00 <= ord(character) <= 0x1FFFD


def _sentence(character: str) -> str:
    kind = _NAMES.get(unicodedata.category(character), "not a character")
    return f"This contains U+{ord(character):04X}, which is {kind}: leave it out."
