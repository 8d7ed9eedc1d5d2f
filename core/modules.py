"""Which modules there are. This tuple is the one list of them: what each declares is gathered from its own files."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

MODULES = ("catalog", "partners", "taxes", "pricing", "inventory", "purchasing", "sales", "webhooks")
"""In the order in which they build on each other: a module knows those before it, and none after it."""


def declared(package: str, name: str) -> Iterator[Any]:
    """What the modules declare under a name in their files of a package: ``declared("core", "PERMISSIONS")``.

    A module that has no file there, or declares nothing in it, is passed over.
    """
    for module in MODULES:
        if find_spec(f"{package}.{module}") is not None:
            found = getattr(import_module(f"{package}.{module}"), name, None)
            if found is not None:
                yield found


PARTNER = "partner"
"""The role of business partners, which is only theirs."""

READERS = ("viewer", "clerk", "warehouse", "buyer")
"""The roles of people who look things up; each but the first may also do its own work."""


class ChangeKind(NamedTuple):
    """A kind of records that the feed tells changes of: the number under which commits are stored, never used for another
    one; the prefix of its ids, and a sentence for clients.
    """

    number: int
    prefix: str
    text: str


class Permission(NamedTuple):
    """What a permission lets one do, and the roles that have it besides manager and admin, which have all."""

    allows: str
    roles: tuple[str, ...] = ()
