"""What the rounds of a siege have found so far: told while they go on, as a table, and as requests in a file."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLSchema

from tests.siege.measure import ROW_HEAD, Server, memory, processor
from tests.siege.pool import Pool
from tests.siege.search import MEASURES, STALL, TIMES, Member, Search, severity

EVERY = 60.0
"""Seconds from one line about the progress to the next."""


class Found(NamedTuple):
    """A member, and the seed of the round in which it was found."""

    seed: int
    member: Member


class Findings:
    """What is worst, and what is past the bounds."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.sent = 0
        self.refused: Counter[str] = Counter()
        self.medians: list[float] = []
        self.worst: dict[str, Pool[Found]] = {name: Pool() for name in MEASURES}
        self.offenders: dict[str, Found] = {}

    def add(self, search: Search) -> None:
        """What a round has found, which is over."""
        self.sent += search.sent
        self.refused += search.refused
        self.medians.append(search.usually.ratio)
        self.meet(search)
        for name, pool in search.worst.items():
            for each in pool.kept:
                self.worst[name].offer(each.amount, each.shape, Found(search.seed, each.member))

    def meet(self, search: Search) -> None:
        """What it has found past the bounds so far: of each kind the worst of all rounds."""
        for kind, member in search.offenders.items():
            known = self.offenders.get(kind)
            if known is None or severity(known.member.spent) < severity(member.spent):
                self.offenders[kind] = Found(search.seed, member)

    def report(self) -> None:
        """All of it, as tables."""
        medians = ", ".join(f"{each:.2f}" for each in self.medians)
        print(f"median of everyday requests, by rounds: {medians} times their price; bound {TIMES:.0f} times that")
        print(f"refused: {', '.join(f'{number} {code}' for code, number in self.refused.most_common())}")
        print(f"\n| worst by | role | {ROW_HEAD} | what |\n|{'---|' * 11}")
        for name, pool in self.worst.items():
            for found in pool.worst(4):
                print(self._row(name, found))
        if self.offenders:
            print(f"\n| past the bounds | role | {ROW_HEAD} | what |\n|{'---|' * 11}")
            for found in sorted(self.offenders.values(), key=lambda each: -severity(each.member.spent))[:30]:
                print(self._row(f"{'; '.join(found.member.found)} (seed {found.seed})", found))

    def _row(self, first: str, found: Found) -> str:
        candidate, spent, _ = found.member
        request = candidate.request(self.schema)
        text = (request.body or request.path.encode()).decode(errors="replace")
        shown = text[:160].replace("|", "¦").replace("\n", " ")
        more = "".join(f" {name}: {value[:20]}…({len(value)})" for name, value in request.headers)
        return f"| {first} | {request.role or 'nobody'} | {spent.row} | `{shown}`{more} |"

    def requests(self) -> Iterator[dict[str, Any]]:
        """Those past the bounds, as the corpus keeps them."""
        for kind, (seed, member) in self.offenders.items():
            request = member.candidate.request(self.schema)
            yield {"name": kind, "seed": seed, "request": request.to_json()}

    def write(self, path: Path) -> None:
        """Those past the bounds, in full."""
        path.write_bytes(orjson.dumps([*self.requests()], option=orjson.OPT_INDENT_2) + b"\n")


class Progress:
    """Tells how a siege goes on, once a minute, and writes down what is past the bounds."""

    def __init__(self, findings: Findings, server: Server, number: int, path: Path) -> None:
        self.findings = findings
        self.server = server
        self.number = number
        self.path = path
        self._begun = self._told = time.monotonic()
        self._own = time.process_time()

    def __call__(self, search: Search) -> None:
        """After each request."""
        if time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            self.findings.meet(search)
            self.findings.write(self.path)
            print(self.line(search), flush=True)

    def line(self, search: Search) -> str:
        """How far it is, and the worst of this round."""
        ratio, stall = (
            max((each.amount for each in search.worst[name].kept), default=0.0) for name in ("points", "stall")
        )
        own, theirs = time.process_time() - self._own, processor(self.server.pid)
        return (
            f"{self.findings.sent + search.sent:,} of {self.number:,} in {time.monotonic() - self._begun:.0f} s "
            f"(seed {search.seed}): worst {ratio / search.usually.ratio:.1f} times the median per point of {TIMES:.0f}, "
            f"stall {stall * 1000:.0f} ms of {STALL * 1000:.0f}; {len(self.findings.offenders)} kinds past the bounds; "
            f"server {memory(self.server.pid) / 1e6:.0f} MB, {theirs:.0f} s, died {self.server.deaths} times; "
            f"search {memory(os.getpid()) / 1e6:.0f} MB, {own:.0f} s"
        )
