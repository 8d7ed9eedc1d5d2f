"""Upkeep: what nobody asks for and has to be done from time to time, such as deleting what is kept for a time only.

A module lists what it needs in ``UPKEEP``, in ``services/<module>``; what belongs to none is listed by
``services.platform.sweeping``. A worker does it (``app.worker``), or ``erpgraph db sweep``.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from db.runtime.engine import Database, Target


class Site(NamedTuple):
    """A database, for whoever keeps it up: as its administrator, and as the server does. ``feed_days``: for how many days the log
    of commits is kept.
    """

    target: Target
    database: Database
    feed_days: int


Keep = Callable[[Site, UUID], Awaitable[int]]
"""Does it for a tenant, in transactions of its own that are short; how much there was."""


class Upkeep(NamedTuple):
    """Something to do for each tenant, again ``every`` so many seconds, and what to say of it: a number in a sentence."""

    name: str
    every: float
    keep: Keep
    report: str
