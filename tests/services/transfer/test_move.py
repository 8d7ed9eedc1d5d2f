"""``erpgraph tenant move``: one home at each moment, killed anywhere and run again (issue 14, point 8)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from core.errors import BadInput, TenantFrozen, Unavailable
from db.runtime.engine import Database, Target, administration
from services.platform import keys, tenants
from services.platform.transfer import wire
from services.platform.transfer.erase import erase
from services.platform.transfer.freeze import unfreeze
from services.platform.transfer.move import Move
from tests.support import estate
from tests.support.postgres import TestServer


class Killed(BaseException):
    """The process ended here."""


class Places:
    """Three databases, and a tenant that lives in the first beside another one."""

    def __init__(self, targets: dict[str, Target], tenant: UUID, neighbour: UUID) -> None:
        self.targets, self.tenant, self.neighbour = targets, tenant, neighbour
        self.rows: dict[str, list[str]] = {}

    def move(self, to: str) -> Move:
        return Move(self.targets, "main", self.tenant, to, grace=0, settled=0)

    async def home(self) -> str:
        return await tenants.place(self.targets["main"], self.tenant) or "main"

    async def check(self, to: str) -> None:
        """It lives there, whole and to be changed, and nowhere else is a row of it, but the one that says so."""
        assert await self.home() == to
        for name, target in self.targets.items():
            found = await estate.rows(target, self.tenant)
            if name == to:
                # A budget begins anew, and whether it is frozen and where it lives isn't what it has.
                assert found | estate.STAY == self.rows | estate.STAY
                await keys.create(target, self.tenant, "after", replace=True)
                async with administration(target, self.tenant) as owner:
                    await owner.execute("DELETE FROM api_keys WHERE name = 'after'")
            else:
                stub = found.pop("tenants")
                assert len(stub) == (name == "main")
                assert {*map(len, found.values())} == {0}, name


@pytest.fixture(scope="module")
async def everywhere(server: TestServer) -> AsyncIterator[Places]:
    async with server.fresh() as main, server.fresh() as emea, server.fresh() as apac:
        made = Places(
            {"main": main, "emea": emea, "apac": apac},
            await estate.settle(main, "moves"),
            await estate.settle(main, "stays"),
        )
        yield made


@pytest.fixture
async def places(everywhere: Places) -> Places:
    """As the last test left them, with the tenant in the first database again."""
    await everywhere.move("main").run()
    everywhere.rows = await estate.rows(everywhere.targets["main"], everywhere.tenant)
    return everywhere


async def test_there_on_and_back_it_is_the_same(places: Places) -> None:
    neighbour = await estate.rows(places.targets["main"], places.neighbour)
    for to in ("emea", "apac", "main"):
        moved = await places.move(to).run()
        assert moved.rows == sum(len(rows) for table, rows in places.rows.items() if table not in estate.STAY)
        await places.check(to)
    assert (await places.move("main").run()).rows == 0
    assert await estate.rows(places.targets["main"], places.neighbour) == neighbour


KILLS = [
    *(("main", "emea", step) for step in ("_pour", "copied", "switched", "erase")),
    *(("emea", "main", step) for step in ("copied", "switched")),
    ("emea", "apac", "switched"),
]


@pytest.mark.parametrize("start,to,step", KILLS)
async def test_killed_at_any_step_it_is_completed_by_running_it_again(
    places: Places, monkeypatch: pytest.MonkeyPatch, start: str, to: str, step: str
) -> None:
    """Neither an undoing nor anything else runs after the kill; and the home is one of the two, with all rows."""
    await places.move(start).run()
    with monkeypatch.context() as patch:
        await _killed(places.move(to), patch, step)
    home = await places.home()
    assert home in {start, to}
    found = await estate.rows(places.targets[home], places.tenant)
    assert {table: len(rows) for table, rows in found.items() if table not in estate.STAY} == {
        table: len(rows) for table, rows in places.rows.items() if table not in estate.STAY
    }
    await places.move(to).run()
    await places.check(to)


async def _killed(move: Move, patch: pytest.MonkeyPatch, step: str) -> None:
    """Run it up to a step. What a killed process would have undone isn't undone."""
    place = "services.platform.transfer.move"
    dead = False

    async def kill(*_: Any, **__: Any) -> Any:
        nonlocal dead
        dead = True
        raise Killed

    async def undo(*given: Any) -> bool:
        if dead:
            raise Killed
        return await unfreeze(*given)

    if step in {"switched", "copied"}:
        name = "_switch" if step == "switched" else "_copy"
        real = getattr(Move, name)

        async def after(self: Move, *given: Any) -> None:
            await real(self, *given)
            await kill()

        patch.setattr(Move, name, after)
    elif step in {"unfreeze", "erase"}:
        patch.setattr(f"{place}.{step}", kill)
    else:
        patch.setattr(Move, step, kill)
    if step != "unfreeze":
        patch.setattr(f"{place}.unfreeze", undo)
    with pytest.raises(Killed):
        await move.run()


async def test_a_fault_before_the_switch_leaves_it_where_it_was_and_not_frozen(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = wire.read

    async def differs(connection: Any, part: Any, *others: Any) -> wire.Written:
        found = await real(connection, part, *others)
        return found._replace(rows=found.rows + 1) if part.table == "orders" and others[1:] else found

    monkeypatch.setattr(wire, "read", differs)
    with pytest.raises(Unavailable, match="What was stored of orders isn't what was read"):
        await places.move("emea").run()
    await places.check("main")


async def test_a_name_that_is_taken_there_keeps_it_here(places: Places) -> None:
    other = await tenants.create(places.targets["emea"], "moves", "EUR")
    with pytest.raises(BadInput, match="named 'moves' already"):
        await places.move("emea").run()
    await places.check("main")
    await erase(places.targets["emea"], other)


async def test_two_moves_of_one_tenant_exclude_each_other(places: Places) -> None:
    async with places.move("emea")._alone():
        with pytest.raises(Unavailable, match="Another move"):
            await places.move("apac").run()
    await places.check("main")


async def test_what_was_stored_before_the_freeze_moves_along(places: Places) -> None:
    """A writer that is in the middle when the move begins: it is waited for, and its row is at the new place."""
    main = Database(places.targets["main"])
    await main.open()
    async with main.transaction(places.tenant) as writer:
        moving = asyncio.create_task(places.move("emea").run())
        async with administration(places.targets["main"]) as owner:
            while await owner.fetchval("SELECT frozen_at FROM tenants WHERE id = $1", places.tenant) is None:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0)
        await writer.rows("UPDATE partners SET name = 'Last' WHERE tenant_id = $1 AND code = 'C0'")
    await moving
    await main.close()
    async with administration(places.targets["emea"], places.tenant) as owner:
        assert await owner.fetchval("SELECT name FROM partners WHERE code = 'C0'") == "Last"


async def test_an_abandoned_move_is_undone_by_thawing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the switch, the operator goes on here; a later move doesn't take what was copied then."""
    with monkeypatch.context() as patch:
        await _killed(places.move("emea"), patch, "_switch")
    main = places.targets["main"]
    assert await unfreeze(main, places.tenant)
    async with administration(main, places.tenant) as owner:
        await owner.execute("UPDATE partners SET name = 'Later' WHERE code = 'C0'")
    places.rows = await estate.rows(main, places.tenant)
    await places.move("emea").run()
    await places.check("emea")


async def test_the_row_that_says_where_it_lives_is_never_thawed(places: Places) -> None:
    await places.move("emea").run()
    main = places.targets["main"]
    assert not await unfreeze(main, places.tenant)
    with pytest.raises(TenantFrozen):
        await keys.create(main, places.tenant, "astray")
    with pytest.raises(BadInput, match="named 'moves' already"):
        await tenants.create(main, "moves", "EUR")
    await erase(places.targets["emea"], places.tenant)
    await erase(main, places.tenant)
    assert [row.name for row in await tenants.every(main)] == ["stays"]
