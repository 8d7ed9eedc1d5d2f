"""Warehouses and locations: created, and found for moves of goods."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from core.ids import encode, new_id
from core.inventory import LocationKind
from core.problems import DUPLICATE, Problems, refuse
from services.inventory import stock
from services.kit import parties
from services.kit.answer import References
from services.kit.command import Change, Command, Id, Label, Title, shown
from services.kit.keeping import Kept
from services.kit.looking import Looking
from services.kit.parties import Party
from services.kit.records import RecordType, patch
from services.kit.work import Retry, UnitOfWork

WAREHOUSE = RecordType("warehouse", "warehouses", "code", ("address",))
LOCATION = RecordType("location", "locations", "code")

_GOODS = """
    SELECT CASE WHEN s.on_hand > 0 THEN count(*) || ' products have goods in ' || l.code || ': move them first'
                ELSE count(*) || ' products are expected in ' || l.code || ': receive or cancel them first' END
    FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
    WHERE s.tenant_id = $1 AND (s.on_hand > 0 OR s.incoming > 0) AND l.{column} = $2
    GROUP BY l.code, s.on_hand > 0 ORDER BY l.code, s.on_hand > 0 DESC
"""
_LOCATIONS_TOO = """
    UPDATE locations SET archived_at = $3, version = version + 1, updated_at = statement_timestamp()
    WHERE tenant_id = $1 AND warehouse_id = $2 AND archived_at IS NULL
"""
KEPT_PLACES = (
    Kept("wh", WAREHOUSE, "warehouses:write", _GOODS.format(column="warehouse_id"), _LOCATIONS_TOO),
    Kept("loc", LOCATION, "warehouses:write", _GOODS.format(column="id")),
)

HOLDING = frozenset({"INTERNAL", "QUARANTINE", "TRANSIT"})
"""The kinds of locations that have balances. Goods come from and go to the others without a count."""


class WarehouseCreate(Command):
    """A warehouse to create; locations are added to it afterwards."""

    code: Label
    """The tenant's own key of the warehouse; unique."""
    name: Title
    """Its name as people read it; not unique."""
    address: Party | None = None
    """Where it is; null where nobody said so."""


class WarehouseUpdate(Change):
    """A warehouse to change. Fields that are left out stay as they are."""

    warehouse: Annotated[UUID, Id("wh")]
    """The id of the warehouse."""
    name: Title = ""
    """Its name as people read it; not unique."""
    address: Party | None = None
    """Where it is; null: nobody says so."""


class LocationCreate(Command):
    """A location to create in an existing warehouse."""

    warehouse: Annotated[UUID, Id("wh")]
    """The id of the warehouse that it is in."""
    code: Label
    """The tenant's own key of the location; unique over all warehouses."""
    name: Title
    """Its name as people read it; not unique."""
    kind: LocationKind = LocationKind.INTERNAL
    """Whether it holds the tenant's own goods, or goods only come from it or go to it."""


class Location(NamedTuple):
    """A location, as far as moves of goods need it."""

    id: UUID
    code: str
    kind: str
    warehouse: UUID | None
    archived: bool = False

    @property
    def holds(self) -> bool:
        """Whether goods there are counted."""
        return self.kind in HOLDING


_MAKE_WAREHOUSE = """
    INSERT INTO warehouses (tenant_id, id, code, name, address) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, code) DO NOTHING RETURNING id
"""
_MAKE_LOCATION = """
    INSERT INTO locations (tenant_id, id, warehouse_id, code, name, kind, rank, allocation)
    SELECT t.id, $2, $3, $4, $5, $6, w.rank, (SELECT p.rule FROM allocation_policies p WHERE p.tenant_id = $1)
    FROM tenants t LEFT JOIN (SELECT rank FROM warehouses WHERE tenant_id = $1 AND id = $3 FOR SHARE) w ON true
    WHERE t.id = $1
    ON CONFLICT (tenant_id, code) DO NOTHING RETURNING id
"""
"""With its warehouse's rank, which stays as it is meanwhile."""
_TAKEN = "SELECT id FROM locations WHERE tenant_id = $1 AND code = $2"
_WAREHOUSE = "SELECT id FROM warehouses WHERE tenant_id = $1 AND id = $2 AND archived_at IS NULL"
_LOCATIONS = """
    SELECT id, code, kind, warehouse_id, archived_at IS NOT NULL FROM locations WHERE tenant_id = $1 AND id = ANY($2::uuid[])
"""
_OF_KIND = """
    SELECT id, code, kind, warehouse_id, archived_at IS NOT NULL FROM locations
    WHERE tenant_id = $1 AND kind = ANY($2::text[]) ORDER BY code
"""

_PROMISABLE = f"""
    SELECT s.product_id, sum(s.available + CASE WHEN s.held_until <= statement_timestamp() THEN (
        SELECT coalesce(sum(h.quantity), 0) FROM stock_hold_lines h
        WHERE h.tenant_id = $1 AND h.product_id = s.product_id AND h.location_id = s.location_id
          AND h.lot_id IS NOT DISTINCT FROM s.lot_id AND h.expires_at <= statement_timestamp()) ELSE 0 END)
    FROM stock_levels s JOIN locations l ON (l.tenant_id, l.id) = (s.tenant_id, s.location_id)
    WHERE s.tenant_id = $1 AND s.product_id = ANY($2::uuid[]) AND l.kind = 'INTERNAL'
      AND {stock.SELLABLE} AND ($3::uuid IS NULL OR l.warehouse_id = $3)
    GROUP BY s.product_id
"""


async def create_warehouse(work: UnitOfWork, command: WarehouseCreate) -> References:
    """Create a warehouse. Raises ``CommandRejected`` where its code is taken."""
    identity, address = new_id(), parties.stored(command.address)(None)
    if not await work.rows(_MAKE_WAREHOUSE, identity, command.code, command.name, address):
        raise refuse(DUPLICATE, f"There is a warehouse {command.code} already.", "code")
    after: dict[str, Any] = {"code": command.code, "name": command.name}
    if command.address:
        after["address"] = command.address.kept()
    work.note("warehouse.created", identity, version=1, after=after)
    return {"warehouse_id": identity}


async def update_warehouse(work: UnitOfWork, command: WarehouseUpdate) -> References:
    """Change a warehouse. Raises ``CommandRejected`` where there is no such one."""
    values: dict[str, Any] = {"name": command.name} if command.given("name") else {}
    if command.given("address"):
        values["address"] = parties.stored(command.address)
    if not await patch(work, WAREHOUSE, command.warehouse, values, expected=command.expected_version):
        note_warehouse(work.problems, command.warehouse)
        work.problems.check()
    return {"warehouse_id": command.warehouse}


async def create_location(work: UnitOfWork, command: LocationCreate) -> References:
    """Create a location. Raises ``CommandRejected`` for an unknown warehouse, or where its code is taken."""
    if not await has_warehouse(work, command.warehouse):
        note_warehouse(work.problems, command.warehouse)
        if await work.rows(_TAKEN, command.code):
            work.problems.add(DUPLICATE, f"There is a location {command.code} already.", "code")
        work.problems.check()
    made = await _make(work, command.warehouse, command.code, command.name, command.kind)
    if made is None:
        raise refuse(DUPLICATE, f"There is a location {command.code} already.", "code")
    return {"location_id": made}


def note_warehouse(problems: Problems, wanted: UUID) -> None:
    """Note that there is no such warehouse."""
    problems.missing(f"warehouse with the {shown('id', encode('wh', wanted))}", "warehouse")


async def has_warehouse(work: Looking, warehouse: UUID) -> bool:
    return bool(await work.rows(_WAREHOUSE, warehouse))


async def promisable(work: Looking, products: Iterable[UUID], warehouse: UUID | None) -> dict[UUID, Decimal]:
    """How many of these products could be promised at this moment, in one warehouse or in all; those without stock are
    missing. What a hold kept until its time was over counts, as in ``Product.stock``.
    """
    rows = await work.rows(_PROMISABLE, list(set(products)), warehouse)
    return dict(rows)


async def locate(work: UnitOfWork, wanted: Iterable[UUID]) -> dict[UUID, Location]:
    """The locations with these ids; unknown ones are missing."""
    return {row["id"]: Location(*row) for row in await work.rows(_LOCATIONS, list(set(wanted)))}


def holding(
    locations: dict[UUID, Location], wanted: UUID, problems: Problems, *path: str | int, into: bool = False
) -> Location | None:
    """The location with this id, if goods there are counted; else a problem is noted. ``into``: goods are to come there, so it
    must be in use.
    """
    location = locations.get(wanted)
    if location is None:
        problems.missing(f"location with the {shown('id', encode('loc', wanted))}", *path)
    elif not location.holds:
        problems.invalid(f"Goods at {location.code} are not counted: it is a place outside.", *path)
    elif into and location.archived:
        problems.invalid(f"{location.code} is archived.", *path)
    return location


async def of_kind(work: UnitOfWork, *kinds: str) -> list[Location]:
    """The locations of these kinds, by code."""
    return [Location(*row) for row in await work.rows(_OF_KIND, list(kinds))]


async def outside(work: UnitOfWork, kind: str) -> UUID:
    """The place that goods leave to or come from: ``CUSTOMER``, ``SUPPLIER`` or ``LOSS``. A tenant that has
    none yet gets one.
    """
    for code in (_CODES[kind], f"{_CODES[kind]}-{new_id().hex[-8:].upper()}"):
        # Looked for again after the first attempt: another command may have made it while this one waited.
        if found := await of_kind(work, kind):
            return found[0].id
        made = await _make(work, None, code, code.capitalize(), kind)
        if made is not None:
            return made
    raise Retry("made by another")


_CODES = {"CUSTOMER": "CUSTOMERS", "SUPPLIER": "SUPPLIERS", "LOSS": "LOSS"}


async def _make(work: UnitOfWork, warehouse: UUID | None, code: str, name: str, kind: str) -> UUID | None:
    """The id of a new location; None where its code is taken."""
    identity = new_id()
    if not await work.rows(_MAKE_LOCATION, identity, warehouse, code, name, kind):
        return None
    work.note("location.created", identity, version=1, after={"code": code, "name": name, "kind": kind})
    return identity
