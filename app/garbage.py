"""When the garbage collector comes round: by what has passed, and before there is much to collect at once.

Left to itself it counts objects (``app.asgi.settle_memory``), and half a million of them may have been made before it looks.
What ends with an error leaves a circle: the error, its frames, and all that those held. Few objects, and with them what the
client sent: 4,000 requests of 250 kB filled a gigabyte, and it hadn't been called once. Many, and it takes long: 270,000,
which 28,000 refusals had left, took 120 ms, in which nobody was served.
"""

import gc
import sys

MANY = 5_000
"""Objects that are looked at at once: half a millisecond where they are used, 4 where they are not."""

MANY_ALONE = 50_000
"""While nobody else is there: to look at all that a page of 250 orders consists of takes a seventh of its time."""

AT = 8_388_608
"""Bytes that may come and go between two collections of what is young, in a process."""

YOUNG = 20
"""After so many collections of what is young, what outlived one of them is looked at as well. Connections that were open
at the wrong moment lay about by the thousand, with 15 kB each.
"""

OLDER = 100
"""After so many of those, everything."""

FEW = 100_000
"""Blocks of memory, two or three for an object, that there may be more than after the last such look. With more a long request is under way,
whose objects are used: 400,000 of them took 45 ms, for nothing. So it waits for better times, until ``LATEST`` collections. To count the
objects themselves took 20 ms of a million.
"""

LATEST = 1_000


class Garbage:
    """Counts what comes and goes, and has the collector look in time."""

    __slots__ = ("_at", "_blocks", "_passed")

    def __init__(self, at: int = AT) -> None:
        self._at = at
        self._passed = 0
        self._blocks = 0
        """How many there were after the last look at more than what is young, or at first."""

    def add(self, size: int) -> None:
        """So many bytes have come, or gone."""
        self._passed += size
        if self._passed >= self._at:
            self._passed = 0
            self.collect()
        else:
            self.look()

    def look(self, most: int = MANY) -> None:
        """Collect what is young where it is more objects than that."""
        if gc.get_count()[0] > most:
            self.collect()

    def collect(self) -> None:
        """Collect what is young; every now and then, what has become older too."""
        _, young, older = gc.get_count()
        self._blocks = self._blocks or sys.getallocatedblocks()
        if (young < YOUNG or young % YOUNG or sys.getallocatedblocks() > self._blocks + FEW) and young < LATEST:
            gc.collect(0)
        else:
            gc.collect(1 if older < OLDER else 2)
            self._blocks = sys.getallocatedblocks()


GARBAGE = Garbage()
"""This process's."""
