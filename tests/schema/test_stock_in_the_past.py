"""Stock in the past: what the whole ledger says of it, move by move, at any time."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import ids
from core.errors import Forbidden
from core.permissions import EVERYTHING
from db.runtime.engine import Target, administration
from tests.support.graph import Asker
from tests.support.numbers import written

EXECUTORS = pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
HOLDING = ("INTERNAL", "QUARANTINE", "TRANSIT")

Books = dict[str, Any]


@pytest.fixture(scope="module")
async def books(world: Target, larkspur: UUID) -> Books:
    """The demo's whole ledger, with the kinds of its places."""
    async with administration(world, larkspur) as connection:
        moves = await connection.fetch("SELECT * FROM stock_moves WHERE tenant_id = $1 ORDER BY occurred_at", larkspur)
        places = await connection.fetch("SELECT id, kind FROM locations WHERE tenant_id = $1", larkspur)
        units = await connection.fetch("SELECT id, unit FROM products WHERE tenant_id = $1", larkspur)
    assert len(moves) > 1_000
    return {
        "moves": moves,
        "kinds": {row["id"]: row["kind"] for row in places},
        "units": {row["id"]: row["unit"] for row in units},
        "times": [row["occurred_at"] for row in moves],
    }


def at(books: Books, moment: datetime) -> dict[tuple[UUID, UUID], Decimal]:
    """The balances that all moves before a moment come to."""
    found: dict[tuple[UUID, UUID], Decimal] = defaultdict(Decimal)
    for move in books["moves"]:
        if move["occurred_at"] < moment:
            found[move["product_id"], move["destination_id"]] += move["quantity"]
            found[move["product_id"], move["source_id"]] -= move["quantity"]
    return {key: number for key, number in found.items() if number and books["kinds"][key[1]] in HOLDING}


def moments(books: Books) -> st.SearchStrategy[datetime]:
    """Times of moves, just before and after them, and before and after all."""
    exact = st.sampled_from(books["times"])
    near = exact.flatmap(lambda each: st.sampled_from([each, each - timedelta(microseconds=1), each + timedelta(1)]))
    ends = [datetime.min.replace(tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC)]
    return st.one_of(near, near, st.sampled_from(ends))


POSITIONS = """query ($at: DateTime!, $first: Int, $after: String, $where: ProductWhere, $location: IDFilter) {
    stockPositions(at: $at, first: $first, after: $after, productWhere: $where, location: $location) {
        nodes { product { id } location { id } onHand } edges { cursor } pageInfo { hasNextPage endCursor }
        aggregate { count onHand { unit count sum min max } } } }"""


async def pages(ask: Asker, tenant: UUID, variables: dict[str, Any], *, breadth_first: bool = True) -> Iterator[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = (await ask(POSITIONS, tenant, variables | {"after": after}, breadth_first=breadth_first)).good
        found.append(page["stockPositions"])
        after = found[-1]["pageInfo"]["endCursor"]
        if not found[-1]["pageInfo"]["hasNextPage"]:
            return iter(found)


@settings(max_examples=6)
@given(data=st.data())
async def test_positions_are_the_fold_of_the_ledger(
    ask: Asker, larkspur: UUID, books: Books, data: st.DataObject
) -> None:
    moment = data.draw(moments(books))
    expected = at(books, moment)
    found = list(
        await pages(ask, larkspur, {"at": moment.isoformat(), "first": 250}, breadth_first=data.draw(st.booleans()))
    )
    nodes = [node for page in found for node in page["nodes"]]
    keys = [(ids.decode("prod", node["product"]["id"]), ids.decode("loc", node["location"]["id"])) for node in nodes]
    assert keys == sorted(keys)
    assert dict(zip(keys, (Decimal(node["onHand"]) for node in nodes), strict=True)) == expected
    for page in found:
        assert page["aggregate"]["count"] == len(expected)
        assert {each["unit"]: Decimal(each["sum"]) for each in page["aggregate"]["onHand"]} == {
            unit: sum(
                (number for (product, _), number in expected.items() if books["units"][product] == unit), Decimal(0)
            )
            for unit in {books["units"][product] for product, _ in expected}
        }


@EXECUTORS
async def test_positions_of_some_products_and_places(
    ask: Asker, larkspur: UUID, books: Books, *, breadth_first: bool
) -> None:
    moment = books["times"][len(books["times"]) // 2]
    expected = at(books, moment)
    product, location = next(iter(expected))
    variables = {
        "at": moment.isoformat(),
        "first": 250,
        "where": {"id": {"eq": ids.encode("prod", product)}},
        "location": {"in": [ids.encode("loc", location)]},
    }
    answer = await ask(POSITIONS, larkspur, variables, breadth_first=breadth_first)
    [node] = answer.good["stockPositions"]["nodes"]
    assert node["onHand"] == written(expected[product, location])
    assert answer.good["stockPositions"]["aggregate"]["count"] == 1
    assert len(answer.ran) == 4  # the page, the aggregate, products, places


async def test_what_is_asked_wrongly_of_positions(ask: Asker, larkspur: UUID, books: Books) -> None:
    moment = books["times"][-1].isoformat()
    cursor = (await ask(POSITIONS, larkspur, {"at": moment, "first": 1})).good["stockPositions"]["edges"][0]["cursor"]
    for variables, path in (
        ({"at": moment, "first": 251}, ("first",)),
        ({"at": moment, "location": {"eq": "ord_1"}}, ("location", "eq")),
        ({"at": moment, "where": {"sku": {"eq": None}}}, ("productWhere", "sku", "eq")),
        ({"at": "1999-01-01T00:00:00Z", "after": cursor}, ("after",)),  # of another time's list
    ):
        answer = await ask(POSITIONS, larkspur, variables)
        assert answer.refusal == (["stockPositions"], path)
    text = '{ stockPositions(at: "2026-01-01T00:00:00Z"%s) { aggregate { count } } }'
    for missing, more in (("stock:read", ""), ("catalog:read", ', productWhere: {sku: {eq: "A"}}')):
        [error] = (await ask(text % more, larkspur, permissions=EVERYTHING - {missing})).errors
        assert isinstance(error.original_error, Forbidden)
        assert missing in error.message


# ---------------------------------------------------------------- what came and went

MOVEMENT = """query ($from: DateTime!, $to: DateTime, $first: Int) { products(first: $first) { nodes { id
    stock { onHand } movement(from: $from, to: $to) {
        opening closing flows { kind inbound outbound } turnover lastShippedAt } } } }"""


def movement(books: Books, product: UUID, begin: datetime, end: datetime) -> dict[str, Any]:
    """The same, of one move after the other."""
    kinds, opening, closing = books["kinds"], Decimal(0), Decimal(0)
    flows: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    weighted, shipped = Decimal(0), None
    for move in books["moves"]:
        comes, goes = (kinds[move[each]] == "INTERNAL" for each in ("destination_id", "source_id"))
        if move["product_id"] != product or comes == goes or move["occurred_at"] >= end:
            continue
        signed = move["quantity"] if comes else -move["quantity"]
        other = kinds[move["source_id" if comes else "destination_id"]]
        closing += signed
        shipped = move["occurred_at"] if other == "CUSTOMER" and goes else shipped
        if move["occurred_at"] < begin:
            opening += signed
        else:
            flows[other][0 if comes else 1] += move["quantity"]
            weighted += signed * Decimal((end - move["occurred_at"]) // timedelta(microseconds=1))
    with localcontext(prec=100):
        mean = opening + weighted / Decimal((end - begin) // timedelta(microseconds=1))
        sold = flows["CUSTOMER"][1] - flows["CUSTOMER"][0]
        turnover = (sold / mean).quantize(Decimal("0.000001"), ROUND_HALF_UP) if mean > 0 else None
    return {
        "opening": written(opening),
        "closing": written(closing),
        "flows": {kind: (written(one), written(other)) for kind, (one, other) in flows.items() if one or other},
        "turnover": None if turnover is None else written(turnover),
        "lastShippedAt": shipped,
    }


@settings(max_examples=6)
@given(data=st.data())
async def test_a_movement_is_the_fold_of_the_ledger(
    ask: Asker, larkspur: UUID, books: Books, data: st.DataObject
) -> None:
    begin, end = sorted(data.draw(st.lists(moments(books), min_size=2, max_size=2, unique=True)))
    variables = {"from": begin.isoformat(), "to": end.isoformat(), "first": 40}
    answer = await ask(MOVEMENT, larkspur, variables, breadth_first=data.draw(st.booleans()))
    for node in answer.good["products"]["nodes"]:
        found = node["movement"]
        expected = movement(books, ids.decode("prod", node["id"]), begin, end)
        shipped = found["lastShippedAt"] and datetime.fromisoformat(found["lastShippedAt"])
        flows = {each["kind"]: (each["inbound"], each["outbound"]) for each in found["flows"]}
        assert found | {"flows": flows, "lastShippedAt": shipped} == expected
        change = sum(Decimal(each["inbound"]) - Decimal(each["outbound"]) for each in found["flows"])
        assert Decimal(found["opening"]) + change == Decimal(found["closing"])


@EXECUTORS
async def test_a_movement_until_now_ends_with_what_is_there(ask: Asker, larkspur: UUID, *, breadth_first: bool) -> None:
    """In one statement for a level, however many products it has."""
    for size in (2, 40):
        answer = await ask(
            MOVEMENT, larkspur, {"from": "2000-01-01T00:00:00Z", "first": size}, breadth_first=breadth_first
        )
        nodes = answer.good["products"]["nodes"]
        assert len(nodes) == size
        assert all(node["movement"]["closing"] == node["stock"]["onHand"] for node in nodes)
        assert all(node["movement"]["opening"] == "0" for node in nodes)
        assert len(answer.ran) == 3  # products, stock, movements


@EXECUTORS
@pytest.mark.parametrize(
    "begin, end, path",
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", ("to",)),
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", ("to",)),
        ("2199-01-01T00:00:00Z", None, ("from",)),
    ],
)
async def test_a_time_that_ends_before_it_begins(
    ask: Asker, larkspur: UUID, begin: str, end: str | None, path: tuple[str, ...], *, breadth_first: bool
) -> None:
    answer = await ask(MOVEMENT, larkspur, {"from": begin, "to": end, "first": 1}, breadth_first=breadth_first)
    [error] = answer.errors
    assert getattr(error.original_error, "path", None) == path
