"""As many open files as this machine lets a process have: a connection is one, and a shell gives it a thousand."""

import resource


def raise_limit() -> int:
    """The limit, raised."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
