"""How fast a process refuses requests at their head, before it is known whose they are.

A key has a share, and is held back where it asks for more while others are there. Those without one sent 3,700
heads a second of 65 kB that were too large; each was refused in a tenth of a millisecond, and a neighbour's small query took
2.9 ms instead of 1.6. So such answers come one after the other, and a client that waits for one sends nothing else.
"""

EVERY = 0.002
"""Seconds between two of them, where many come."""

BURST = 50
"""That are answered at once, after a while without any."""

LONGEST = 2.0
"""Seconds that one waits at most, as long as requests wait for their turn: of more than a thousand at once the rest comes together."""


class Refusals:
    """When they are answered; one process's."""

    def __init__(self) -> None:
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds from now until the next one is answered."""
        self._next = min(max(self._next, now - BURST * EVERY) + EVERY, now + LONGEST)
        return max(0.0, self._next - now)
