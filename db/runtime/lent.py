"""The connections that commands write on, and that their payloads are read on afterwards.

The end of a payload's snapshot has nothing to tell anybody. So it isn't sent at once: the next command sends it in the message that
begins its own transaction, and only where none comes soon it is sent by itself. On a busy server that is a round trip less for
each command (docs/decisions/0072-fewer-round-trips-for-a-command.md).
"""

from typing import Any

from db.runtime.connections import Connections

ENDED_WITHIN = 0.05
"""Seconds after which a snapshot is ended by itself. Until then it keeps VACUUM from nothing that a page being read wouldn't."""


class Lent(Connections):
    """The writers' pool. Not behind a pooler of transactions: there every snapshot ends at once, and its connection is another's."""

    @property
    def lingers(self) -> float:
        return ENDED_WITHIN

    async def borrow(self, timeout: float) -> Any:  # noqa: ASYNC109 - as the pool's
        """A connection to write on. It may be in a transaction that only read, which the caller ends. Raises ``TimeoutError``
        where none is free in time, and what ``GONE`` lists. Give it back.
        """
        return await self._lying_ready() or await self._any(timeout)

    async def _begin_next(self, connection: Any, binding: str) -> None:
        """Nothing, not even the end of this one."""
