"""Apollo Client's automatic persisted queries on the running server."""

from tests.clients.conftest import Report
from tests.clients.workshop import Workshop


def test_apollo_client_persists(workshop: Workshop, report: Report) -> None:
    example = workshop.example("apollo")
    report("Apollo Client, persisted queries", workshop.run(example, "node", "apollo-persisted.mjs"))
