"""For the executor's tests: levels of two objects count as large, so that small data go the ways of large ones."""

import pytest

from execution import levels


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "MANY", 2)
