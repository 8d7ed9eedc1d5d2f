"""API keys: ``erp_`` + the tenant's 32 hex digits + ``_`` + 43 characters of 32 random bytes.

A key names its tenant, so that looking it up needs no way around row-level security: the lookup
binds its transaction to the named tenant and searches that tenant's keys. The name alone proves
nothing; the tenant is trusted when the hash was found among its keys.
"""

import hashlib
import re
import secrets
from typing import NamedTuple
from uuid import UUID

PREFIX = "erp_"
"""What every key begins with: people know it for what it is, and scanners for secrets find it."""

_KEY = re.compile(rf"{PREFIX}([0-9a-f]{{32}})_[A-Za-z0-9_-]{{43}}", re.ASCII)


class Parsed(NamedTuple):
    """What a key says: whose it claims to be, and the hash that it would be stored as."""

    tenant: UUID
    hash: bytes


def make(tenant: UUID) -> str:
    """A new key of a tenant, with 256 random bits. It is shown once and stored only as its hash."""
    return f"{PREFIX}{tenant.hex}_{secrets.token_urlsafe(32)}"


def parse(key: str) -> Parsed | None:
    """The claimed tenant and the hash of a key, or None for text that can't be one."""
    found = _KEY.fullmatch(key)
    return Parsed(UUID(found[1]), digest(key)) if found else None


def digest(key: str) -> bytes:
    """What is stored: SHA-256 of the whole key. Against 256 random bits there is nothing to guess."""
    return hashlib.sha256(key.encode()).digest()


def hint(key: str) -> str:
    """The last four characters: enough for a person to tell their keys apart."""
    return key[-4:]
