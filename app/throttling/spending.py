"""What a request costs, by what it spent: the dearest of what there is only so much of.

A key pays for objects read. The loop, the database and the network are spent by other things as well, and each is
changed into the same points: what it can do in the time in which an object is read, some 4 µs.
"""

from core.spending import Spending

PER_SECOND = 250_000
"""Points for a second of the loop, or of the database: so many objects are read in it."""

BYTES = 100
"""Bytes of an answer that cost as much as an object."""

FREE = 0.002
"""Seconds of either that are paid for with what every request costs at the least, where it was carried out: a small query takes half of
them, and what is by the clock is the machine's doing as much as the request's."""

FREE_TOGETHER = 0.001
"""Seconds of both together, and of what is ``AROUND``, that are paid for so. Half of what is beyond them counts, where that is more:
2 ms of the loop and 2 of the database were paid for with the least price, ten times too little, and a siege found counts in new
documents that took them. With it nothing costs more than five times what it pays.
"""

SMALL = 0.0006
"""Seconds of the loop that a request which was carried out may take beside others and count as the least one. Of those that
come to nothing all seconds count."""

AROUND = 0.0005
"""Seconds of the loop that a request takes besides its own steps: to read its head and its body, and to send the answer. Beside others only
what comes to nothing counts them; ``SMALL`` spares the rest. Refusals that took 0.9 ms each, with all that, were let through 570 times a second, for half
of the process's time: a neighbour's small query took 1.5 times as long (attack 3b).
"""


def dearest(spent: Spending, free: float = FREE) -> int:
    """The most expensive of what was spent; so many seconds of either clock are free. A batch that was read once costs this for each
    of those that it is sent to.
    """
    seconds = max(spent.loop_seconds, spent.statement_seconds) - free
    return max(spent.rows, spent.objects, spent.bytes // BYTES, int(seconds * PER_SECOND))


def points(spent: Spending, *, carried_out: bool = True) -> int:
    """What a request costs that has spent so much. What came to nothing pays for all of its seconds: refusals of 3 ms each were the
    cheapest way to keep a process busy.
    """
    if not carried_out:
        return dearest(spent, 0)
    together = spent.loop_seconds + spent.statement_seconds + AROUND
    return max(dearest(spent), int((together - FREE_TOGETHER) / 2 * PER_SECOND))


def pace(spent: Spending, *, carried_out: bool) -> int:
    """What a request counts for in what its tenant may spend while others are there. Each second of the loop is one that they
    wait, also where it is paid for with what every request costs: 500 refusals of 2 ms a second left them nothing.
    """
    seconds = spent.loop_seconds + (-SMALL if carried_out else AROUND)
    return max(points(spent, carried_out=carried_out), int(seconds * PER_SECOND))
