"""The newest confirmed orders, by gql: documents are checked against the schema before they are sent."""

import os
from decimal import Decimal

from gql import Client, GraphQLRequest
from gql.transport.httpx import HTTPXTransport
from gql.utilities import update_schema_scalar
from graphql import GraphQLScalarType

ORDERS = """
  query Orders($first: Int!) {
    orders(first: $first, where: {status: {eq: CONFIRMED}}) {
      nodes { number total { amount currency } }
    }
  }
"""

DECIMAL = GraphQLScalarType("Decimal", serialize=str, parse_value=Decimal)
"""Amounts and quantities are strings in JSON, so that nothing on the way makes floats of them."""


def connect(url: str, key: str) -> Client:
    """A client that reads the schema from the server, when its session begins."""
    transport = HTTPXTransport(url=url, headers={"Authorization": f"Bearer {key}"})
    return Client(transport=transport, fetch_schema_from_transport=True)


def main() -> None:
    client = connect(os.environ["ERPGRAPH_URL"], os.environ["ERPGRAPH_KEY"])
    request = GraphQLRequest(ORDERS, variable_values={"first": 3})
    with client as session:
        update_schema_scalar(client.schema, "Decimal", DECIMAL)
        orders = session.execute(request, parse_result=True)["orders"]["nodes"]
    for order in orders:
        print(order["number"], f"{order['total']['amount']:,}", order["total"]["currency"])


if __name__ == "__main__":
    main()
