"""Looks for requests that cost more than they pay: keeps the worst, changes and combines them, and measures again."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from statistics import median
from typing import Any, NamedTuple

import orjson
from graphql import GraphQLError, GraphQLSchema

from tests.siege import oddities
from tests.siege.changing import Changing
from tests.siege.measure import THROTTLED, Besieged, Spent
from tests.siege.pool import Pool
from tests.siege.request import Request
from tests.siege.trees import LIMITS, Tree, read, written
from tests.siege.writing import Drawing
from tests.support.cpu import within

TIMES = 5.0
"""How many times the median of what everyday requests cost per point a request may cost."""

STALL = 0.025
"""Seconds for which a request may hold the loop."""

GROWTH = 100_000_000
"""Bytes that a request may take in memory at once: twice the largest answer there should be, and as much again."""

LARGE = 100_000
"""Bytes of an answer that is looked at though it took no time."""

TURN = 100
"""Requests that are sent by one role before the next one's turn; of those that may do nothing a quarter."""

ROLES = ("viewer", "partner", "admin", "warehouse", "clerk", "none", "")
POWERLESS = ("none", "")

TRIES = 5
"""How many times a request is drawn until its document is no longer than one may be."""


@dataclass(frozen=True)
class Candidate:
    """A request of the search: a tree, with what goes around it; or, with ``body``, no document at all."""

    role: str
    tree: Tree | None = None
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"
    body: bytes = b""

    def request(self, schema: GraphQLSchema, comment: int = 0) -> Request:
        """As it goes out. ``comment`` makes the document another one, so that nothing of it is known yet."""
        if self.tree is None:
            return Request(self.body, self.role, headers=self.headers)
        tree = replace(self.tree, style=replace(self.tree.style, comment=comment or self.tree.style.comment))
        return self.sent(written(schema, tree))

    def sent(self, body: Mapping[str, Any]) -> Request:
        """The request with this body, as JSON."""
        if self.method == "GET":
            return Request(b"", self.role, "GET", oddities.address(body), self.headers)
        return Request(orjson.dumps(body), self.role, headers=self.headers)

    @property
    def shape(self) -> tuple[str, ...]:
        """What it has in common with those that differ from it little."""
        if self.tree is None:
            return (self.role, *(name for name, _ in self.headers))
        return (self.role, self.tree.kind, *sorted({node.name or node.on for node in self.tree.roots}))


class Member(NamedTuple):
    """A candidate and what it spent; ``found``, what is wrong with that."""

    candidate: Candidate
    spent: Spent
    found: Sequence[str]


MEASURES: Mapping[str, Callable[[Spent], float]] = {
    "points": lambda spent: spent.ratio,
    "stall": lambda spent: spent.stall,
    "bytes": lambda spent: spent.size / max(spent.charged, 100),
    "memory": lambda spent: float(spent.growth),
    "statements": lambda spent: spent.statements / max(spent.charged, 100),
}
"""What a search looks for the most of."""


class Usual(NamedTuple):
    """What everyday requests cost: ``ratio``, the median per point in times of their price, 1 where they pay more than
    that; and ``seconds`` of a processor, what three of the smallest take. Less than those no request is charged for.
    """

    ratio: float
    seconds: float


def usual(besieged: Besieged, requests: Sequence[Request]) -> Usual:
    """What these requests cost on this machine, now."""
    spent = [besieged.least(iter([request] * 3)) for request in requests]
    return Usual(max(1.0, median(each.ratio for each in spent)), 3 * min(each.seconds for each in spent))


def faults(spent: Spent, usually: Usual) -> list[str]:
    """What is wrong with what a request spent."""
    found = []
    if spent.dead:
        found.append("the process died")
    if spent.status == 500:
        found.append("a fault: 500")
    # What a refusal for lack of budget is charged can't be told: nothing remains.
    told = spent.status != THROTTLED
    dear = spent.seconds > usually.seconds or spent.size > LARGE
    if told and dear and spent.ratio > TIMES * usually.ratio:
        found.append(f"costs {spent.ratio / usually.ratio:.1f} times the median per point")
    if spent.stall > STALL and spent.stall > within(STALL):
        found.append(f"holds the loop for {spent.stall * 1000:.0f} ms")
    if spent.growth > GROWTH:
        found.append(f"takes {spent.growth / 1e6:.0f} MB")
    return found


def severity(spent: Spent) -> float:
    """How far it is past the bound that it is the furthest past."""
    return max(spent.ratio / TIMES, spent.stall / STALL, spent.growth / GROWTH)


class Search:
    """One search, whose course is decided by its seed as far as times allow."""

    def __init__(self, besieged: Besieged, schema: GraphQLSchema, seed: int, usually: Usual) -> None:
        self.besieged = besieged
        self.schema = schema
        self.seed = seed
        self.random = Random(seed)
        self.drawing = Drawing(schema, besieged.facts, self.random)
        self.changing = Changing(self.drawing, self.random)
        self.usually = usually
        self.sent = 0
        self.refused: Counter[str] = Counter()
        self.worst: dict[str, Pool[Member]] = {name: Pool() for name in MEASURES}
        self.offenders: dict[str, Member] = {}

    def seeded(self, requests: Sequence[Request]) -> None:
        """Begin with the documents of these requests."""
        for request in requests:
            try:
                body = json.loads(request.body or b"{}")
                tree = read(body.get("query", ""), body.get("variables"))
            except (ValueError, GraphQLError, AttributeError):
                continue
            if tree is not None:
                candidate = Candidate(request.role, tree, request.headers)
                self.measure(candidate, candidate.request(self.schema))

    def run(self, number: int, after: Callable[["Search"], None] | None = None) -> None:
        """Send so many requests: the first tenth are drawn, the others come of the worst so far. Calls ``after`` with
        itself after each.
        """
        drawn = number // 10
        for turn in count():
            role = ROLES[turn % len(ROLES)]
            for _ in range(TURN // 4 if role in POWERLESS else TURN):
                if self.sent >= number:
                    return
                self.measure(*self.next(role, drawn))
                if after is not None:
                    after(self)

    def measure(self, candidate: Candidate, request: Request) -> None:
        """Send a candidate's request, and again where it looks bad; keep it where it is one of the worst."""
        spent = self.besieged.spent(request)
        self.sent += 1
        if spent.status not in (200, 0):
            self.refused[f"{spent.status} {spent.code}".strip()] += 1
        found = faults(spent, self.usually)
        if found and not spent.dead and not self._known(Member(candidate, spent, found)):
            # Each time as a document that is new. What a busy machine adds, it doesn't add each time.
            again = (candidate.request(self.schema, comment=1_000_000 * self.sent + each) for each in count(1))
            spent = self.besieged.least(again)
        member = Member(candidate, spent, faults(spent, self.usually))
        if member.found:
            self._remember(member)
        if spent.status == THROTTLED:
            return  # as a parent it would make more refusals
        for name, measured in MEASURES.items():
            self.worst[name].offer(measured(spent), candidate.shape, member)

    def next(self, role: str, drawn: int) -> tuple[Candidate, Request]:
        """The next candidate and its request; of several tries the first whose document is no longer than one may be."""
        for _ in range(TRIES):
            candidate = replace(self._next(drawn), role=role)
            if candidate.tree is None:
                break
            body = written(self.schema, candidate.tree)
            if len(body["query"]) <= LIMITS["limit_characters"]:
                return candidate, candidate.sent(body)
        return candidate, candidate.request(self.schema)

    def _next(self, drawn: int) -> Candidate:
        random = self.random
        if self.sent < drawn or random.random() < 0.1:
            return oddities.around(Candidate("viewer", self.drawing.tree()), random)
        one, other = self._parent(), self._parent()
        if one.tree is None or random.random() < 0.05:
            return oddities.around(one, random)
        changed = self.changing.changed(one.tree, other.tree or one.tree)
        made = replace(one, tree=changed)
        return oddities.around(made, random) if random.random() < 0.1 else made

    def _parent(self) -> Candidate:
        """One of the worst; of two that one which takes less time: what is dear per point is so in small as well."""
        pool = self.worst[self.random.choice([*MEASURES])].kept
        if not pool:
            return Candidate("viewer", self.drawing.tree())
        two = self.random.choice(pool).member, self.random.choice(pool).member
        return min(two, key=lambda member: member.spent.seconds).candidate

    def _kind(self, member: Member) -> str:
        """What offenders have in common of which one is kept: their role, the answer and what is wrong."""
        candidate, spent, found = member
        return f"{candidate.role} {spent.status} {spent.code} {' '.join(each.split()[0] for each in found)}"

    def _known(self, member: Member) -> bool:
        """Whether an offender of its kind is known that is worse."""
        known = self.offenders.get(self._kind(member))
        return known is not None and severity(member.spent) <= severity(known.spent)

    def _remember(self, member: Member) -> None:
        """One offender of each kind, the worst of them."""
        if not self._known(member):
            self.offenders[self._kind(member)] = member
