"""What counts as a break of the schema, and what may go."""

from datetime import date

import pytest

from tests.clients.breaking import breaking_changes
from tests.support.command import ROOT

TODAY = date(2026, 11, 21)

BEFORE = """
type Query {
  order(number: String, key: String @deprecated(reason: "Use number.")): Order
  orders(sort: Sort): [Order!]!
  old: Old @deprecated(reason: "Use order. Since: 2025-01-01. Removal: 2026-11-20.")
  soon: Int @deprecated(reason: "Use order. Since: 2025-11-21. Removal: 2026-11-21.")
}
type Order { id: ID! note: String @deprecated(reason: "Use remarks.") status: Status! }
type Old { older: Older }
type Older { id: ID! }
enum Status { OPEN SHUT @deprecated(reason: "It is CLOSED.") CLOSED }
input Sort { by: String way: Int @deprecated(reason: "Up only.") }
"""


def changed(*changes: tuple[str, str]) -> list[str]:
    after = BEFORE
    for old, new in changes:
        assert old in after
        after = after.replace(old, new)
    return breaking_changes(BEFORE, after, TODAY)


def test_the_same_schema_breaks_nothing() -> None:
    text = (ROOT / "schema.graphql").read_text()
    assert breaking_changes(text, text, TODAY) == []


def test_what_was_deprecated_may_go_and_what_only_it_led_to() -> None:
    assert not changed((', key: String @deprecated(reason: "Use number.")', ""))
    assert not changed((' note: String @deprecated(reason: "Use remarks.")', ""))
    assert not changed((' SHUT @deprecated(reason: "It is CLOSED.")', ""))
    assert not changed((' way: Int @deprecated(reason: "Up only.")', ""))
    assert not changed(
        ('  old: Old @deprecated(reason: "Use order. Since: 2025-01-01. Removal: 2026-11-20.")\n', ""),
        ("type Old { older: Older }\ntype Older { id: ID! }\n", ""),
    )


def test_additions_break_nothing() -> None:
    assert not changed(("type Order {", "type Order { remarks: String"), ("(sort: Sort)", "(sort: Sort, first: Int)"))


def test_until_its_last_day_is_over_it_stays() -> None:
    line = '  soon: Int @deprecated(reason: "Use order. Since: 2025-11-21. Removal: 2026-11-21.")\n'
    assert changed((line, "")) == ["Field Query.soon was removed."]
    assert breaking_changes(BEFORE, BEFORE.replace(line, ""), date(2026, 11, 22)) == []


@pytest.mark.parametrize(
    "old, new, told",
    [
        ("order(number: String, ", "order(", "Argument Query.order(number:) was removed."),
        (" status: Status!", "", "Field Order.status was removed."),
        ("status: Status!", "status: Status", "Field Order.status changed type from Status! to Status."),
        ("(sort: Sort)", "(sort: Sort, first: Int!)", "A required argument Query.orders(first:) was added."),
        ("{ by: String", "{ by: String from: Int!", "A required field Sort.from was added."),
        ("{ OPEN ", "{ ", "Enum value Status.OPEN was removed."),
    ],
)
def test_breaks_are_told(old: str, new: str, told: str) -> None:
    assert changed((old, new)) == [told]


def test_a_type_that_can_still_be_met_may_not_go() -> None:
    found = changed(("status: Status!", "status: String!"), (BEFORE.split("\n")[10] + "\n", ""))
    assert found == ["Field Order.status changed type from Status! to String!.", "Status was removed."]
