"""README.md says what is so: its query gives its answer, and its settings are those that there are."""

import json
import re
from pathlib import Path

import httpx

from app.asgi import create_app
from app.settings import Settings, load
from db.runtime.engine import Database, Target
from services.platform import keys, tenants

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SCHEMA = (ROOT / "schema.graphql").read_text()


async def test_the_query_and_the_mutation_have_the_answers_that_are_shown(small_demo: Target) -> None:
    [query] = re.findall(r"--data-urlencode 'query=(.*?)'", README, re.DOTALL)
    [mutation] = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    [shown, refused] = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    key = await keys.create(small_demo, await tenants.find(small_demo, "larkspur"), "docs")
    database = Database(small_demo)
    await database.open()
    transport = httpx.ASGITransport(create_app(load(), database))
    headers = {"Authorization": f"Bearer {key}", "X-Explain": "1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        answer = (await client.get("/graphql", params={"query": query})).json()
        refusal = (await client.post("/graphql", json={"query": mutation})).json()
    await database.close()
    assert answer.pop("extensions")["plan"]["totals"]["statements"] == 5
    # As text: what json.tool printed, order of keys and all.
    assert json.dumps(answer, ensure_ascii=False, indent=2) == shown.strip()
    refusal.pop("extensions")
    assert json.dumps(refusal) == json.dumps(json.loads(refused))


def test_every_setting_is_told() -> None:
    told = re.findall(r"^\| (`ERPGRAPH_.*?) \|", README, re.MULTILINE)
    names = {name for cell in told for name in re.findall(r"`ERPGRAPH_(\w+)`", cell)}
    assert names == {name.upper() for name in Settings.model_fields}


def test_every_mutation_is_listed_once() -> None:
    table = README.partition("| of | mutations |")[2].partition("\n\n")[0]
    [mutations] = re.findall(r"^type Mutation \{(.*?)^\}", SCHEMA, re.MULTILINE | re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(re.findall(r"^  (\w+)\(", mutations, re.MULTILINE))
