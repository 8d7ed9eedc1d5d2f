"""What outside trials broke the server with, each by its number, as requests that can be sent again and again.

Numbers are those of the trials' report; letters tell the forms of one finding apart. Findings 9 to 11 are about a
database that isn't as it should be (``tests/chaos``, ``tests/db``), not about a request. A maker is called with the
facts of the tenant and a number, and where a form costs more the first time, each number gives another one of the
same kind.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from app.http.explorer import BUILT
from tests.siege.facts import Facts
from tests.siege.request import Request, graphql

Maker = Callable[[Facts, int], Request]


class Attack(NamedTuple):
    """One form of a finding. ``refused``: whether nothing but a refusal is right."""

    number: str
    name: str
    make: Maker
    refused: bool = False
    kept: int = 0
    """How many of its requests are sent to see what stays in memory."""
    unread: bool = False
    """Whether its clients don't read their answers."""


# ---------------------------------------------------------------- 1: answers

SHARED = "{products(first:1){nodes{lineItems(first:250){nodes{product{lineItems(first:250){nodes{product{lineItems(first:12){nodes{%s}}}}}}}}}}}"
OWN = "{orders(first:19){nodes{lineItems(first:50){nodes{order{lineItems(first:50){nodes{order{lineItems(first:18){nodes{%s}}}}}}}}}}}"


def _aliases(count: int, field: str) -> str:
    return " ".join(f"a{index}:{field}" for index in range(count))


def answer(role: str, aliases: int) -> Maker:
    """Objects that are read once and written for each parent."""
    document = (OWN if role == "partner" else SHARED) % ("id " + _aliases(aliases, "description"))
    return lambda _facts, number: graphql(f"{document}#{number}", role=role)


# ---------------------------------------------------------------- 2: headers


def header(name: str, value: str, **more: Any) -> Maker:
    """One header that goes on and on, without a key where ``role`` is empty."""
    given = {"role": "", "method": "GET"} | more
    return lambda _facts, _number: Request(headers=((name, value),), **given)


def explorers_script() -> str:
    """Its name changes whenever the page is built."""
    [script] = BUILT.glob("*.js")
    return f"/explorer/{script.name}"


def many_headers(count: int, line: bytes = b"a:\r\n") -> Maker:
    raw = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + line * count + b"\r\n"
    return lambda _facts, _number: Request(raw=raw, role="")


# ---------------------------------------------------------------- 3: filters

ORDERS = "query($w:OrderWhere){orders(first:1,where:$w){nodes{id}}}"


def filtered(leaf: object, leaves: int, groups: int) -> Maker:
    """Conditions within conditions; each number has a shape of its own."""

    def make(_facts: Facts, number: int) -> Request:
        last = [leaf] * max(1, leaves - number % leaves)
        where = {"or": [{"or": [leaf] * leaves}] * (groups - 1) + [{"or": last}]}
        return graphql(ORDERS, {"w": where if groups > 1 else where["or"][0]})

    return make


# ---------------------------------------------------------------- 4: statements


def long_contains(length: int) -> Maker:
    query = "query($w:ProductWhere){products(first:1,where:$w){nodes{id}}}"
    where = {"not": {"not": {"name": {"contains": "abcdefghij" * (length // 10)}}}}
    return lambda _facts, _number: graphql(query, {"w": where})


EVERY = 'orders(first:20,where:{lineItems:{every:{sku:{contains:"zzz"}}}}){nodes{id}}'
COUNTS = "orders(first:0,where:{lineItems:{none:{quantity:{lt:0}}}}){totalCount(max:100000){value}}"


def repeated(before: str, field: str, count: int, after: str) -> Maker:
    document = before + _aliases(count, field) + after
    return lambda _facts, number: graphql(f"{document}#{number}")


# ---------------------------------------------------------------- 5: what is refused


def filled(item: bytes, role: str = "viewer", size: int = 1_048_000) -> Maker:
    """Variables that fill a body."""
    head, tail = b'{"query":"{__typename}","variables":{"a":[', b"]}}"
    count = (size - len(head) - len(tail)) // (len(item) + 1)
    body = head + b",".join([item] * count) + tail
    return lambda _facts, _number: Request(body, role)


def operations(count: int) -> Maker:
    """Fragments that stand for some four hundred fields, and operations that spread them."""

    def make(_facts: Facts, number: int) -> Request:
        spread = " ".join(f"query q{index}{{...f}}" for index in range(count))
        f = "fragment f on Query{" + _aliases(20, "viewer{...g}") + "}"
        g = "fragment g on Viewer{" + "principal " * 19 + "}"
        body = {"query": f"{spread} {f} {g} #{number}", "operationName": "q0"}
        return Request(orjson.dumps(body))

    return make


# ---------------------------------------------------------------- 6: introspection

TYPES = (
    "fragment F on __Type{name kind description fields(includeDeprecated:true){name description args{name description "
    "type{name kind ofType{name kind}} defaultValue} type{name kind ofType{name kind ofType{name kind}}}} "
    "inputFields{name description type{name kind}} enumValues{name description} possibleTypes{name}}"
)


def introspection(role: str, aliases: int = 48) -> Maker:
    document = "{__schema{" + _aliases(aliases, "types{...F}") + "}}" + TYPES
    return lambda _facts, number: graphql(f"{document}#{number}", role=role)


# ---------------------------------------------------------------- 7: payloads

ADJUST = """mutation($i:StockAdjustInput!){stockAdjust(input:$i){moves{product{lineItems(first:250){nodes{order{
lineItems(first:15){nodes{product{lineItems(first:40){nodes{id quantity order{number}}}}}}}}}}} userErrors{message}}}"""
SHORT = """mutation($i:OrderCreateInput!){orderCreate(input:$i){userErrors{message ... on InsufficientStockError{
product{sku lineItems(first:250){nodes{id quantity description order{number note}}}}}}}}"""


def adjusted(facts: Facts, number: int) -> Request:
    """A command that is carried out, with a payload that isn't priced by its lines."""
    lines = [
        {"product": {"sku": facts.skus[(index + number) % len(facts.skus)]}, "location": facts.location, "delta": "1"}
        for index in range(500)
    ]
    return graphql(ADJUST, {"i": {"lines": lines, "reason": f"siege {number}"}}, "warehouse")


def all_short(facts: Facts, number: int) -> Request:
    """A command that is refused, and reads a lot to say so."""
    lines = [
        {"product": {"sku": facts.skus[(index + number) % len(facts.skus)]}, "quantity": "999999", "unitPrice": "1"}
        for index in range(500)
    ]
    given = {"customer": {"code": facts.buyer}, "lineItems": lines, "confirm": True}
    return graphql(SHORT, {"i": given}, "clerk")


# ---------------------------------------------------------------- 8: plans


def planned(_facts: Facts, number: int) -> Request:
    """A document with six conditions, in seventeen combinations; and then the next document."""
    document, combination = divmod(number, 17)
    names = [f"b{index}" for index in range(6)]
    head = ",".join(f"${name}:Boolean!" for name in names)
    spreads = " ".join(
        f"n{each}:lineItems(first:0)@include(if:${names[each % 6]}){{nodes{{...p}}}}" for each in range(18)
    )
    order = "id number status currency note version createdAt updatedAt placedAt externalId reservationStatus"
    product = "id sku name description barcode unit active externalId version createdAt updatedAt"
    query = (
        f"query Q({head}){{orders(first:1){{nodes{{{spreads}}}}}}} "
        "fragment p on LineItem{id position description quantity order{...o} product{...r lineItems(first:0){nodes{"
        "id order{...o} product{...r}}}}} "
        f"fragment o on Order{{{order} customer{{id code name email}}}} fragment r on Product{{{product}}}#{document}"
    )
    return graphql(query, {name: bool(combination >> index & 1) for index, name in enumerate(names)})


# ---------------------------------------------------------------- 12 to 14


def trailer(_facts: Facts, _number: int) -> Request:
    """A key that comes after the body."""
    content = b'{"query":"{viewer{principal}}"}'
    raw = (
        b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
        b"Trailer: Authorization\r\n\r\n"
        + b"%x\r\n" % len(content)
        + content
        + b"\r\n0\r\nAuthorization: Bearer %KEY%\r\n\r\n"
    )
    return Request(raw=raw)


def unknown_signer(_facts: Facts, number: int) -> Request:
    """A token in a form that only its signature tells from a good one."""
    token = f"eyJhbGciOiJFUzI1NiIsImtpZCI6InVua25vd24ifQ.eyJzdWIiOiJ7e{number:06d}IifQ.{'A' * 86}"
    headers = (("Authorization", f"Bearer {token}"), ("X-Forwarded-For", f"198.51.100.{number % 250}"))
    return graphql("{__typename}", role="", headers=headers)


def denied(_facts: Facts, number: int) -> Request:
    """Fields that are denied, each with a line in the log."""
    return graphql(
        '{product(by:{sku:"x"}){id} products(first:5){nodes{' + _aliases(50, "stock{onHand}") + f"}}}}}}#{number}",
        role="partner",
    )


def control_characters(_facts: Facts, _number: int) -> Request:
    return graphql(
        '{product(by:{sku:"x"}){stock{onHand}}}', role="partner", headers=(("X-Forwarded-For", "\xc2\x9b31m"),)
    )


def junk_address(_facts: Facts, _number: int) -> Request:
    return Request(role="", method="GET", headers=(("X-Forwarded-For", "junk"), ("Accept", "text/html")))


G1_NESTED = "{partners(first:250){nodes{orders(first:0){totalCount(max:100000){value}}}}}"

ATTACKS = (
    Attack("1a", "shared objects, no alias", answer("viewer", 0)),
    Attack("1b", "shared objects, 10 aliases", answer("viewer", 10)),
    Attack("1c", "shared objects, 45 aliases", answer("viewer", 45)),
    Attack("1d", "a partner's own orders, again and again", answer("partner", 0)),
    Attack("1e", "answers that nobody reads", answer("viewer", 1), unread=True),
    Attack("2a", "Accept of 65,000 commas, no key", header("Accept", "," * 65_000), kept=700),
    Attack(
        "2b",
        "Accept-Encoding of 65,000 commas, no key",
        header("Accept-Encoding", "," * 65_000, path=explorers_script()),
    ),
    Attack("2c", "60,000 headers, no key", many_headers(60_000), refused=True),
    Attack("2d", "31,000 headers, no key", many_headers(31_000), refused=True),
    Attack(
        "2e",
        "If-None-Match of 65,000 commas",
        header("If-None-Match", "," * 65_000, role="viewer", path="/graphql?query=%7B__typename%7D"),
    ),
    Attack("3a", "10,000 empty conditions", filtered({}, 500, 20)),
    Attack("3b", "80,000 empty conditions", filtered({}, 500, 160)),
    Attack("3c", "10,000 times none of the lines", filtered({"lineItems": {"none": {}}}, 500, 20)),
    Attack("3d", "300 times none of the lines", filtered({"lineItems": {"none": {}}}, 300, 1), kept=20),
    Attack("4a", "contains of 250 kB", long_contains(250_000), kept=250),
    Attack("4b", "every line, on 20 root fields", repeated("{", EVERY, 20, "}")),
    Attack("4c", "counts in 20 columns of 250 partners", repeated("{partners(first:250){nodes{", COUNTS, 20, "}}}")),
    Attack("5a", "variables of 340,000 lists", filled(b"[]"), refused=True),
    Attack("5b", "variables of 340,000 objects", filled(b"{}"), refused=True),
    Attack("5c", "1 MB of variables, without roles", filled(b"1234567", "none"), refused=True),
    Attack("5d", "100 operations over fragments", operations(100)),
    Attack("6a", "introspection 48 times", introspection("viewer")),
    Attack("6b", "introspection 48 times, by a partner", introspection("partner")),
    Attack("7a", "a payload of 500 moves", adjusted),
    Attack("7b", "a refusal of 500 short lines", all_short),
    Attack("8", "plans of documents", planned, kept=340),
    Attack("12", "a key in the trailer", trailer, refused=True),
    Attack("13", "tokens of an unknown signer", unknown_signer, refused=True),
    Attack("14a", "50 denied fields", denied),
    Attack("14b", "control characters for an address", control_characters),
    Attack("14c", "junk for an address", junk_address),
    Attack(
        "G1a",
        "a count without a page",
        repeated("{orders(first:0){", "totalCount(max:100000){value}", 1, "}}"),
    ),
    Attack("G1b", "a count for each of 250 partners", lambda _facts, number: graphql(f"{G1_NESTED}#{number}")),
)
"""All of them, in the order of the report."""

BY_NUMBER: Mapping[str, Attack] = {attack.number: attack for attack in ATTACKS}
