"""The audit trail of access: a line of the log for each refusal, and for each day on which a key or user comes.

What was changed, by whom, stands in the events, in the database; here is what leaves no trace there.
No line holds a key, a token or a value of a request.
"""

import logging

import structlog

log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
"""Whatever ``ERPGRAPH_LOG_LEVEL`` says: a trail has no gaps."""


def audit(what: str, request_id: str, **facts: str) -> None:
    """Write a line: what happened, in which request, and to whom, why or from where."""
    log.info("audit", what=what, request_id=request_id, **facts)
