"""A client that keeps a copy of a company by following its changes, and a full read to compare that with."""

from typing import Any

from tests.support.clerk import Clerk

LOCATION = "code name kind warehouse { code }"
FIELDS = f"""__typename
    ... on Product {{ sku name version }}
    ... on Partner {{ code name version }}
    ... on Warehouse {{ code name }}
    ... on Location {{ {LOCATION} }}
    ... on StockLevel {{ product {{ sku }} location {{ code }} onHand reserved available }}
    ... on Shipment {{ number state: status version order {{ number }} }}
    ... on Order {{ number status version reservationStatus shipmentStatus returnStatus total {{ amount }}
        lineItems(first: 20) {{ nodes {{ id quantity reservedQuantity shippedQuantity cancelledQuantity returnedQuantity }} }} }}"""
CHANGES = f"query ($after: String, $first: Int!) {{ changes(after: $after, first: $first) {{ cursor hasMore reload changes {{ kind id gone node {{ id {FIELDS} }} }} }} }}"
LISTS = ("products", "partners", "warehouses", "stockLevels", "orders", "shipments")
EVERYTHING = " ".join(f"{name}(first: 250) {{ nodes {{ ...Row }} }}" for name in LISTS)
FULL = f"query {{ {EVERYTHING} }} fragment Row on Node {{ id {FIELDS} }}"
PLACES = (
    f"{{ warehouses(first: 50) {{ nodes {{ locations(first: 50) {{ nodes {{ __typename id {LOCATION} }} }} }} }} }}"
)


async def full(clerk: Clerk) -> dict[str, Any]:
    """All that the company has, by id."""
    told, places = await clerk.ask(FULL), await clerk.ask(PLACES)
    assert [*told.errors, *places.errors] == []
    rows = [row for name in LISTS for row in told.data[name]["nodes"]]
    rows += [row for each in places.data["warehouses"]["nodes"] for row in each["locations"]["nodes"]]
    return {row["id"]: row for row in rows}


class Copy:
    """The rows that a client knows. ``told`` counts the changes that it heard of, ``batches`` the answers."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.rows: dict[str, Any] = {}
        self.cursor: str | None = None
        self.told = self.batches = 0

    async def begin(self) -> None:
        """Take the place of now, then read everything."""
        batch = await self._batch(1)
        assert batch["changes"] == []
        self.cursor = batch["cursor"]
        self.rows = await full(self.clerk)

    async def follow(self, first: int = 100) -> None:
        """Read on to the end, in batches of so many."""
        more = True
        while more:
            batch = await self._batch(first)
            assert len(batch["changes"]) <= first
            assert batch["reload"] == []
            for change in batch["changes"]:
                assert change["gone"] == (change["node"] is None)
                self.rows[change["id"]] = change["node"]
            self.told += len(batch["changes"])
            self.batches += 1
            self.cursor, more = batch["cursor"], batch["hasMore"]

    async def _batch(self, first: int) -> Any:
        answer = await self.clerk.ask(CHANGES, {"after": self.cursor, "first": first})
        assert answer.errors == []
        return answer.data["changes"]
