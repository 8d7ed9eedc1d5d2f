"""Telling how far a step is, where there is no terminal."""

import pytest

from app.cli import support


def test_a_quick_stage_says_nothing_and_a_long_one_speaks_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("app.cli.support.time.monotonic", lambda: now)
    with support.progress() as report:
        for done in range(3):
            report("quick", done, 2)
        for done in range(0, 9_001, 1_000):
            report("orders", done, 9_000)
            now += 0.5
        report("rows", 0, 0)
        now += 2.5
        report("rows", 1_234, 0)
    assert capsys.readouterr().err.splitlines() == [
        "orders: 4,000 of 9,000",
        "orders: 8,000 of 9,000",
        "orders: 9,000 of 9,000",
        "rows: 1,234",
    ]
