"""When the garbage collector has to come round for bytes.

It counts objects (``app.asgi.settle_memory``), and half a million of them may have been made before it looks. What ends
with an error leaves a circle: the error, its frames, and all that those held. Few objects, and with them what the client
sent: 4,000 requests of 250 kB filled a gigabyte, and it hadn't been called once.
"""

import gc

MANY = 5_000
"""Objects that are collected at once after an error: in 4 ms. A hundred thousand, from 4,700 refusals, took 75."""

AT = 8_388_608
"""Bytes that may come and go between two collections of what is young, in a process."""


class Garbage:
    """Counts the bytes of requests and answers, and collects what is young whenever so many have passed."""

    __slots__ = ("_at", "_passed")

    def __init__(self, at: int = AT) -> None:
        self._at = at
        self._passed = 0

    def add(self, size: int) -> None:
        """So many bytes have come, or gone."""
        self._passed += size
        if self._passed >= self._at:
            self._passed = 0
            gc.collect(0)

    def after_error(self) -> None:
        """A request has ended with an error: collect what such ones have left, before it is much."""
        if gc.get_count()[0] > MANY:
            gc.collect(0)


GARBAGE = Garbage()
