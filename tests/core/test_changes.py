"""What the feed tells of: each event that a command notes says what it is about, and cursors are read as they were written."""

import re
from pathlib import Path
from uuid import UUID

import pytest

from core.changes import ANY, KINDS, LENGTH, SUBJECTS, Cursor, prefix_of, read_cursor, touched_by
from core.errors import BadInput, BrokenInvariant

SERVICES = Path(__file__).parents[2] / "services"
NOTED = re.compile(r"""\.note\(\s*f?"([a-z_{}.]+)\.[a-z_{}.]+\"""")
RECORDS = re.compile(r"""RecordType\(\s*"([a-z_]+)\"""")


def families() -> set[str]:
    """The first parts of the types of all events that services note."""
    texts = [path.read_text() for path in sorted(SERVICES.rglob("*.py"))]
    noted = {family for text in texts for family in NOTED.findall(text)}
    assert "{kind.name}" in noted
    return (noted - {"{kind.name}"}) | {name for text in texts for name in RECORDS.findall(text)}


def test_every_event_says_what_it_is_about() -> None:
    found = families()
    assert {"order", "product", "partner", "warehouse"} <= found
    assert found - {*SUBJECTS} == set(), "Say in SUBJECTS of core/<module>.py what these events are about."
    assert prefix_of("order.confirmed") == "ord"
    with pytest.raises(BrokenInvariant):
        touched_by("weather.changed")


def test_the_numbers_of_kinds_are_their_own_for_good() -> None:
    """Commits are stored with them."""
    known = {"PRODUCT": 1, "PARTNER": 2, "WAREHOUSE": 3, "LOCATION": 4, "STOCK_LEVEL": 5, "ORDER": 6, "SHIPMENT": 7}
    known |= {"PURCHASE_ORDER": 8, "RECEIPT": 9, "LOT": 10}
    assert known.items() <= {name: kind.number for name, kind in KINDS.items()}.items()
    assert len({kind.number for kind in KINDS.values()}) == len(KINDS)
    assert touched_by("order.confirmed") == 6
    assert touched_by("stock.adjusted") is None


def test_a_cursor_is_read_as_it_was_written() -> None:
    mine, other = b"abcdef", b"ghijkl"
    cursor = Cursor(UUID(int=7), 3, mine)
    assert len(str(cursor)) == LENGTH
    assert read_cursor(str(cursor), mine) == cursor
    assert read_cursor(str(cursor._replace(mark=ANY)), other).commit == UUID(int=7)
    with pytest.raises(BadInput):
        read_cursor(str(cursor), other)
