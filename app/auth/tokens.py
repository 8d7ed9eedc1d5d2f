"""JSON Web Tokens of an identity provider: whom they name, and whether that can be believed.

The provider has the users and their passwords. Here its signature is checked with its public keys, and
then who issued the token, for whom, and from when to when. What a token says of tenant, roles and
partner is read from claims whose names are settings.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Self
from uuid import UUID

import orjson
from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from app.auth.credentials import Authenticated, InvalidCredential
from app.auth.jwks import IssuerKeys
from app.auth.together import AWAY, Found, together
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
_TENANTS_NAMED = "SELECT name, tenant_named(name) AS id FROM unnest($1::text[]) AS n (name)"
_PARTNER = "SELECT id FROM partners WHERE tenant_id = $1 AND code = $2"
_PARTNERS = """
SELECT NULL AS code, id FROM tenants WHERE id = $1
UNION ALL SELECT code, id FROM partners WHERE tenant_id = $1 AND code = ANY($2::text[])
"""

SLICE = 20
"""Tokens whose signatures are checked in one step of the loop."""


class _Registry(JWSRegistry):
    """Those algorithms and no others, whatever a header asks for; and unknown headers are no fault."""

    max_header_length = 4_096

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(f"Algorithm of '{name}' is not allowed")
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)


class _Said(NamedTuple):
    """What a token says."""

    subject: str
    tenant: str
    """Its id or name."""
    partner: str | None
    roles: list[str]
    expires: float


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
        said = await self._said(token)
        tenant = await self._tenant(said.tenant)
        return self._authenticated(said, tenant, await self._partner(tenant, said.partner))

    async def find_all(self, them: Sequence[str], found: Found) -> None:
        """Whose tokens these are, as far as that can be ``found`` now."""
        said: dict[str, _Said] = {}
        for number, token in enumerate(them):
            try:
                said[token] = await self._said(token)
            except InvalidCredential as error:
                found[token] = error
            except AWAY:
                pass  # the issuer's keys can't be had now
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        tenants = await self._tenants({each.tenant for each in said.values()})
        claimed: dict[UUID, list[str]] = {}
        for token, each in said.items():
            tenant = tenants.get(each.tenant)
            if tenant is not None:
                claimed.setdefault(tenant, []).append(token)
            elif each.tenant in tenants:
                found[token] = _wrong("unknown tenant")

        async def look(tenant: UUID, some: Sequence[str]) -> Found:
            codes = {code for token in some if (code := said[token].partner) is not None}
            async with self.database.reader(tenant) as reader:
                rows = await reader.fetch(_PARTNERS, tenant, [*codes])
            ids = {row["code"]: UUID(bytes=row["id"].bytes) for row in rows}
            return {token: self._known(said[token], tenant, ids) for token in some}

        await together(self.database, claimed, look, found)

    def _known(self, said: _Said, tenant: UUID, ids: dict[str | None, UUID]) -> Authenticated | InvalidCredential:
        """Whose a token is, by the tenant's row and those of its partners."""
        if None not in ids:
            return _wrong("unknown tenant")
        if said.partner not in ids:
            return _wrong("unknown partner")
        return self._authenticated(said, tenant, None if said.partner is None else ids[said.partner])

    def _authenticated(self, said: _Said, tenant: UUID, partner: UUID | None) -> Authenticated:
        permissions = permitted(said.roles, partner=partner is not None)
        roles = effective(said.roles, partner=partner is not None)
        only, credential = self.settings.token_trusted_only, f"user:{said.subject}"
        principal = Principal(tenant, said.subject, permissions, partner, credential, only, roles)
        return Authenticated(principal, said.expires)

    async def _said(self, token: str) -> _Said:
        """What a token says that is genuine, for us, and in force."""
        claims = await self._claims(token)
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
            raise _wrong("sub")
        tenant = _text(claims, self.settings.token_tenant_claim)
        if tenant is None:
            raise _wrong("no tenant")
        partner = _text(claims, self.settings.token_partner_claim)
        given = _roles(claim(claims, self.settings.token_roles_claim))
        return _Said(subject, tenant, partner, given, claims["exp"] + self.settings.token_leeway)

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

    async def _tenants(self, named: set[str]) -> dict[str, UUID | None]:
        """The tenants of these ids and names; None where there is none, and nothing where that isn't known now."""
        found = {each: _identity(each) for each in named}
        names = [each for each, identity in found.items() if identity is None]
        if not names:
            return found
        try:
            async with self.database.reader(_NOBODY) as reader:
                rows = await reader.fetch(_TENANTS_NAMED, names)
        except AWAY:
            return {each: identity for each, identity in found.items() if identity is not None}
        return found | {row["name"]: row["id"] and UUID(bytes=row["id"].bytes) for row in rows}

    async def _tenant(self, named: str) -> UUID:
        """The tenant of that id or name."""
        identity = _identity(named)
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


def _identity(named: str) -> UUID | None:
    """The tenant's id, where it is named by that."""
    try:
        return UUID(named)
    except ValueError:
        return None


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
