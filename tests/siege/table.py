"""What each attack spends, as a table: ``python -m tests.siege.table [--small] [NUMBER …]``.

With ``--found FILE``, what the requests do that a siege wrote there.
"""

import argparse
from itertools import count
from pathlib import Path

import orjson

from tests.siege.attacks import ATTACKS, Attack
from tests.siege.everyday import EVERYDAY
from tests.siege.facts import prepared
from tests.siege.ground import ground
from tests.siege.measure import ROW_HEAD, Besieged, Server, Spent, memory
from tests.siege.request import Request

ROOM = 100_000_000
"""Bytes that an attack may leave in memory before the next one gets a server of its own."""


def attacked(besieged: Besieged, attack: Attack, tries: int = 3) -> tuple[Spent, int]:
    """The least that a form of a finding takes of several tries, and the bytes that stay in memory after many."""
    makers = (attack.make(besieged.facts, number) for number in count())
    spent = besieged.least(makers, tries)
    if spent.dead or not attack.kept:
        return spent, 0
    before = memory(besieged.server.pid)
    for _ in range(attack.kept):
        if besieged.spent(next(makers)).dead:
            return spent._replace(dead=True), 0
    return spent, memory(besieged.server.pid) - before


def table(besieged: Besieged, chosen: list[str]) -> None:
    quiet = memory(besieged.server.pid)
    print(f"| number | what | {ROW_HEAD} | MB kept |")
    print("|" + "---|" * 11)
    for number, request in enumerate(EVERYDAY):
        if not chosen:
            print(f"| – | everyday {number} | {besieged.least(iter([request] * 3)).row} | |", flush=True)
    for attack in ATTACKS:
        if not chosen or attack.number in chosen:
            spent, kept = attacked(besieged, attack)
            stays = f"{kept / 1e6:,.0f} of {attack.kept}" if attack.kept else ""
            print(f"| {attack.number} | {attack.name} | {spent.row} | {stays} |", flush=True)
            if memory(besieged.server.pid) > quiet + ROOM:
                besieged.renew()


def again(besieged: Besieged, path: Path) -> None:
    """Each of a siege's finds, the least of six tries. A document that is known already may cost less than a new one."""
    print(f"| name | role | {ROW_HEAD} |\n|{'---|' * 10}")
    for member in orjson.loads(path.read_bytes()):
        request = Request.from_json(member["request"])
        print(f"| {member['name']} | {request.role} | {besieged.least(iter([request] * 6), 6).row} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="on the small demo")
    parser.add_argument("--found", type=Path, help="a file of requests that a siege found")
    parser.add_argument("numbers", nargs="*", help="of the attacks; otherwise all of them")
    given = parser.parse_args()
    with ground(small=given.small) as target, Server(target) as server, Besieged(server, prepared(target)) as besieged:
        if given.found:
            again(besieged, given.found)
        else:
            table(besieged, given.numbers)


if __name__ == "__main__":
    main()
