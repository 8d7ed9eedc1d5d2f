"""Records of a file, compared with each other and with those that are there, and stored."""

from typing import Any
from uuid import UUID

from services.imports.things import Kind

STAGE = """
CREATE TEMPORARY TABLE import_things (
    line bigint, raw bytea, reason text, there boolean, id uuid, key text COLLATE "C", {fields}, product uuid, place uuid
) ON COMMIT DROP
"""

_SAME_IN_FILE = """
WITH contents AS (SELECT id, line, key, row ({columns}) AS content FROM import_things WHERE reason IS NULL),
firsts AS (SELECT DISTINCT ON (key) key, line, content FROM contents ORDER BY key, line),
compared AS (
    SELECT c.id, f.line, c.content IS NOT DISTINCT FROM f.content AS same FROM contents c JOIN firsts f USING (key) WHERE c.line > f.line
)
UPDATE import_things t SET there = CASE WHEN same THEN true END,
    reason = CASE WHEN NOT same THEN '{word}: Line ' || c.line || ' has the same {word} and says something else.' END
FROM compared c WHERE t.id = c.id
"""

_KNOWN = """
UPDATE import_things t SET there = CASE WHEN k.differs = '' THEN true END,
    reason = CASE WHEN k.differs <> '' THEN '{word}: ' || t.key || ' is there already, and differs in ' || k.differs || '.' END
FROM (
    SELECT t.id, concat_ws(', ', {differences}) AS differs
    FROM import_things t CROSS JOIN LATERAL (SELECT * FROM {table} WHERE tenant_id = $1 AND {word} = t.key LIMIT 1) k
    WHERE t.reason IS NULL
) k WHERE t.id = k.id
"""

_TAKEN = """
UPDATE import_things t SET reason = 'external id: Another record has ' || t.external_id || '.'
FROM (
    SELECT g.id, row_number() OVER (PARTITION BY g.external_id ORDER BY g.line) AS nth,
           (SELECT k.id FROM {table} k WHERE k.tenant_id = $1 AND k.external_id = g.external_id LIMIT 1) AS other
    FROM import_things g WHERE g.reason IS NULL AND g.there IS NULL AND g.external_id IS NOT NULL
) taken WHERE t.id = taken.id AND (taken.nth > 1 OR taken.other IS NOT NULL)
"""

_STORE = """
WITH stored AS (
    INSERT INTO {table} (tenant_id, id, {word}, {columns})
    SELECT {tenant}, id, key, {values} FROM import_things WHERE reason IS NULL AND there IS NULL ORDER BY line
    ON CONFLICT (tenant_id, {word}) DO NOTHING RETURNING id
), noted AS (
    INSERT INTO import_records (tenant_id, id, import_id, type) SELECT {tenant}, id, {made}, '{type}' FROM stored RETURNING 1
) SELECT count(*) FROM noted
"""

_COUNTS = """
SELECT CASE WHEN reason IS NOT NULL THEN 'rejected' WHEN there THEN 'there' ELSE 'imported' END AS became,
       split_part(coalesce(reason, ''), ':', 1) AS word, count(*) AS rows
FROM import_things GROUP BY 1, 2 ORDER BY 3 DESC, 2
"""


async def store(connection: Any, tenant: UUID, made: UUID, kind: Kind) -> int:
    """Store the staged records that aren't there, as records of the import ``made``; how many these were."""
    columns = [field.column for field in kind.fields]
    await connection.execute(_SAME_IN_FILE.format(columns=", ".join(columns) or "key", word=kind.key))
    await _compare(connection, tenant, kind)
    if "external_id" in columns:
        await connection.execute(_TAKEN.format(table=kind.table), tenant)
    given = {name: f"coalesce({name}, {kind.defaults[name]})" if name in kind.defaults else name for name in columns}
    given |= {name: default for name, default in kind.defaults.items() if name not in given}
    literal, ours = (f"'{UUID(int=identity.int)}'::uuid" for identity in (tenant, made))
    statement = _STORE.format(
        table=kind.table,
        word=kind.key,
        columns=", ".join(given),
        values=", ".join(given.values()),
        tenant=literal,
        made=ours,
        type=kind.type,
    )
    stored: int = await connection.fetchval(statement)
    await _compare(connection, tenant, kind, since=True)
    return stored


async def _compare(connection: Any, tenant: UUID, kind: Kind, *, since: bool = False) -> None:
    """Settle the rows whose records are there. ``since``: those that a request has made meanwhile, under another id."""
    differences = [
        f"CASE WHEN t.{field.column} IS NOT NULL AND t.{field.column} IS DISTINCT FROM k.{field.column} THEN '{field.meaning}' END"
        for field in kind.fields
        if field.meaning
    ]
    statement = _KNOWN.format(word=kind.key, table=kind.table, differences=", ".join(differences) or "NULL")
    if since:
        statement = statement.replace(
            "WHERE t.reason IS NULL\n", "WHERE t.reason IS NULL AND t.there IS NULL AND k.id <> t.id\n"
        )
    await connection.execute(statement, tenant)


async def counts(connection: Any) -> tuple[int, int, dict[str, int]]:
    """Rows that were imported, that are there already, and that were rejected by their words."""
    found: dict[str, dict[str, int]] = {"rejected": {}, "there": {}, "imported": {}}
    for row in await connection.fetch(_COUNTS):
        found[row["became"]][row["word"]] = row["rows"]
    return sum(found["imported"].values()), sum(found["there"].values()), found["rejected"]
