"""What goes around a document, or stands in its place: headers, addresses, bodies of odd shapes."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

if TYPE_CHECKING:
    from tests.siege.search import Candidate

HEADERS = (
    ("Accept", (",", ";q=0.1,", "*/*;q=0.5,", "application/json;", "a/b;c=d,")),
    ("Accept-Encoding", (",", "gzip;q=0,", "x,", ";")),
    ("If-None-Match", (",", '"a",', 'W/"a",')),
    ("Content-Type", (";", "; charset=utf-8", '; a="b"')),
    ("Authorization", ("Bearer ", "a.", "a.b.c", " ")),
    ("X-Forwarded-For", (",", "1,", "1.2.3.4, ", ":")),
    ("X-Forwarded-Proto", (",", "https,")),
    ("Host", (".", "a.", ":")),
    ("Origin", ("http://", ".")),
    ("Cookie", (";", "a=b;")),
    ("X-Explain", ("1",)),
    ("X-Cost-Only", ("1",)),
    ("Sec-Fetch-Site", ("cross-site", "none")),
)
"""Headers that the server reads, and what they can be filled with."""

SIZES = (1, 1, 10, 100, 900, 1_000, 8_000, 30_000, 60_000)
ITEMS: tuple[Any, ...] = ([], {}, 1, "x", None, {"a": []}, [[]], 1e300, "\u2028" * 10, -0.0)


def header(random: Random) -> tuple[str, str]:
    """A header that the server reads, up to as long as headers may be."""
    name, parts = random.choice(HEADERS)
    part = random.choice(parts)
    times = max(1, min(random.choice(SIZES), 60_000) // len(part)) if len(parts) > 1 else 1
    return name, part * times


def body(random: Random) -> bytes:
    """JSON of some shape, up to as long as bodies may be."""
    item = random.choice(ITEMS)
    kind = random.randrange(6)
    size = random.choice((10, 1_000, 5_000, 50_000, 250_000, 1_040_000))
    times = max(1, size // (len(orjson.dumps(item)) + 1))
    if kind == 0:
        return orjson.dumps({"query": "{__typename}", "variables": {"a": [item] * times}})
    if kind == 1:
        return orjson.dumps({"query": "{__typename}", "variables": {f"v{index}": item for index in range(times // 4)}})
    if kind == 2:
        return orjson.dumps({"query": "{__typename}", "extensions": {"a": [item] * times}})
    if kind == 3:
        return b'{"query":"{__typename}","variables":{"a":' + b"[" * (size // 2) + b"]" * (size // 2) + b"}}"
    if kind == 4:
        deep = min(size // 6, 100_000)
        return b'{"query":"{__typename}","variables":' + b'{"a":' * deep + b"1" + b"}" * deep + b"}"
    text = random.choice(("{__typename}", "{", "{a", '"', "#", "query q{id} ", "fragment f on A{a} ", "\ufeff", "é"))
    return orjson.dumps({"query": text * max(1, min(size, 60_000) // len(text))})


def around(candidate: "Candidate", random: Random) -> "Candidate":
    """The candidate with other headers, another method or without a document."""
    drawn = random.random()
    if drawn < 0.12:
        headers = [header(random) for _ in range(random.choice((1, 1, 2, 6)))]
        return replace(candidate, headers=tuple(dict(headers).items()))
    if drawn < 0.16:
        return replace(candidate, tree=None, body=body(random), headers=())
    if drawn < 0.2:
        return replace(candidate, method="GET")
    return candidate


def address(given: Mapping[str, Any]) -> str:
    """The address of a GET of a request."""
    parts = [f"query={quote(given['query'])}"]
    if "variables" in given:
        parts.append(f"variables={quote(orjson.dumps(given['variables']).decode())}")
    if "operationName" in given:
        parts.append(f"operationName={given['operationName']}")
    return "/graphql?" + "&".join(parts)
