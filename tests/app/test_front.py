"""``/``: what is here, in the form that is asked for, and no more than ``/healthz`` says."""

import re

import httpx
import pytest

from app import __version__
from tests.support.demo_site import Site

LINKS = {
    "graphql": "/graphql",
    "explorer": "/graphql",
    "schema": "/graphql/schema.graphql",
    "docs": "/graphql",
    "health": "/healthz",
    "readiness": "/readyz",
}

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def asked(site: Site, accept: str | None, **settings: bool) -> httpx.Response:
    async with site.client("", None, **settings) as client:
        return await client.get("/", headers={} if accept is None else {"accept": accept})


@pytest.mark.parametrize(
    "accept, media",
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("image/png", "application/json"),
        ("text/html;q=0.5, application/json;q=0.9", "application/json"),
        (BROWSER, "text/html; charset=utf-8"),
        ("text/*", "text/html; charset=utf-8"),
        ("text/html;q=0, */*;q=0.1", "application/json"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("text/html;q=0.2, text/plain;q=0.3", "text/plain; charset=utf-8"),
    ],
)
async def test_the_form_is_that_which_is_asked_for(site: Site, accept: str, media: str) -> None:
    answer = await asked(site, accept)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media)
    assert answer.headers["vary"] == "accept"
    assert f"erpgraph {__version__}" in answer.text or answer.json()["version"] == __version__


async def test_it_says_what_is_here_and_no_more(site: Site) -> None:
    answer = await asked(site, None)
    assert answer.json() == {"name": "erpgraph", "version": __version__, "links": LINKS}
    page = (await asked(site, BROWSER)).text
    assert re.findall(r'<a href="([^"]*)">(\w+)</a>', page) == [(path, name) for name, path in LINKS.items()]
    plain = (await asked(site, "text/plain")).text
    assert re.findall(r"^(/\S*) ", plain, re.MULTILINE) == [*LINKS.values()]
    # Nothing of where or as what it runs, nor of whose data there are.
    for text in (answer.text, page, plain):
        for given_away in ("larkspur", "erp_", "production", "development", "PostgreSQL", "Python", "127.0.0.1"):
            assert given_away not in text


async def test_its_links_lead_somewhere(site: Site) -> None:
    async with site.client() as client:
        for path in LINKS.values():
            assert (await client.get(path, headers={"accept": BROWSER})).status_code == 200


async def test_without_the_explorer_it_names_none(site: Site) -> None:
    links = (await asked(site, None, explorer=False)).json()["links"]
    assert "explorer" not in links
    assert links["docs"] == "/graphql/schema.graphql"


async def test_other_methods_are_refused_and_head_is_get(site: Site) -> None:
    async with site.client("") as client:
        head = await client.head("/")
        assert (head.status_code, head.content) == (200, b"")
        assert (await client.post("/")).status_code == 405
        assert (await client.get("/", headers={"host": "elsewhere.example"})).status_code == 400
