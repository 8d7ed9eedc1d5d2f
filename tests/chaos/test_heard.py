"""Each rule of ``tests.chaos.heard`` finds what breaks it, and nothing in what doesn't."""

import pytest

from tests.chaos.heard import Event, Told, unheard

LOG = [Event("a1", "a"), Event("b1", "b"), Event("a2", "a"), Event("a3", "a")]
TOLD = [Told("b1", "b", "m1"), Told("a1", "a", "m2"), Told("a2", "a", "m3"), Told("a3", "a", "m4")]


def found(*told: Told) -> list[str]:
    return [*unheard("it", LOG, told)]


def test_other_records_may_overtake_and_repeats_may_come_late() -> None:
    assert found(*TOLD) == []
    assert found(*TOLD, TOLD[1], TOLD[0]) == []


@pytest.mark.parametrize(
    "told, wrong",
    [
        (TOLD[:-1], "it wasn't told of 1 events, such as a3"),
        ([*TOLD, Told("c1", "c", "m5")], "it was told of c1, which isn't in the log"),
        ([TOLD[0], TOLD[1], TOLD[3], TOLD[2]], "it was told of a2 behind a later one of a"),
        ([*TOLD, TOLD[2]._replace(message="m6")], "it was told of a2 again under another id"),
        ([*TOLD, TOLD[2]._replace(record="b")], "it was told that a2 is about b"),
    ],
)
def test_what_is_wrong_is_found(told: list[Told], wrong: str) -> None:
    assert found(*told) == [wrong]
