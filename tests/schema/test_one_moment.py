"""A request reads one moment of the data, over one connection that it gives back."""

from uuid import UUID

import pytest

from core import ids
from db.runtime.engine import Target, administration
from tests.support.graph import Asker, schema
from tests.support.graph import ask as ask_on


async def test_a_request_is_one_moment_of_the_data(ask: Asker, world: Target, stonebridge: UUID) -> None:
    query = "{ partners(first: 250) { nodes { id } } }"
    graph, made = schema(), ids.new_id()
    async with ask.database.reader(stonebridge) as reader:
        before = (await ask_on(graph, reader, query)).good
        connection = reader._connection
        async with administration(world, stonebridge) as writer:
            await writer.execute(
                "INSERT INTO partners (tenant_id, id, code, name) VALUES ($1, $2, 'NEW', 'New')", stonebridge, made
            )
        try:
            assert (await ask_on(graph, reader, query)).good == before
            # One BEGIN for both: the connection and its transaction are those of the first fetch.
            assert reader._connection is connection
            [began] = await reader.fetch("SELECT now() AS at, pg_current_xact_id_if_assigned() AS wrote")
            [still] = await reader.fetch("SELECT now() AS at, pg_current_xact_id_if_assigned() AS wrote")
            assert (began["at"], began["wrote"]) == (still["at"], None)
            [mode] = await reader.fetch(
                "SELECT current_setting('transaction_isolation') AS level, current_setting('transaction_read_only') AS closed"
            )
            assert (mode["level"], mode["closed"]) == ("repeatable read", "on")
            after = (await ask(query, stonebridge)).good
            assert ids.encode("par", made) in {row["id"] for row in after["partners"]["nodes"]}
        finally:
            async with administration(world, stonebridge) as writer:
                await writer.execute("DELETE FROM partners WHERE id = $1", made)


@pytest.mark.parametrize("breadth_first", [True, False], ids=["breadth-first", "reference"])
async def test_a_request_takes_one_connection_and_gives_it_back(
    ask: Asker, larkspur: UUID, *, breadth_first: bool
) -> None:
    connections = ask.database._reading
    free = connections.free
    async with ask.database.reader(larkspur) as reader:
        wide = "{ products { nodes { stock { onHand } } } orders { nodes { id } } partners { nodes { id } } }"
        (await ask_on(schema(breadth_first=breadth_first), reader, wide)).good["orders"]
        assert connections.pool.get_size() - connections.free == 1
    assert connections.free >= free
