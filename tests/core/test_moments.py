"""G10: what RFC 3339 allows is taken, what it doesn't is refused, and what can't be kept is refused with that reason."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.moments import NotAMoment, read, write


@pytest.mark.parametrize(
    "text, written",
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("0001-01-01T00:00:00-00:01", "0001-01-01T00:01:00Z"),
        ("0001-01-02T00:00:00+23:59", "0001-01-01T00:01:00Z"),
        ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59Z"),
        # Leap seconds stay in their day.
        ("1990-12-31T23:59:60Z", "1990-12-31T23:59:59.999999Z"),
        ("1990-12-31T15:59:60-08:00", "1990-12-31T23:59:59.999999Z"),
        ("1991-01-01T00:59:60.5+01:00", "1990-12-31T23:59:59.999999Z"),
        ("9999-12-31T23:59:60Z", "9999-12-31T23:59:59.999999Z"),
        ("2026-11-01t09:30:00z", "2026-11-01T09:30:00Z"),
        ("2026-11-01T09:30:00-00:00", "2026-11-01T09:30:00Z"),
        ("2026-11-01T09:30:00+00:00", "2026-11-01T09:30:00Z"),
        ("2026-11-01T09:30:00-23:59", "2026-11-02T09:29:00Z"),
        ("2026-11-01T09:30:00.1Z", "2026-11-01T09:30:00.100000Z"),
        ("2026-11-01T09:30:00." + "123456789" * 50 + "Z", "2026-11-01T09:30:00.123456Z"),
        ("2026-11-01T09:30:00.0000009Z", "2026-11-01T09:30:00Z"),
        # 5.6: "Applications using this syntax may choose, for the sake of readability," a space.
        ("2026-11-01 09:30:00Z", "2026-11-01T09:30:00Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
    ],
)
def test_g10_what_rfc_3339_allows(text: str, written: str) -> None:
    assert write(read(text)) == written
    assert read(text).tzinfo is UTC


OUT_OF_RANGE = "A point in time lies between"
NO_SUCH = "There is no such day or time"
NO_LEAP = "A leap second is at 23:59:60 in UTC"
NOT_OF_THE_FORM = "A point in time is written by RFC 3339"


@pytest.mark.parametrize(
    "text, reason",
    [
        ("0000-01-01T00:00:00Z", OUT_OF_RANGE),
        ("0001-01-01T00:00:00+00:01", OUT_OF_RANGE),
        ("9999-12-31T23:59:59-00:01", OUT_OF_RANGE),
        ("2026-02-29T00:00:00Z", NO_SUCH),
        ("2026-13-01T00:00:00Z", NO_SUCH),
        ("2026-00-01T00:00:00Z", NO_SUCH),
        ("2026-01-01T24:00:00Z", NO_SUCH),
        ("2026-01-01T23:60:00Z", NO_SUCH),
        ("2026-01-01T23:59:61Z", NO_SUCH),
        ("1998-12-31T23:58:60Z", NO_LEAP),
        ("1998-12-31T22:59:60Z", NO_LEAP),
        ("1998-12-31T23:59:60+01:00", NO_LEAP),
        *(
            (text, NOT_OF_THE_FORM)
            for text in (
                "",
                "yesterday",
                "2026-11-01",
                "2026-11-01T09:30:00",
                "2026-11-01T09:30Z",
                "2026-11-01T09:30:00.Z",
                "2026-11-01T09:30:00,5Z",
                "2026-11-01T09:30:00+24:00",
                "2026-11-01T09:30:00+01:60",
                "2026-11-01T09:30:00+0100",
                "2026-11-01T09:30:00+01",
                "2026-11-01T09:30:00 Z",
                " 2026-11-01T09:30:00Z",
                "2026-11-01T09:30:00Z\n",
                "20261101T093000Z",
                "2026-W44-7T09:30:00Z",
                "2026-305T09:30:00Z",
                "02026-11-01T09:30:00Z",
                "-026-11-01T09:30:00Z",
                "٢٠٢٦-11-01T09:30:00Z",
                "01.11.2026",
                "1793525400",
            )
        ),
    ],
)
def test_g10_what_it_does_not(text: str, reason: str) -> None:
    with pytest.raises(NotAMoment, match=f"^{reason}"):
        read(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_s9_what_is_written_is_read_back(moment: datetime) -> None:
    assert read(write(moment)) == moment
