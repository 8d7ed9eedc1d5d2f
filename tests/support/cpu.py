"""What something costs the processor, so that neither a slow machine nor others' work on it decides a test.

A refusal that took 5.04 ms of its 5 on a strange machine once failed everything. So a bound is for a quiet machine of the
kind these tests were written on, and grows with how slowly this one computes now; and what counts is the least of a few
tries, since a collection of the session's garbage may fall into one.
"""

from collections.abc import Callable
from time import thread_time

TRIES = 5

QUIET = 0.004
"""Seconds that `_yardstick` takes on a quiet machine, with CPython 3.11."""


def least_cpu(act: Callable[[], object], tries: int = TRIES) -> float:
    """The least seconds of this thread's processor time that one of a few calls takes."""
    return min(_timed(act) for _ in range(tries))


def within(seconds: float) -> float:
    """A bound of so many seconds on a quiet machine, as it is on this one now: never less."""
    return seconds * max(1.0, least_cpu(_yardstick, 3) / QUIET)


def _timed(act: Callable[[], object]) -> float:
    began = thread_time()
    act()
    return thread_time() - began


def _yardstick() -> int:
    """Work of the kind that is measured: small objects, dictionaries and calls."""
    found: dict[str, list[int]] = {}
    for number in range(20_000):
        found.setdefault(str(number % 997), []).append(number)
    return sum(map(len, found.values()))
