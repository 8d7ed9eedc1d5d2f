"""Both executors on generated queries over a schema in which much fails."""

import pytest

from execution import plan
from tests.execution.fuzz import zoo
from tests.execution.fuzz.run import FUZZ, UNAWAITED, compare, new_loop

pytestmark = UNAWAITED

LEAST = {
    "documents": 480,
    "runs": 580,
    "rows": 430,
    "lists of several": 330,
    "errors": 165,
    "several errors": 75,
    "data and errors": 115,
    "null to the top": 40,
    "nulls": 190,
    "other choice of errors": 15,
    "variables": 350,
    "named fragments": 330,
    "inline fragments": 400,
    "aliases": 430,
    "skip or include": 370,
    "switched": 180,
}
"""What must have been compared at least: see ``Seen``."""


def test_generated_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    # Types that lead to one another, and fragments in fragments: some documents are past the bounds of a plan, which
    # graphql-core's executor hasn't.
    monkeypatch.setattr(plan, "MAX_DEPTH", 100)
    monkeypatch.setattr(plan, "MAX_FIELDS", 1_000_000)
    with new_loop() as loop:
        seen = compare(zoo.comparison(), zoo.strategy(), loop, 330)
    print(seen)
    assert FUZZ or seen.lacking(LEAST) == {}
