"""Accepting requests: on which sockets, in this process or in several that are supervised."""
