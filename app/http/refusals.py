"""How fast a process refuses requests at their head, before it is known whose they are.

A key has a share, and is held back where it asks for more while others are there. Those without one sent 3,700
heads a second of 65 kB that were too large; each was refused in a tenth of a millisecond, and a neighbour's small query took
2.9 ms instead of 1.6. So such answers come one after the other, and a client that waits for one sends nothing else.
"""

from core.spaced import Spaced

BURST = 50
"""That are answered at once, after a while without any."""

LONGEST = 2.0
"""Seconds that one waits at most, as long as requests wait for their turn: of more than a thousand at once the rest comes together."""


class Refusals(Spaced):
    """When they are answered; one process's."""

    def __init__(self) -> None:
        super().__init__(BURST, LONGEST)
