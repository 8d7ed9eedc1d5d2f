"""Trusted documents: manifests as clients' builds write them, requests that name one, keys that run nothing else."""

import json
import signal
from hashlib import md5, sha1, sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from core.errors import BadInput
from db.runtime.engine import Target
from db.runtime.reader import Reader
from services.platform import keys
from tests.support.command import ended, first_lines, one_line, started
from tests.support.demo_site import Site
from tests.support.http import app_of, eventually, told
from tests.support.provider import AUDIENCE, ISSUER, jwk_set, public, signed

WHO = "query Who { viewer { principal } }"
PAGE = "query Page($first: Int!) { products(first: $first) { nodes { sku } } }"
ADD = 'mutation Add { productUpsert(input: {sku: "TRUSTED", name: "x"}) { product { sku } } }'
FULL = {"Accept": "application/graphql-response+json"}
"""The media type whose statuses say what became of a request."""

MANIFESTS = Path(__file__).parent / "manifests"
TOOLS = ("relay", "codegen", "apollo")

NOT_FOUND = (400, "PERSISTED_QUERY_NOT_FOUND")
TRUSTED_ONLY = (400, "TRUSTED_DOCUMENTS_ONLY")


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def relay(*texts: str) -> dict[str, Any]:
    return {md5(text.encode(), usedforsecurity=False).hexdigest(): text for text in texts}


def codegen(*texts: str) -> dict[str, Any]:
    return {sha1(text.encode(), usedforsecurity=False).hexdigest(): text for text in texts}


def apollo(*texts: str) -> dict[str, Any]:
    operations = [
        {"id": hashed(text), "name": text.split("(")[0].split()[1], "type": text.split()[0], "body": text}
        for text in texts
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    return written(tmp_path, relay(WHO, PAGE, ADD))


def written(folder: Path, content: Any, name: str = "documents.json") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


async def bound(site: Site, name: str = "bound", tenant: int = 0) -> str:
    """A key that runs trusted documents only."""
    return await keys.create(site.target, site.tenants[tenant].id, name, trusted_only=True)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the requests read, from now on, besides who asks."""
    ran: list[str] = []
    fetch = Reader.fetch

    async def noted(self: Reader, sql: str, *values: Any, **more: Any) -> Any:
        if "FROM api_keys" not in sql:
            ran.append(sql)
        return await fetch(self, sql, *values, **more)

    monkeypatch.setattr(Reader, "fetch", noted)
    return ran


async def test_what_the_tools_themselves_write(site: Site) -> None:
    """Manifests of the same four operations, as relay-compiler 21, graphql-codegen 7 and Apollo's tool wrote them."""
    relays, codegens, apollos = (json.loads((MANIFESTS / f"{tool}.json").read_text()) for tool in TOOLS)
    texts = {**relays, **codegens, **{each["id"]: each["body"] for each in apollos["operations"]}}
    assert [len(id_) for id_ in texts] == [32] * 4 + [len("sha256:") + 64] * 4 + [64] * 4
    variables = {"number": "x", "contact": True, "short": True, "input": {"sku": "TOOLS", "name": "x"}}
    prices: dict[str, list[int]] = {}
    async with site.client(await bound(site, "tools"), trusted_documents=str(MANIFESTS)) as client:
        for id_, text in texts.items():
            asked = {"documentId": id_, "variables": variables}
            answer = await client.post("/graphql", json=asked, headers={"X-Cost-Only": "1"})
            prices.setdefault(text.split("(")[0].split()[1], []).append(
                answer.json()["extensions"]["cost"]["requested"]
            )
    assert prices == {
        "OrdersQuery": [16, 16, 19],
        "PhoneQuery": [80, 80, 88],
        "ProductUpsertMutation": [68, 67, 69],
        "ViewerQuery": [3] * 3,
    }


@pytest.mark.parametrize("form", [relay, codegen, apollo])
async def test_each_form_of_manifest(site: Site, tmp_path: Path, form: Any) -> None:
    manifest = form(WHO, PAGE)
    ids = [each["id"] for each in manifest["operations"]] if form is apollo else list(manifest)
    async with site.client(trusted_documents=written(tmp_path, manifest)) as client:
        for id_ in (ids[0], hashed(WHO), f"sha256:{hashed(WHO)}"):
            answer = await client.post("/graphql", json={"documentId": id_}, headers=FULL)
            assert (answer.status_code, answer.json()["data"]) == (200, {"viewer": {"principal": "tests"}})
        answer = await client.post("/graphql", json={"documentId": ids[1], "variables": {"first": 2}})
        assert len(answer.json()["data"]["products"]["nodes"]) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ["documentId", "doc_id", "extensions"])
async def test_each_way_to_name_one(site: Site, manifest: str, method: str, name: str) -> None:
    [id_, *_] = relay(WHO)
    value: Any = {"persistedQuery": {"version": 1, "sha256Hash": id_}} if name == "extensions" else id_
    given: dict[str, Any] = {name: value, "operationName": "Who", "variables": {}}
    async with site.client(trusted_documents=manifest) as client:
        if method == "POST":
            answer = await client.post("/graphql", json=given, headers=FULL)
        else:
            texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in given.items()}
            answer = await client.get("/graphql", params=texts, headers=FULL)
    assert (answer.status_code, answer.json()["data"]) == (200, {"viewer": {"principal": "tests"}})


async def test_a_mutation_that_is_named_is_no_get(site: Site, manifest: str) -> None:
    async with site.client(trusted_documents=manifest) as client:
        answer = await client.get("/graphql", params={"documentId": f"sha256:{hashed(ADD)}"}, headers=FULL)
        assert (told(answer), answer.headers["allow"]) == ((405, "BAD_REQUEST"), "POST")
        named = {"query": '{ product(by: {sku: "TRUSTED"}) { sku } }'}
        assert (await client.post("/graphql", json=named)).json()["data"] == {"product": None}


async def test_one_that_is_not_there(site: Site, manifest: str, statements: list[str]) -> None:
    async with site.client(trusted_documents=manifest) as client:
        await client.post("/graphql", json={"documentId": hashed(WHO)})
        statements.clear()
        for id_ in ("nope", f"sha256:{hashed('{ a }')}", f"sha256:{next(iter(relay(WHO)))[:-1]}", f"md5:{hashed(WHO)}"):
            answer = await client.post("/graphql", json={"documentId": id_}, headers=FULL)
            assert told(answer) == NOT_FOUND
            assert answer.json()["errors"][0]["message"] == "PersistedQueryNotFound"
        # Who asks for plain JSON is told with 200, as for other documents that can't be run.
        assert told(await client.post("/graphql", json={"doc_id": "nope"})) == (200, NOT_FOUND[1])
    assert statements == []


@pytest.mark.parametrize(
    "given",
    [
        {"documentId": 5},
        {"documentId": ["a"]},
        {"documentId": ""},
        {"doc_id": {}},
        {"id": hashed(WHO)},
        {"documentId": hashed(WHO), "query": WHO},
        {"documentId": hashed(WHO), "doc_id": hashed(WHO)},
        {"doc_id": hashed(WHO), "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed(WHO)}}},
    ],
    ids=str,
)
async def test_what_names_no_document_or_two(site: Site, manifest: str, given: dict[str, Any]) -> None:
    async with site.client(trusted_documents=manifest) as client:
        assert told(await client.post("/graphql", json=given, headers=FULL)) == (400, "BAD_REQUEST")


async def test_a_bound_key_runs_what_is_there_and_nothing_else(
    site: Site, manifest: str, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.client(await bound(site), trusted_documents=manifest) as client:
        answer = await client.post("/graphql", json={"documentId": hashed(PAGE), "variables": {"first": 1}})
        assert len(answer.json()["data"]["products"]["nodes"]) == 1
        statements.clear()
        # Nothing of a text is parsed, whatever it is: one that is trusted, one that isn't, and no GraphQL at all.
        monkeypatch.setattr("execution.documents.store.TurnTakingParser", None)
        for query in (WHO, "{ orders { nodes { id } } }", "{{{", "{ __schema { types { name } } }"):
            with capture_logs() as lines:
                answer = await client.post("/graphql", json={"query": query}, headers=FULL)
            assert told(answer) == TRUSTED_ONLY
            [line] = [line for line in lines if line["event"] == "audit"]
            assert (line["what"], line["principal"]) == ("untrusted document", "bound")
            assert query not in str(line)
            assert told(await client.get("/graphql", params={"query": query}, headers=FULL)) == TRUSTED_ONLY
    assert statements == []


async def test_a_bound_key_persists_nothing(site: Site, manifest: str, statements: list[str]) -> None:
    query = "query Mine { viewer { permissions } }"
    hash_only = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed(query)}}}
    async with site.client(await bound(site, "no apq"), trusted_documents=manifest) as client:
        assert told(await client.post("/graphql", json=hash_only, headers=FULL)) == NOT_FOUND
        statements.clear()
        answer = await client.post("/graphql", json=hash_only | {"query": query}, headers=FULL)
        assert told(answer) == TRUSTED_ONLY
        # Nor does it run what another key of its tenant has persisted.
        free = {"Authorization": f"Bearer {site.key}"}
        assert (await client.post("/graphql", json=hash_only | {"query": query}, headers=free)).json()["data"]
        assert (await client.post("/graphql", json=hash_only, headers=free)).json()["data"]
        statements.clear()
        assert told(await client.post("/graphql", json=hash_only, headers=FULL)) == NOT_FOUND
        # A hash of the manifest opens its own document, not the one that came with it.
        mixed = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashed(WHO)}}, "query": query}
        assert told(await client.post("/graphql", json=mixed, headers=FULL)) == (400, "BAD_REQUEST")
        same = mixed | {"query": WHO}
        assert (await client.post("/graphql", json=same)).json()["data"] == {"viewer": {"principal": "no apq"}}
    assert statements == []


async def test_bound_by_a_setting(site: Site, manifest: str) -> None:
    async with site.client(trusted_documents=manifest, trusted_only=True) as client:
        assert told(await client.post("/graphql", json={"query": WHO}, headers=FULL)) == TRUSTED_ONLY
        answer = await client.post("/graphql", json={"documentId": hashed(WHO)})
        assert answer.json()["data"] == {"viewer": {"principal": "tests"}}


async def test_who_comes_with_a_token_is_bound_by_a_setting_of_its_own(
    site: Site, manifest: str, tmp_path: Path
) -> None:
    (tmp_path / "keys").write_bytes(jwk_set(public("ed")))
    settings: Any = {"token_keys": str(tmp_path / "keys"), "token_issuer": ISSUER, "token_audience": AUDIENCE}
    tokens = {"Authorization": f"Bearer {signed('ed')}"} | FULL
    for only in (True, False):
        async with site.client(trusted_documents=manifest, token_trusted_only=only, **settings) as client:
            named = await client.post("/graphql", json={"documentId": hashed(WHO)}, headers=tokens)
            assert named.json()["data"] == {"viewer": {"principal": "ada"}}
            sent = await client.post("/graphql", json={"query": WHO}, headers=tokens)
            assert told(sent) == TRUSTED_ONLY if only else sent.status_code == 200
            # Keys are bound one by one.
            assert (await client.post("/graphql", json={"query": WHO}, headers=FULL)).status_code == 200


async def test_a_bound_key_without_a_manifest_runs_nothing(site: Site) -> None:
    async with site.client(await bound(site, "nothing")) as client:
        assert told(await client.post("/graphql", json={"query": WHO}, headers=FULL)) == TRUSTED_ONLY
        assert told(await client.post("/graphql", json={"documentId": hashed(WHO)}, headers=FULL)) == NOT_FOUND


async def test_it_allows_no_more_than_the_key_does(site: Site, tmp_path: Path) -> None:
    """Permissions, the price and the tenant are looked at as ever."""
    schema = "query Schema { __schema { queryType { name } } }"
    place = written(tmp_path, relay(WHO, PAGE, ADD, schema))
    viewer = await keys.create(site.target, site.tenants[1].id, "looks", roles=["viewer"], trusted_only=True)
    async with site.client(viewer, trusted_documents=place, limit_cost=100) as client:
        answer = (await client.post("/graphql", json={"documentId": hashed(ADD)})).json()
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"productUpsert": None}, "FORBIDDEN")
        dear = {"documentId": hashed(PAGE), "variables": {"first": 101}}
        assert told(await client.post("/graphql", json=dear, headers=FULL)) == (400, "COST_LIMIT")
        price = await client.post("/graphql", json=dear | {"variables": {"first": 9}}, headers={"X-Cost-Only": "1"})
        assert price.json()["extensions"]["cost"]["requested"] == 10
        nobody = {"Authorization": f"Bearer {await site.without_roles()}"} | FULL
        answer = await client.post("/graphql", json={"documentId": hashed(schema)}, headers=nobody)
        assert told(answer) == (400, "FORBIDDEN")


async def test_they_are_parsed_once_for_all(site: Site, manifest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await bound(site, "other", tenant=1)
    async with site.client(trusted_documents=manifest) as client:
        monkeypatch.setattr("execution.documents.store.TurnTakingParser", None)
        for key, name in ((site.key, "tests"), (other, "other")):
            headers = {"Authorization": f"Bearer {key}"}
            answer = await client.post("/graphql", json={"documentId": hashed(WHO)}, headers=headers)
            assert answer.json()["data"] == {"viewer": {"principal": name}}


ODD = "query Odd { orders { nodes { colour } } }"
LONG = "query Long { viewer { principal } } #" + "x" * 15_000
WRONG = [
    ("{", "documents.json: it is not JSON: "),
    ("[]", "documents.json: it is no object of ids and texts"),
    ({"a": 5}, "documents.json: entry 1 has no id or no text"),
    ({"": WHO}, "documents.json: entry 1 has no id or no text"),
    ({"format": "other"}, "documents.json: its format is not apollo-persisted-query-manifest, version 1"),
    (apollo(WHO) | {"version": 2}, "its format is not apollo-persisted-query-manifest, version 1"),
    (apollo() | {"operations": [5]}, "entry 1 has no id or no text"),
    ({"abc": ODD}, "documents.json: operation Odd (abc): Cannot query field 'colour' on type 'Order'."),
    (apollo(ODD), f"operation Odd ({hashed(ODD)}): Cannot query field 'colour' on type 'Order'."),
    ({"abc": "query {"}, "document abc: Syntax Error: "),
    ({"abc": "subscription S { x }"}, "operation S (abc): "),
    (apollo(LONG), f"operation Long ({hashed(LONG)}): "),
    ({f"sha256:{hashed(WHO)}": PAGE}, f"sha256:{hashed(WHO)} is not the SHA-256 of its text"),
    ({hashed(WHO): PAGE, "x": WHO}, "document x has an id that another document has"),
]


@pytest.mark.parametrize("content, says", WRONG, ids=[says for _, says in WRONG])
def test_a_manifest_that_is_wrong_ends_the_start_with_one_sentence(
    site: Site, tmp_path: Path, content: Any, says: str
) -> None:
    with pytest.raises(BadInput) as found:
        site.client(trusted_documents=written(tmp_path, content))
    assert found.value.message.startswith(f"ERPGRAPH_TRUSTED_DOCUMENTS is not usable: {tmp_path}/documents.json: ")
    assert says in found.value.message
    assert "\n" not in found.value.message


def test_places_that_are_wrong(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file"):
        site.client(trusted_documents=str(tmp_path))
    with pytest.raises(BadInput, match=r"gone\.json: No such file or directory\.$"):
        site.client(trusted_documents=str(tmp_path / "gone.json"))
    with pytest.raises(BadInput, match="ERPGRAPH_TRUSTED_ONLY needs ERPGRAPH_TRUSTED_DOCUMENTS"):
        site.client(trusted_only=True)


async def test_a_folder_counts_as_one(site: Site, tmp_path: Path) -> None:
    written(tmp_path, relay(WHO), "shop-1.json")
    written(tmp_path, apollo(WHO, PAGE), "shop-2.json")
    written(tmp_path, "no manifest", "README.txt")
    async with site.client(await bound(site, "folder"), trusted_documents=str(tmp_path)) as client:
        for id_ in (*relay(WHO), hashed(WHO)):
            answer = await client.post("/graphql", json={"documentId": id_})
            assert answer.json()["data"] == {"viewer": {"principal": "folder"}}
    written(tmp_path, {next(iter(relay(WHO))): PAGE}, "shop-3.json")
    with pytest.raises(BadInput, match=r"shop-3\.json: document .* has an id that another document has"):
        site.client(trusted_documents=str(tmp_path))


def test_the_server_does_not_start_with_a_wrong_manifest(server_target: Target, tmp_path: Path) -> None:
    said = ended(
        started(
            *("serve", "--port", "0"),
            DATABASE_URL=server_target.admin,
            ENVIRONMENT="production",
            TRUSTED_DOCUMENTS=written(tmp_path, {"abc": ODD}),
        )
    )
    [_first, _step, line] = said.err.splitlines()
    assert (said.code, said.out) == (1, "")
    assert "documents.json: operation Odd (abc): Cannot query field 'colour' on type 'Order'. It has " in one_line(
        said._replace(err=line)
    )


@pytest.fixture
async def server_target(site: Site) -> Target:
    return site.target


async def test_sighup_reads_them_again(site: Site, tmp_path: Path) -> None:
    place = written(tmp_path, relay(WHO))
    key = await bound(site, "again")
    settings = {"ENVIRONMENT": "production", "TRUSTED_DOCUMENTS": place, "DATABASE_URL": site.target.admin}
    process = started("serve", "--port", "0", **settings)
    try:
        assert process.stdout
        assert process.stderr
        url = first_lines(process, 1)[0].split()[1]
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"} | FULL) as client:
            page = {"documentId": hashed(PAGE), "variables": {"first": 1}}
            assert told(await client.post(url, json=page)) == NOT_FOUND
            for content, event in ((relay(PAGE), "trusted documents read again"), ("{", "not read again")):
                written(tmp_path, content)
                process.send_signal(signal.SIGHUP)
                while event not in process.stderr.readline():
                    assert process.poll() is None
                assert (await client.post(url, json=page)).status_code == 200
                assert told(await client.post(url, json={"documentId": hashed(WHO)})) == NOT_FOUND
    finally:
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0


async def test_reading_again_goes_on_beside_the_requests(site: Site, tmp_path: Path) -> None:
    place = written(tmp_path, relay(WHO))
    async with site.client(trusted_documents=place) as client:
        naming = app_of(client).state.resolver
        written(tmp_path, relay(WHO, PAGE))
        naming.trusted.reload()
        assert len(naming.trusted) == 1
        await eventually(lambda: len(naming.trusted) == 2)
