"""The operations through ariadne-codegen's client: its methods, which check the answers by pydantic models.

Writes for each what the models hold: numbers and times went through Decimal and datetime.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from main import connect  # type: ignore[import-not-found]  # installed in the client's own environment


async def main() -> None:
    answers: dict[str, Any] = {}
    async with connect(os.environ["ERPGRAPH_URL"], os.environ["ERPGRAPH_KEY"]) as client:
        for path in Path("operations").glob("*.graphql"):
            method = getattr(client, re.sub("(?<=.)([A-Z])", r"_\1", path.stem).lower())
            variables = json.loads(path.with_suffix(".json").read_text())
            if "orderBy" in variables:
                variables["order_by"] = variables.pop("orderBy")
            model = await method(**variables)
            answers[path.stem] = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    json.dump(answers, sys.stdout)


asyncio.run(main())
