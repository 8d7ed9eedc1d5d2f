"""docs/reports.md: each report is answered on the demo's data, in a statement for each level of it; and so is the dashboard."""

import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.support.command import ROOT
from tests.support.graph import Asker

TEXT = (ROOT / "docs" / "reports.md").read_text()
REPORTS = dict(re.findall(r"## ([^\n]+)\n.+?```graphql\n(.+?)\n```", TEXT, re.DOTALL))
PAGE = re.findall(r"`(query Dashboard.+?)`", (ROOT / "examples/dashboard/src/documents.js").read_text(), re.DOTALL)


STATEMENTS = {
    "Sales by period, customer, product or country": 2,
    "The ten best products and the rest, each by month": 4,
    "ABC analysis": 3,
    "Open orders by age": 3,
    "Fill rate": 2,
    "Dead stock": 4,
    "Stock on a day": 4,
    "Turnover and days of stock": 2,
    "What is left to do": 6,
}


def test_every_report_is_tried() -> None:
    assert {*REPORTS} == {*STATEMENTS}


@pytest.mark.parametrize("name", [*STATEMENTS])
@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_each_report_has_an_answer(demo_data: tuple[Asker, UUID], name: str, *, breadth_first: bool) -> None:
    ask, tenant = demo_data
    answer = await ask(REPORTS[name], tenant, breadth_first=breadth_first)
    assert all(answer.good.values())
    assert len(answer.ran) == STATEMENTS[name]
    assert sum(ran.rows for ran in answer.ran) > 0


async def test_the_a_products_bring_four_fifths(demo_data: tuple[Asker, UUID]) -> None:
    """The report of ABC, followed by hand."""
    ask, tenant = demo_data
    groups = (await ask(REPORTS["ABC analysis"], tenant)).good["lineItems"]["groups"]["nodes"]
    amounts = [Decimal(each["aggregate"]["total"][0]["sum"]["amount"]) for each in groups]
    assert amounts == sorted(amounts, reverse=True)
    sums: list[Any] = [sum(amounts[: place + 1]) / sum(amounts) for place in range(len(amounts))]
    assert [Decimal(each["cumulativeShare"]) for each in groups] == [
        each.quantize(Decimal("0.000001")) for each in sums
    ]


async def test_the_dashboard_has_all_of_its_numbers_in_one_request(demo_data: tuple[Asker, UUID]) -> None:
    ask, tenant = demo_data
    [text] = PAGE
    answer = await ask(text, tenant, {"from": "2025-12-01", "through": "2026-11-30", "since": "2025-12-01T00:00:00Z"})
    assert all(answer.good.values())
    assert len(answer.good["months"]["groups"]["nodes"]) == 12
