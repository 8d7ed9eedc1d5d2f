"""How many rows relations have as a rule: looked at in a sample, so that a page's price needn't be that of a full one.

A page of 50 orders whose lines, products and stock levels are asked for by the hundred was priced at 107,550 points and read
1,576 objects: no order has a hundred lines. What is found here is no bound. A list that has more is counted as it comes.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from core.paging import MAX_PAGE
from db.runtime.reader import Reader
from loaders.kit.kept import ZONE, KeptOf
from loaders.kit.many import Many

NEWEST = 10_000
"""Rows whose parents are candidates for the sample: the newest, by the primary key."""

PARENTS = 200
"""Parents whose rows are counted, each as far as a page may go: 50,000 entries of an index at the most, some 20 ms."""

_LARGEST = """
    SELECT coalesce(max(counted.rows), 0) AS rows FROM (
        SELECT DISTINCT key FROM (
            SELECT {key} AS key FROM {table} WHERE tenant_id = $1 ORDER BY tenant_id DESC, id DESC LIMIT {newest}
        ) newest WHERE key IS NOT NULL LIMIT {parents}
    ) parents, LATERAL (
        SELECT count(*) AS rows FROM (
            SELECT FROM {table} c WHERE c.tenant_id = $1 AND c.{key} = parents.key LIMIT {most}
        ) page
    ) counted
"""


COUNTED = 100_000
"""Rows of a table that are counted, for the price of what reads all of them; some 10 ms. Of more PostgreSQL knows how
many there are, by its statistics: a tenant with as many is one of the values that these have by name."""

_COUNT = "SELECT count(*) AS rows FROM (SELECT FROM {table} WHERE tenant_id = $1 LIMIT {most}) counted"
_ESTIMATE = "EXPLAIN (FORMAT JSON) SELECT FROM {table} WHERE tenant_id = $1"


_KEPT = "SELECT kind, timezone, sum(cells)::bigint AS cells, sum(lines)::bigint AS lines FROM ({clean}) s GROUP BY 1, 2"


class AllOf(NamedTuple):
    """Stands for how many rows one parent's whole list has as a rule."""

    relation: type[Many]


class RowsOf(NamedTuple):
    """Stands for how many rows the tenant has in a table."""

    table: str


def whole(relation: type[Many]) -> tuple[Any, Any]:
    """What stands for the rows that one list of a relation has, and for those that all have together."""
    every = RowsOf(relation.entity.model.__tablename__)
    return every if relation.key is None else AllOf(relation), every


async def sizes(reader: Reader, relations: Iterable[type[Many]], rows: Mapping[type[Many], int]) -> dict[Any, Any]:
    """How many rows there are in the tables of these relations that have measures or are counted; and how many a list has. ``rows`` is
    what ``usual`` found: where that is as many as it counts, a list may have all that there are.
    """
    found: dict[Any, Any] = {}
    for relation in relations:
        each, every = whole(relation)
        if not (relation.entity.measures or relation.counted):
            continue
        if every not in found:
            found[every] = await _size(reader, every.table)
        found[each] = found[every] if rows[relation] > MAX_PAGE else rows[relation]
        if relation.rollups and (kept := await _kept(reader, relation.rollups[0].clean, found[every])):
            found[KeptOf(every.table)] = kept
    return found


async def _kept(reader: Reader, clean: str, rows: int) -> dict[str, Any]:
    """How many cells there are of each kind, and rows that no clean span has; and the time zone of their days."""
    found: dict[str, Any] = {}
    for row in await reader.fetch(_KEPT.format(clean=clean), reader.tenant):
        found |= {row["kind"]: row["cells"] + max(0, rows - row["lines"]), ZONE: row["timezone"]}
    return found


async def _size(reader: Reader, table: str) -> int:
    [row] = await reader.fetch(_COUNT.format(table=table, most=COUNTED), reader.tenant)
    if row["rows"] < COUNTED:
        return int(row["rows"])
    [plan] = await reader.fetch(_ESTIMATE.format(table=table), reader.tenant)
    return max(COUNTED, int(orjson.loads(plan[0])[0]["Plan"]["Plan Rows"]))


async def usual(reader: Reader, relations: Iterable[type[Many]]) -> dict[type[Many], int]:
    """The most rows that a parent of the sample has, and a quarter more, by the relations."""
    found = {}
    for relation in relations:
        table = relation.entity.model.__tablename__
        sql = _LARGEST.format(key=relation.key, table=table, newest=NEWEST, parents=PARENTS, most=MAX_PAGE)
        [row] = await reader.fetch(sql, reader.tenant)
        found[relation] = row["rows"] + -(-row["rows"] // 4) + 1
    return found
