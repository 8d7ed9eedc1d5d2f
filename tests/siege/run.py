"""The siege: ``python -m tests.siege.run [--number N] [--seed S] [--small] [--keep]``, which is ``make siege``.

Draws requests, keeps those that cost the most per point, hold the loop the longest or take the most memory, and looks
for worse ones near them. Exits 1 where one costs more than five times the everyday median per point, holds the loop for
more than 25 ms, takes more than 100 MB or ends the process, which has a gigabyte. ``--keep`` writes those into the
corpus, whose members are tests from then on.

It goes by rounds of 2,000, each a search of its own with the next seed: 20,000 requests with seed 1 are the rounds of the
seeds 1 to 10, and ``--number 2000 --seed 7`` is the seventh of them again, as far as times allow. Requests past the
bounds are written to ``.data/siege-found.json`` as it goes on; ``python -m tests.siege.table --found FILE`` sends them again.
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
from tests.siege.findings import Findings, Progress
from tests.siege.ground import ground
from tests.siege.measure import Besieged, Server, memory
from tests.siege.search import STALL, TIMES, Search, usual

CORPUS = Path(__file__).parent / "corpus"
LARGEST = 20_000
"""Bytes of a request that the corpus keeps."""

ROUND = 2_000
"""Requests of a search. The next one begins anew: what is kept grows no further, nor is everything one request's children."""

FOUND = CHECKOUT / ".data" / "siege-found.json"


@cache
def schema() -> GraphQLSchema:
    """The schema as clients see it."""
    return build_schema((CHECKOUT / "schema.graphql").read_text())


def searched(besieged: Besieged, number: int, seed: int) -> Findings:
    """What so many requests found."""
    findings = Findings(schema())
    progress = Progress(findings, besieged.server, number, FOUND)
    known = [attack.make(besieged.facts, 0) for attack in ATTACKS if not attack.refused and not attack.unread]
    first = [*EVERYDAY, *(request for request in known if len(request.body) < LARGEST)]
    while findings.sent < number:
        search = Search(besieged, schema(), seed + len(findings.medians), usual(besieged, EVERYDAY))
        search.seeded(first)
        search.run(min(ROUND, number - findings.sent), progress)
        findings.add(search)
        findings.write(FOUND)
    return findings


def keep(findings: Findings) -> int:
    """Write what is past the bounds into the corpus; tells how many there are now."""
    path = CORPUS / "found.json"
    known = orjson.loads(path.read_bytes()) if path.exists() else []
    known += [each for each in findings.requests() if len(each["request"].get("body", "")) <= LARGEST]
    path.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2) + b"\n")
    return len(known)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=ROUND, help="requests to send")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="on the small demo")
    parser.add_argument("--keep", action="store_true", help="write what is past the bounds into the corpus")
    given = parser.parse_args()
    with ground(small=given.small) as target, Server(target) as server, Besieged(server, prepared(target)) as besieged:
        before, begun = memory(server.pid), time.monotonic()
        findings = searched(besieged, given.number, given.seed)
        findings.report()
        print(
            f"\n{findings.sent} requests in {time.monotonic() - begun:.0f} s, {findings.refused.total()} of them refused; "
            f"{len(findings.offenders)} kinds past the bounds ({TIMES:.0f} times the median, {STALL * 1000:.0f} ms); "
            f"memory {before / 1e6:.0f} MB before, {besieged.most / 1e6:.0f} at most, {memory(server.pid) / 1e6:.0f} after; "
            f"died {server.deaths} times; {besieged.waited} times there was no budget"
        )
        if given.keep:
            print(f"{keep(findings)} members in the corpus")
    return int(bool(findings.offenders) or server.deaths > 0)


if __name__ == "__main__":
    sys.exit(main())
