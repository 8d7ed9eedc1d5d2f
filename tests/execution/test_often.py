"""How often shared objects stand in an answer is counted in steps as it is at once."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution import Shared
from execution.levels import Run
from execution.meter import shared


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.integers(1, 9)), min_size=1),
    st.booleans(),
    st.sets(st.integers(0, 5)),
)
async def test_counted_in_steps_it_is_the_same(
    monkeypatch: pytest.MonkeyPatch, level: list[tuple[int | None, int]], weighted: Any, missing: set[int]
) -> None:
    for module in ("levels", "ordinary"):
        monkeypatch.setattr(f"execution.{module}.STEP", 3)
    keys = [key for key, _ in level]
    found = {key: str(key) for key in dict.fromkeys(keys) if key is not None and key not in missing}
    weights = [weight for _, weight in level] if weighted else None
    run = object.__new__(Run)
    run.turns = True
    assert await run._often(Shared(keys, found), weights) == shared(keys, found, weights)
