"""JSON Web Tokens of an identity provider: whom they name, and whether that can be believed.

The provider has the users and their passwords. Here its signature is checked with its public keys, and
then who issued the token, for whom, and from when to when. What a token says of tenant, roles and
partner is read from claims whose names are settings.
"""

import re
from typing import Any, Self
from uuid import UUID

import orjson
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from app.auth.credentials import Authenticated, InvalidCredential
from app.auth.jwks import IssuerKeys
from app.context import Principal
from app.settings import Settings
from core.errors import BadInput
from core.permissions import effective, permitted
from db.runtime.engine import Database

ALGORITHMS = frozenset({"RS256", "ES256", "EdDSA", "Ed25519"})
"""How a token may be signed. Ed25519 is EdDSA's newer name (RFC 9864)."""

MAX_LENGTH = 16_384
MAX_SUBJECT = 255

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ODD = (JoseError, ValueError, TypeError, OverflowError, RecursionError)
"""What reading something that only looks like a token may raise."""

_NOBODY = UUID(int=0)
"""The tenant of a look-up that has none yet: it sees no row."""

_TENANT = "SELECT id FROM tenants WHERE id = $1"
_TENANT_NAMED = "SELECT tenant_named($1) AS id"
_PARTNER = "SELECT id FROM partners WHERE tenant_id = $1 AND code = $2"


class _Registry(JWSRegistry):
    """Those algorithms and no others, whatever a header asks for; and unknown headers are no fault."""

    max_header_length = 4_096

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


class JwtVerifier:
    """Reads tokens of one issuer."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self.keys = IssuerKeys(settings.token_keys, settings.token_keys_refresh)
        self._checks = jwt.JWTClaimsRegistry(
            leeway=settings.token_leeway,
            iss={"essential": True, "value": settings.token_issuer},
            aud={"essential": True, "value": settings.token_audience},
            sub={"essential": True},
            exp={"essential": True},
        )

    @classmethod
    def of(cls, settings: Settings, database: Database) -> Self | None:
        """What the settings say, or None where tokens aren't taken. Raises ``BadInput`` for half of it."""
        if not settings.token_keys:
            return None
        for name in ("token_issuer", "token_audience"):
            if not getattr(settings, name):
                raise BadInput(
                    f"ERPGRAPH_TOKEN_KEYS needs ERPGRAPH_{name.upper()} as well: who issues tokens, for whom."
                )
        return cls(settings, database)

    async def find(self, token: str) -> Authenticated:
        """Whose token it is. Raises ``InvalidCredential``, and ``Unavailable`` when that can't be decided now."""
        claims = await self._claims(token)
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise _wrong("sub")
        tenant = await self._tenant(_text(claims, self.settings.token_tenant_claim))
        partner = await self._partner(tenant, _text(claims, self.settings.token_partner_claim))
        given = _roles(claim(claims, self.settings.token_roles_claim))
        permissions = permitted(given, partner=partner is not None)
        roles = effective(given, partner=partner is not None)
        only = self.settings.token_trusted_only
        principal = Principal(tenant, subject, permissions, partner, f"user:{subject}", only, roles)
        return Authenticated(principal, claims["exp"] + self.settings.token_leeway)

    async def _claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is genuine, for us, and in force."""
        if len(token) > MAX_LENGTH or not _FORM.fullmatch(token):
            raise _wrong("form")
        try:
            key = await self._key(token)
            claims = jwt.decode(token, key, registry=_REGISTRY).claims
            self._checks.validate(claims)
        except ExpiredTokenError as error:
            raise InvalidCredential("The token has expired.", "expired") from error
        except _ODD as error:
            raise _wrong(str(error)) from error
        return claims

    async def _key(self, token: str) -> Key:
        """The key that it says it is signed with. One that isn't known is looked for where the token would do."""
        parsed = jws.extract_compact(token.encode(), registry=_REGISTRY)
        name = _key_name(parsed.headers())
        key = self.keys.known(name)
        if key is None:
            claims = orjson.loads(parsed.payload)
            if isinstance(claims, dict):
                self._checks.validate(claims)
                key = await self.keys.find(name)
        if key is None:
            raise _wrong("unknown key")
        return key

    async def _tenant(self, named: str | None) -> UUID:
        """The tenant of that id or name."""
        if named is None:
            raise _wrong("no tenant")
        try:
            identity = UUID(named)
        except ValueError:
            identity = None
        async with self.database.reader(identity or _NOBODY) as reader:
            rows = await (reader.fetch(_TENANT, identity) if identity else reader.fetch(_TENANT_NAMED, named))
        if not rows or rows[0]["id"] is None:
            raise _wrong("unknown tenant")
        return UUID(bytes=rows[0]["id"].bytes)

    async def _partner(self, tenant: UUID, code: str | None) -> UUID | None:
        """The business partner of that code, None for a token without one."""
        if code is None:
            return None
        async with self.database.reader(tenant) as reader:
            rows = await reader.fetch(_PARTNER, tenant, code)
        if not rows:
            raise _wrong("unknown partner")
        return UUID(bytes=rows[0]["id"].bytes)


def _key_name(header: Any) -> str | None:
    """The name of the key that the header says the token is signed with, in a way that is taken."""
    if not isinstance(header, dict):
        raise _wrong("header")
    _REGISTRY.check_header(header)
    _REGISTRY.get_alg(header["alg"])
    return header.get("kid")


def claim(claims: dict[str, Any], name: str) -> Any:
    """A claim by its name, or by its path (``realm_access.roles``); None where there is none."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for step in name.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _text(claims: dict[str, Any], name: str) -> str | None:
    """A claim that is text which a database can compare with."""
    value = claim(claims, name)
    if value is None:
        return None
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _wrong(name)
    return value


def _roles(value: Any) -> list[str]:
    """Roles from a list, or from one text with blanks between them."""
    if isinstance(value, str):
        return value.split()
    return [role for role in value if isinstance(role, str)] if isinstance(value, list) else []


def _wrong(reason: str) -> InvalidCredential:
    return InvalidCredential("This is not a valid token.", reason)
