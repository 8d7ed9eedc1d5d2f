"""Answers that nobody pays for, one after the other where many are asked for."""

EVERY = 0.002
"""Seconds between two of them, where many come."""


class Spaced:
    """When they are given; one process's."""

    def __init__(self, burst: int, longest: float, every: float = EVERY) -> None:
        """``burst`` are given at once, after a while without any. One waits for ``longest`` seconds at most: where more are asked for,
        the rest comes together.
        """
        self._burst, self._longest, self._every = burst, longest, every
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds from now until the next one is given."""
        self._next = min(max(self._next, now - self._burst * self._every) + self._every, now + self._longest)
        return max(0.0, self._next - now)
