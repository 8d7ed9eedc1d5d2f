"""Subscriptions by WebSocket with graphql-ws, the library that Apollo, urql and Relay use."""

from tests.clients.conftest import Report
from tests.clients.workshop import CLIENTS, Workshop


def test_graphql_ws(workshop: Workshop, report: Report) -> None:
    said = workshop.run(workshop.copy(CLIENTS / "tools"), "node", "sockets.mjs")
    report("graphql-ws", said)
    assert said.count("\n") == 4
