"""How the explorer's page and files are served; no browser needed."""

import re

import httpx
import pytest
from fastapi import FastAPI

from app.asgi import create_app
from app.http.explorer import BUILT
from app.settings import load
from db.runtime.engine import Database

PAGE = {"accept": "text/html,*/*;q=0.8"}


def client(app: FastAPI, address: str = "127.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1)), base_url="http://localhost")


async def test_the_page_lets_only_files_of_ours_run(database: Database) -> None:
    async with client(create_app(load(), database)) as browser:
        page = await browser.get("/graphql", headers=PAGE)
        assert page.status_code == 200
        policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["connect-src"]) == ("'self'", "'self'")
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        names = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
        assert len(names) == 2
        for name in names:
            file = await browser.get(name)
            assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert file.headers["content-encoding"] == "gzip"
            assert file.content == (BUILT / name.rsplit("/", 1)[1]).read_bytes()
            plain = await browser.get(name, headers={"accept-encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert plain.content == file.content
        assert (await browser.get("/explorer/none.js")).status_code == 404


@pytest.mark.parametrize(
    "address, host, there",
    [
        ("127.0.0.1", "localhost:8000", True),
        ("::1", "[::1]:8000", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "Erp.Localhost.", True),
        ("192.0.2.7", "localhost:8000", False),
        ("127.0.0.1", "erp.example", False),
        ("127.0.0.1", "localhost.erp.example", False),
        ("127.0.0.1", "10.0.0.1", False),
        ("::1", "0.0.0.0:8000", False),
        ("junk", "localhost:8000", False),  # attack 14: what a proxy says is anything
        ("127.0.0.1, x", "localhost:8000", False),
    ],
)
async def test_the_demo_key_stays_on_this_machine(database: Database, address: str, host: str, there: bool) -> None:
    """Behind a proxy on this machine every client seems near: the name that it comes by tells."""
    app = create_app(load(allowed_hosts="*"), database, {"larkspur": "erp_</script>"})
    async with client(app, address) as browser:
        page = (await browser.get("/graphql", headers={**PAGE, "host": host})).text
        assert (r'id="demo-keys">{"larkspur":"erp_\u003c/script>"}</script>' in page) is there
        assert ('id="demo-keys">{}</script>' in page) is not there


async def test_the_demo_key_is_for_development_only(database: Database) -> None:
    async with client(create_app(load(environment="production"), database, {"larkspur": "erp_x"})) as browser:
        page = (await browser.get("/graphql", headers=PAGE)).text
        assert 'id="demo-keys">{}</script>' in page
        assert "erp_x" not in page


async def test_the_explorer_can_be_left_out(database: Database) -> None:
    async with client(create_app(load(explorer=False), database)) as browser:
        answer = await browser.get("/graphql", headers=PAGE)
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("application/")
        for file in BUILT.iterdir():
            assert (await browser.get(f"/explorer/{file.name}")).status_code == 404
