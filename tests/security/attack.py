"""The attack: each place of the schema with what is the victim's and with what is nobody's, and what differs."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Container, Hashable, Iterator, Mapping
from itertools import groupby
from typing import Any
from uuid import UUID

import httpx
from starlette.types import Message

from core import ids
from core.changes import read_cursor
from tests.security.stage import HIDDEN, NOBODYS, NOBODYS_PRICE, PRICE, TEXTS, THEIRS, Company, Stage
from tests.security.walk import CURSORS, PLAIN_SCALARS, PLAIN_TEXTS, Place, read_places, write_places
from tests.support.http import app_of

ID = re.compile(r"\b([a-z]{2,4})_([0-9a-f]{32})\b")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")
PASSING = re.compile(r'"(?:remaining|charged)":\d+')
"""What remains of the budget changes with time; what is charged, with how long the statements took if that is dearer
than the points. ``requested`` and ``actual`` stay: they are counted."""

CURSOR = re.compile(r'"(Wy[IJ][\w-]+)"')

PLACE = re.compile(r'"(?!wh_)([\w-]{26})[\w-]{9}"')
"""A cursor of the feed, and in it what names a commit; behind that is the mark of its conditions, which has their values in it."""

OWN_COMMIT = re.compile(r'"changes":\{"cursor":"[\w-]+"\}')
"""What names the commit of the answer's own command."""

KEY = re.compile('"wh(?:pk|sec)_[^"]+"')
"""What a webhook's receiver checks signatures with: made of the webhook's id."""

TWINS = re.compile("(?:one|other) twin")
"""Their own names, which they may read."""

Pair = tuple[str, str]


def nobodys(identifier: str) -> str:
    """An id of nobody, next to this one: in any order of ids they have the same neighbours."""
    prefix, value = ids.parse(identifier)
    return f"{prefix}_{value.int ^ 1:032x}"


def nobodys_cursor(cursor: str) -> str:
    """The cursor at nobody's row, next to that of this one."""
    decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    if not decoded.startswith(b"["):  # of the feed: it names a commit
        found = read_cursor(cursor, decoded[20:])
        return str(found._replace(commit=UUID(int=found.commit.int ^ 1)))
    *sorts, identifier = json.loads(decoded)
    raw = json.dumps([*sorts, f"{int(identifier, 16) ^ 1:032x}"], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


async def tries(stage: Stage, place: Place) -> AsyncIterator[Pair]:
    """What is the victim's and may be given at a place, each beside the like that is nobody's."""
    if place.scalar in PLAIN_SCALARS:
        return
    if place.scalar == "ID":
        for prefix in stage.victim.ids.keys() & {*place.prefixes}:
            theirs = stage.victim.ids[prefix][0]
            yield theirs, nobodys(theirs)
    elif place.scalar == "String" and place.name in CURSORS:
        for cursor in await cursors(stage.victim, place):
            yield cursor, nobodys_cursor(cursor)
    elif place.scalar == "String":
        if place.name not in PLAIN_TEXTS:
            yield TEXTS[place.name].format(THEIRS), TEXTS[place.name].format(NOBODYS)
    elif place.scalar in ("Decimal", "DateTime"):
        if place.compares:
            yield (PRICE, NOBODYS_PRICE) if place.scalar == "Decimal" else await moments(stage)
    else:
        raise AssertionError(f"{place}: whether a {place.scalar} may name a row, walk.py should know")


async def moments(stage: Stage) -> Pair:
    """A moment in which the victim made something, and one close to it in which nobody did."""
    found = await stage.admin.fetchval(
        "SELECT max(occurred_at) FROM events WHERE tenant_id = $1 AND type = 'order.created'", stage.victim.tenant
    )
    return found.isoformat(), found.replace(microsecond=found.microsecond ^ 1).isoformat()


async def cursors(victim: Company, place: Place) -> list[str]:
    """A cursor of the victim's own, for the very list that the place is in."""
    found = (await victim.client.post("/graphql", json={"query": place.cursor})).json()
    assert "errors" not in found, found
    return [re.search(r'"(?:endCursor|cursor)":"([^"]+)"', json.dumps(found, separators=(",", ":")))[1]]  # type: ignore[index]  # it is there, or the test fails


class Secrets:
    """What no answer to an attacker may hold: the victim's ids and words, but for those that were given."""

    def __init__(self, identifiers: Mapping[str, list[str]], *words: str) -> None:
        self.digits = {identifier.rpartition("_")[2] for of in identifiers.values() for identifier in of}
        self.words = words

    def within(self, text: str) -> set[str]:
        lower = text.lower()
        return self.digits & {*re.findall("[0-9a-f]{32}", text)} | {word for word in self.words if word in lower}


async def ask(client: httpx.AsyncClient, place: Place, value: str) -> str:
    asked = {"query": place.document, "variables": {"v": value}}
    if place.document.startswith("subscription"):
        text = await first_event(client, asked)
    else:
        answer = await client.post("/graphql", json=asked)
        text = answer.text
        assert answer.status_code == 200, (place, text)
    return PLACE.sub(r'"\1"', CURSOR.sub(unmarked, PASSING.sub("", text)))


async def first_event(client: httpx.AsyncClient, asked: Mapping[str, Any]) -> str:
    """What a stream tells first, without its place; then its client leaves. httpx's transport would wait for its end."""
    headers = httpx.Headers({**client.headers, "content-type": "application/json", "accept": "text/event-stream"})
    headers["host"] = "localhost"
    waiting = [{"type": "http.request", "body": json.dumps(asked).encode(), "more_body": False}]
    told: list[bytes] = []
    heard = asyncio.Event()

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await heard.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, asked
        if event := re.search(rb"^data: ?(.+)$", message.get("body", b""), re.MULTILINE):
            told.append(event[1])
            heard.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql/stream",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in headers.raw],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    async with asyncio.timeout(30):
        await app_of(client)(scope, receive, send)
    return told[0].decode()


def unmarked(cursor: re.Match[str]) -> str:
    """A cursor without the mark of its list, in which a filter's values are."""
    return json.dumps(json.loads(base64.urlsafe_b64decode(cursor[1] + "=" * (-len(cursor[1]) % 4)))[1:])


def suspicious(place: Place, given: Pair, told: Pair, secrets: Secrets) -> Iterator[str]:
    """What is wrong with an attacker's answers."""
    if told[0] != told[1]:
        yield f"{place}: {given[0]} is told from {given[1]}: {told[0][:500]} | {told[1][:500]}"
    if found := secrets.within(told[0]):
        yield f"{place}: {given[0]} brings {sorted(found)[:5]}"
    if "INTERNAL_SERVER_ERROR" in told[0]:
        yield f"{place}: {given[0]} makes a fault"
    if '"GRAPHQL_' in told[0]:
        yield f"{place}: the walk's own document is not valid: {told[0][:500]}"


async def read(
    stage: Stage,
    secrets: Secrets | None = None,
    but: Container[str] = (),
    *,
    once: bool = False,
    brief: bool = False,
) -> list[str]:
    """Everything that a reader finds out, or that is wrong otherwise, ``but`` of some fields.

    ``once``: the first thing of each field will do. ``brief``: one comparison of each filter will, and one sort.
    """
    reader, secrets = stage.reader, secrets or Secrets(stage.victim.ids, THEIRS, HIDDEN)
    found: list[str] = []
    told_of: set[str] = set()
    seen: set[Hashable] = set()
    for place in read_places(reader.ids):
        kind = (place.field, place.owner, place.name)
        if place.field in told_of or place.field in but or (brief and kind in seen):
            continue
        seen.add(kind)
        async for given in tries(stage, place):
            answers = [await ask(reader.client, place, value) for value in given]
            told = (answers[0].replace(given[0], "?"), answers[1].replace(given[1], "?"))
            found += suspicious(place, given, told, secrets)
        if once and found and found[-1].startswith(place.field):
            told_of.add(place.field)
    return found


async def write(stage: Stage) -> list[str]:
    """The same for whoever may change things: of twins, one gives what is the victim's, the other what is nobody's."""
    secrets = Secrets(stage.victim.ids, HIDDEN)
    found: list[str] = []
    one, other = stage.twins
    before = await stage.digest()
    pairs = zip(write_places(one.ids), write_places(other.ids), strict=True)
    for field, places in groupby(pairs, key=lambda pair: pair[0].field):
        for place, twin_place in places:
            async for given in tries(stage, place):
                answers = (await ask(one.client, place, given[0]), await ask(other.client, twin_place, given[1]))
                found += suspicious(place, given, (bare(answers[0]), bare(answers[1])), secrets)
                found += [f"{place}: brings {id_}" for id_ in secrets.within(answers[0].replace(given[0], "?"))]
        after = await stage.digest()
        found += [f"{field}: {table} of the victim changed" for table in before if after[table] != before[table]]
        before = after
    return found


def bare(text: str) -> str:
    """An answer without what twins differ in: their ids, by the order in which they come; times; keys; what was given."""
    known: dict[str, int] = {}
    text = ID.sub(lambda match: f"{match[1]}_{known.setdefault(match[0], len(known))}", text)
    text = KEY.sub('"key"', OWN_COMMIT.sub('"changes":', MOMENT.sub("T", text)))
    return TWINS.sub("twin", text).replace(THEIRS, "?").replace(NOBODYS, "?")
