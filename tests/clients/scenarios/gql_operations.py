"""The operations through gql, checked against the schema that it read from the server. Writes their data."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from gql import GraphQLRequest  # type: ignore[import-not-found]  # installed in the client's own environment
from main import connect  # type: ignore[import-not-found]  # installed in the client's own environment


def main() -> None:
    answers: dict[str, Any] = {}
    with connect(os.environ["ERPGRAPH_URL"], os.environ["ERPGRAPH_KEY"]) as session:
        for path in Path("operations").glob("*.graphql"):
            variables = json.loads(path.with_suffix(".json").read_text())
            answers[path.stem] = session.execute(GraphQLRequest(path.read_text(), variable_values=variables))
    json.dump(answers, sys.stdout)


main()
