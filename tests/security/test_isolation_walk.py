"""Threats 31 and 32: each place of the schema is given what another tenant has, and answers as if nobody had it.

By the policies and the predicates together, by each alone, and, to see that the walk sees, by neither.
"""

import contextlib
import dataclasses
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from db.runtime.engine import Database, Target
from db.runtime.reader import Reader
from db.runtime.sessions import Session
from db.runtime.writer import Writer
from tests.security.attack import read, write
from tests.security.stage import Stage, over, staged
from tests.security.walk import CURSORS, MUTATION, PLAIN_SCALARS, Place, read_places
from tests.support.postgres import TestServer

PREDICATE = re.compile(r"(?:\w+\.)?tenant_id = (\$\d+)(?:::UUID)?")


class Unbound(Target):
    """The administrator's, whom no policy binds, in place of the serving role."""

    def settings(self) -> dict[str, str]:
        return {name: value for name, value in super().settings().items() if name != "role"}


@pytest.fixture
def no_predicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every statement without its condition on the tenant."""
    fetch, rows = Reader.fetch, Writer.rows

    def open_(sql: str) -> str:
        # But for the budgets': attackers who spend one another's would be throttled before they learn anything.
        return sql if "budgets" in sql else PREDICATE.sub(r"\1::uuid IS NOT NULL", sql)

    async def fetch_open(self: Reader, sql: str, *values: Any, **options: Any) -> list[Any]:
        return await fetch(self, open_(sql), *values, **options)

    async def rows_open(self: Writer, sql: str, *values: Any) -> list[Any]:
        return await rows(self, open_(sql), *values)

    monkeypatch.setattr(Reader, "fetch", fetch_open)
    monkeypatch.setattr(Writer, "rows", rows_open)


@contextlib.contextmanager
def unbound_sessions() -> Iterator[None]:
    """The server refuses a connection without the serving role; here one that was asked for without it will do."""
    fault = Session._fault

    def unless_unbound(self: Session, row: Any) -> str:
        return fault(self, row) if "role" in self.settings else ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "_fault", unless_unbound)
        yield


@contextlib.asynccontextmanager
async def without_policies(stage: Stage) -> AsyncIterator[Stage]:
    """The stage for attackers whose statements no policy narrows."""
    database = Database(Unbound(stage.target.admin, stage.target.admin))
    with unbound_sessions():
        await database.open()
        one, other = stage.twins
        try:
            yield dataclasses.replace(
                stage, reader=over(stage.reader, database), twins=(over(one, database), over(other, database))
            )
        finally:
            await database.close()


@pytest.mark.one_server
async def test_31_by_policies_and_predicates(stage: Stage) -> None:
    assert await read(stage) == []
    assert await write(stage) == []


@pytest.mark.usefixtures("no_predicates")
async def test_31_by_the_policies_alone(stage: Stage) -> None:
    assert await read(stage, brief=True) == []
    assert await write(stage) == []


@pytest.mark.one_server
async def test_31_by_the_predicates_alone(stage: Stage) -> None:
    async with without_policies(stage) as unbound:
        assert await read(unbound, brief=True) == []
        assert await write(unbound) == []


OWN_PARENTS = {"Location.stockLevels", "AllocationPolicy.events"}
"""Lists whose parents are the attacker's own: what refers to those can't be another tenant's, by foreign keys or by its one row."""


NO_ROWS = {"OrderConnection.groups", "LineItemConnection.groups", "LineItemGroup.groups", "Product.movement"}
"""What takes numbers to compare sums with, or times, and names no row."""


BY_THE_TENANTS_ROW = {"Product.price"}
"""What finds the one that it names together with the tenant's own row, which is a predicate more."""


NAMES_NOTHING = {"purchaseSettingsUpdate", "tenantUpdate", "warehouseCreate", "webhookCreate"}
"""What takes new texts only, for a row of the tenant's own. The idempotency key is told of by the first command that takes it:
then both twins have used theirs."""


@pytest.mark.slow
@pytest.mark.one_server
@pytest.mark.usefixtures("no_predicates")
async def test_with_both_locks_off_the_walk_tells_of_every_field(server: TestServer) -> None:
    async with staged(server) as stage, without_policies(stage) as open_:
        told = await read(open_, once=True)
        walked = {place.field for place in read_places(stage.reader.ids) if place.scalar not in PLAIN_SCALARS}
        assert fields(told) == walked - OWN_PARENTS - NO_ROWS - BY_THE_TENANTS_ROW
        told = await write(open_)
        assert fields(told) == {*MUTATION.fields} - NAMES_NOTHING
        assert {"rename: products of the victim changed", "archive: partners of the victim changed"} <= {*told}


def fields(told: list[str]) -> set[str]:
    return {line.split(":")[0] for line in told}


def test_a_place_of_an_unknown_kind_ends_the_walk() -> None:
    place = Place("Query.things", "Query", "thing", "ID", "")
    with pytest.raises(KeyError):
        place.prefixes  # noqa: B018 - the property raises
    own = defaultdict[str, list[str]](lambda: ["nobody"])
    assert {place.scalar for place in read_places(own) if place.name in CURSORS} == {"String"}
