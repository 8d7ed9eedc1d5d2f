"""Attack 9: what each of PostgreSQL's errors means for who asked."""

import inspect
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from core.errors import Unavailable, Unfit
from db.runtime import failures
from db.runtime.failures import constraint, not_connected, unavailable
from tests.support.http import eventually

ERRORS: list[Any] = [each for each in vars(asyncpg.exceptions).values() if inspect.isclass(each)]
CLASSES = {
    each.sqlstate: each
    for each in ERRORS
    if issubclass(each, asyncpg.PostgresError) and each.sqlstate and each is not asyncpg.InvalidCachedStatementError
}
SESSION_TIMEOUTS = ("08", "25P03", "53300", "57P")
THERE = ("25006", "28", "3D", "53", "58")


class Connection:
    """A connection as far as it tells whether its server is a standby."""

    def __init__(self, standby: str) -> None:
        self.in_hot_standby = standby

    def get_settings(self) -> "Connection":
        return self


PRIMARY, STANDBY = Connection("off"), Connection("on")


@pytest.mark.parametrize("state", sorted(CLASSES))
def test_attack_9_every_sqlstate_is_away_or_about_the_statement(state: str) -> None:
    told = unavailable(CLASSES[state]("…"), PRIMARY)
    if state.startswith(SESSION_TIMEOUTS):
        assert type(told) is Unavailable
    elif state.startswith(THERE):
        assert type(told) is Unfit
    else:
        assert told is None
    # Where there was no connection yet, it can't be about a statement.
    assert isinstance(not_connected(CLASSES[state]("…")), Unavailable)


@pytest.mark.parametrize("state", ["0A000", "55000"])
def test_attack_9_what_a_standby_cant_do(state: str) -> None:
    assert type(unavailable(CLASSES[state]("…"), STANDBY)) is Unfit
    assert unavailable(CLASSES[state]("…"), PRIMARY) is None
    assert unavailable(asyncpg.LockNotAvailableError("…"), STANDBY) is None


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_attack_9_a_reader_in_the_way_of_recovery(state: str) -> None:
    assert type(unavailable(CLASSES[state]("…"), STANDBY, reads=True)) is Unavailable
    assert unavailable(CLASSES[state]("…"), STANDBY) is None


def test_attack_9_nobody_hears_what_the_server_said() -> None:
    told = unavailable(asyncpg.DiskFullError('could not extend file "base/5/1259"'), PRIMARY)
    assert told
    assert told.message == failures.UNAVAILABLE_MESSAGE
    assert told.facts == {}


async def test_attack_9_the_log_has_one_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(failures, "monotonic", lambda: clock[0])
    report = failures._Reporter()
    with capture_logs() as logs:
        for passed in (0.0, 0.4, 0.5, 0.2, 5.0):
            clock[0] += passed
            report(asyncpg.DiskFullError("no room"))
            report.request()
    assert [(log["sqlstate"], log["reason"], log["others"], log["requests"]) for log in logs] == [
        ("53100", "no room", 0, 0),
        ("53100", "no room", 2, 3),
        ("53100", "no room", 0, 1),
    ]


async def test_the_last_ones_are_told_of_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the second is over, though nobody meets it any more."""
    monkeypatch.setattr(failures, "REPORT_EVERY", 0.01)
    report = failures._Reporter()
    assert not report.lasts
    with capture_logs() as logs:
        for _ in range(3):
            report(asyncpg.DiskFullError("no room"))
            report.request()
        await eventually(lambda: len(logs) == 2)
    assert [(log["others"], log["requests"]) for log in logs] == [(0, 0), (2, 3)]
    assert report.lasts


@pytest.mark.parametrize(
    "message, name",
    [
        (
            'duplicate key value violates unique constraint "uq_orders_tenant_id_number_102164"',
            "uq_orders_tenant_id_number",
        ),
        ('duplicate key value violates unique constraint "uq_orders_tenant_id_number"', "uq_orders_tenant_id_number"),
        ('new row violates check constraint "ck_x_v2"', "ck_x_v2"),
        ("doppelter Schlüsselwert", ""),
    ],
)
def test_a_constraint_is_known_by_the_message_where_a_shard_reports_it(message: str, name: str) -> None:
    assert constraint(asyncpg.UniqueViolationError(message)) == name
    plain = asyncpg.UniqueViolationError("in any language")
    plain.constraint_name = "uq_orders_tenant_id_number"
    assert constraint(plain) == "uq_orders_tenant_id_number"
