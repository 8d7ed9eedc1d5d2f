"""What foreign pages and foreign names get: threats 33 and 37."""

from importlib.metadata import version
from typing import Any

import httpx
import pytest

from app.asgi import create_app
from app.http.security import HEADERS
from app.settings import load
from core.errors import BadInput
from tests.support.demo_site import Site
from tests.support.http import body

QUERY = {"query": "{ viewer { tenant { name } } }"}
SHOP = "https://shop.example"


def client(site: Site, **settings: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(load(**settings), site.database))
    headers = {"Authorization": f"Bearer {site.key}"}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


async def asked(site: Site, host: str, **settings: Any) -> int:
    async with client(site, **settings) as opened:
        return (await opened.post("/graphql", json=QUERY, headers={"Host": host})).status_code


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "a.localhost", "127.0.0.1:80", "[::1]:8000", "10.0.0.1"]
)
async def test_threat_37_addresses_and_localhost_are_names_of_every_server(site: Site, host: str) -> None:
    assert await asked(site, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "",
        "localhost.evil.example",
        "localhost:x",
        "a/b",
        "a@localhost",
        "localhost/",
        "[::1",
        "1.2.3.4.5",
    ],
)
async def test_threat_37_other_names_are_refused_and_junk_always(site: Site, host: str) -> None:
    assert await asked(site, host, allowed_hosts=("erp.example",)) == 400


async def test_threat_37_listed_names_and_domains(site: Site) -> None:
    listed = {"allowed_hosts": ("erp.example", ".inner.example")}
    hosts = ("erp.example", "ERP.example.:443", "inner.example", "a.b.inner.example")
    assert [await asked(site, host, **listed) for host in hosts] == [200] * 4
    foreign = ("a.erp.example", "evilinner.example", "erp.example.evil")
    assert [await asked(site, host, **listed) for host in foreign] == [400] * 3


def test_threat_37_libraries_are_past_their_known_holes() -> None:
    for name, least in (
        *(("starlette", (1, 0, 1)), ("strawberry-graphql", (0, 341, 0))),
        ("joserfc", (1, 6, 3)),  # CVE-2026-27932: a header without end
        ("cryptography", (44, 0, 1)),  # CVE-2024-12797: a key that isn't checked
        ("h11", (0, 16, 0)),  # CVE-2025-43859: ends of chunks
        ("httptools", (0, 9, 0)),  # the parser that the tests of framing were held to
        ("orjson", (3, 11, 6)),  # nesting without end
    ):
        assert tuple(map(int, version(name).split(".")[:3])) >= least


@pytest.mark.parametrize(
    "setting",
    [{"cors_origins": ["*"]}, {"cors_origins": ["null"]}, {"cors_origins": [SHOP + "/"]}, {"allowed_hosts": ["a/b"]}],
)
def test_hosts_and_origins_that_are_none_are_named(setting: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="is not usable"):
        load(**setting)


@pytest.mark.parametrize("site_of", ["cross-site", "same-site"])
async def test_threat_33_a_foreign_pages_get_is_refused(site: Site, site_of: str) -> None:
    headers = {"Sec-Fetch-Site": site_of}
    async with client(site) as opened:
        refused = await opened.get("/graphql", params=QUERY, headers=headers)
        assert (refused.status_code, [error["extensions"] for error in refused.json()["errors"]]) == (
            403,
            [{"code": "BAD_REQUEST"}],
        )
        page = await opened.get("/graphql", headers={**headers, "Accept": "text/html"})
        assert page.status_code == 200
        for own in ("same-origin", "none"):
            answer = await opened.get("/graphql", params=QUERY, headers={"Sec-Fetch-Site": own})
            assert body(answer)["data"]["viewer"] == {"tenant": {"name": "larkspur"}}
    async with client(site, cors_origins=(SHOP,)) as opened:
        for origin, status in ((SHOP, 200), ("https://evil.example", 403)):
            answer = await opened.get("/graphql", params=QUERY, headers={**headers, "Origin": origin})
            assert answer.status_code == status


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
async def test_threat_33_what_a_form_could_send_is_refused(site: Site, media: str) -> None:
    content = b'{"query": "{ __typename }"}'
    async with client(site) as opened:
        answer = await opened.post("/graphql", content=content, headers={"Content-Type": media})
        assert answer.status_code == 415


async def test_no_origin_may_read_unless_it_is_listed(site: Site) -> None:
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for listed, origin, allowed in (((), SHOP, None), ((SHOP,), SHOP, SHOP), ((SHOP,), "https://evil.example", None)):
        async with client(site, cors_origins=listed) as opened:
            asked_first = await opened.options("/graphql", headers={"Origin": origin, **preflight})
            answer = await opened.post("/graphql", json=QUERY, headers={"Origin": origin})
        assert (asked_first.status_code == 200) == (allowed is not None)
        for each in (asked_first, answer):
            assert each.headers.get("access-control-allow-origin") == allowed
            assert "access-control-allow-credentials" not in each.headers


async def test_every_answer_has_the_headers_and_no_cookie(site: Site) -> None:
    async with client(site, hsts_seconds=60) as opened:
        answers = [
            await opened.post("/graphql", json=QUERY),
            await opened.post("/graphql", json=QUERY, headers={"Authorization": ""}),
            await opened.get("/nowhere"),
            await opened.get("/graphql/schema.graphql", headers={"Host": "evil.example"}),
            await opened.get("/graphql", headers={"Accept": "text/html"}),
        ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 400, 200]
    for answer in answers:
        assert answer.headers["strict-transport-security"] == "max-age=60"
        assert "set-cookie" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert {name: answer.headers[name] for name in HEADERS if "policy" not in name and "cache" not in name} == {
            name: value for name, value in HEADERS.items() if "policy" not in name and "cache" not in name
        }
