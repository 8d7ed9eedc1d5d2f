"""The siege: ``python -m tests.siege.run [--number N] [--seed S] [--small] [--keep]``, which is ``make siege``.

Draws requests, keeps those that cost the most per point, hold the loop the longest or take the most memory, and looks
for worse ones near them. Exits 1 where one costs more than five times the everyday median per point, holds the loop for
more than 25 ms, takes more than 100 MB or ends the process, which has a gigabyte. ``--keep`` writes those into the
corpus, whose members are tests from then on.
"""

import argparse
import sys
import time
from functools import cache
from pathlib import Path

import orjson
from graphql import GraphQLSchema, build_schema

from app.settings import CHECKOUT
from tests.siege.attacks import ATTACKS
from tests.siege.everyday import EVERYDAY
from tests.siege.facts import prepared
from tests.siege.ground import ground
from tests.siege.measure import ROW_HEAD, Besieged, Server, memory
from tests.siege.search import STALL, TIMES, Member, Search, faults, usual

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 20_000
"""Bytes of a request that the corpus keeps."""


@cache
def schema() -> GraphQLSchema:
    """The schema as clients see it."""
    return build_schema((CHECKOUT / "schema.graphql").read_text())


def searched(besieged: Besieged, number: int, seed: int) -> Search:
    """A search that has sent so many requests."""
    usually = usual(besieged, EVERYDAY)
    search = Search(besieged, schema(), seed, usually)
    known = [attack.make(besieged.facts, 0) for attack in ATTACKS if not attack.refused and not attack.unread]
    search.seeded([*EVERYDAY, *(request for request in known if len(request.body) < LARGEST)])
    search.run(number)
    return search


def report(search: Search) -> None:
    """What was found, as a table."""
    print(f"median of everyday requests: {search.usually.ratio:.2f} times their price; bound {TIMES:.0f} times that")
    print(f"\n| worst by | role | {ROW_HEAD} | what |\n|{'---|' * 11}")
    for name, member in search.top(15):
        print(_row(name, member))
    if search.offenders:
        print(f"\n| past the bounds | role | {ROW_HEAD} | what |\n|{'---|' * 11}")
        for member in sorted(search.offenders.values(), key=lambda each: -each.spent.ratio)[:30]:
            print(_row("; ".join(faults(member.spent, search.usually)), member))


def _row(first: str, member: Member) -> str:
    request = member.candidate.request(schema())
    shown = (request.body or request.path.encode()).decode(errors="replace")[:160].replace("|", "¦").replace("\n", " ")
    more = "".join(f" {name}: {value[:20]}…({len(value)})" for name, value in request.headers)
    return f"| {first} | {request.role or 'nobody'} | {member.spent.row} | `{shown}`{more} |"


def keep(search: Search) -> int:
    """Write what is past the bounds into the corpus; tells how many there are now."""
    path = CORPUS / "found.json"
    known = orjson.loads(path.read_bytes()) if path.exists() else []
    for kind, member in search.offenders.items():
        request = member.candidate.request(search.schema)
        if len(request.body) <= LARGEST:
            known.append({"name": kind, "request": request.to_json()})
    path.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")
    return len(known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=2_000, help="requests to send")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="on the small demo")
    parser.add_argument("--keep", action="store_true", help="write what is past the bounds into the corpus")
    given = parser.parse_args()
    with ground(small=given.small) as target, Server(target) as server, Besieged(server, prepared(target)) as besieged:
        before, begun = memory(server.pid), time.monotonic()
        search = searched(besieged, given.number, given.seed)
        report(search)
        print(
            f"\n{search.sent} requests in {time.monotonic() - begun:.0f} s, {search.refused} of them refused; "
            f"{len(search.offenders)} kinds past the bounds ({TIMES:.0f} times the median, {STALL * 1000:.0f} ms); "
            f"memory {before / 1e6:.0f} MB before, {memory(server.pid) / 1e6:.0f} after; died {server.deaths} times"
        )
        if given.keep:
            print(f"{keep(search)} members in the corpus")
    return int(bool(search.offenders) or server.deaths > 0)


if __name__ == "__main__":
    sys.exit(main())
