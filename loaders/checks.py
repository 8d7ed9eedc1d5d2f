"""What breaks the rules of stock and orders, in the request's snapshot."""

from time import perf_counter
from typing import Any

from db import checks
from loaders.kit.base import Context

_SQL = checks.every("$2")


async def differences(context: Context, limit: int) -> list[Any]:
    """The differences by rule, at most ``limit``: all rules are tried in one statement, between two
    that say how it is planned.
    """
    start = perf_counter()
    await context.reader.fetch(checks.SET_BASED)
    rows = await context.reader.fetch(_SQL, context.reader.tenant, limit)
    await context.reader.fetch(checks.AS_BEFORE)
    if context.trace is not None:
        context.trace.batch("Differences", 1, len(rows), _SQL, perf_counter() - start)
    return rows[:limit]
