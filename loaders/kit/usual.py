"""How many rows relations have as a rule: looked at in a sample, so that a page's price needn't be that of a full one.

A page of 50 orders whose lines, products and stock levels are asked for by the hundred was priced at 107,550 points and read
1,576 objects: no order has a hundred lines. What is found here is no bound. A list that has more is counted as it comes.
"""

from collections.abc import Iterable

from core.paging import MAX_PAGE
from db.runtime.reader import Reader
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


async def usual(reader: Reader, relations: Iterable[type[Many]]) -> dict[type[Many], int]:
    """The most rows that a parent of the sample has, and a quarter more, by the relations."""
    found = {}
    for relation in relations:
        table = relation.entity.model.__tablename__
        sql = _LARGEST.format(key=relation.key, table=table, newest=NEWEST, parents=PARENTS, most=MAX_PAGE)
        [row] = await reader.fetch(sql, reader.tenant)
        found[relation] = row["rows"] + -(-row["rows"] // 4) + 1
    return found
