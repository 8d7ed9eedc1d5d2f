"""What state machines run on: a database and a loop of their own, since hypothesis calls them from plain functions; and faults that
they are to find.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from db.runtime.engine import Database
from tests.support.desk import Desk
from tests.support.postgres import TestServer


@contextlib.contextmanager
def prepared(machine: Any, server: TestServer) -> Iterator[Any]:
    """A class of machines with a ``loop`` and a ``desk``."""
    loop = asyncio.new_event_loop()
    fresh = server.fresh()
    target = loop.run_until_complete(fresh.__aenter__())
    database = Database(target)
    loop.run_until_complete(database.open())
    admin = loop.run_until_complete(asyncpg.connect(target.admin))
    machine.loop, machine.desk = loop, Desk(target, database, admin)
    yield machine
    loop.run_until_complete(admin.close())
    loop.run_until_complete(database.close())
    loop.run_until_complete(fresh.__aexit__(None, None, None))
    loop.close()


def run(machine: type[RuleBasedStateMachine], examples: int, steps: int, *phases: Phase, same: bool = True) -> None:
    """So many examples of at most so many steps, the ``same`` at every run or others each time."""
    given = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=same,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=phases,
    )
    run_state_machine_as_test(machine, settings=given)


Patch = pytest.MonkeyPatch


def changed(of: Any, name: str, old: str, new: str) -> Callable[[Patch], None]:
    """A fault in a statement."""
    sql = getattr(of, name)
    assert old in sql
    return lambda patch: patch.setattr(of, name, sql.replace(old, new))


def put(of: Any, name: str, value: Any) -> Callable[[Patch], None]:
    """A fault in a rule."""
    return lambda patch: patch.setattr(of, name, value)


async def nothing(*_: Any) -> None:
    """What is forgotten."""
