"""Tokens of an identity provider: which are believed, what they say, and what nobody can make."""

import json
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from app.asgi import create_app
from app.auth.authenticator import Authenticator
from app.auth.credentials import InvalidCredential
from app.auth.tokens import JwtVerifier
from app.context import Principal
from app.settings import Settings, load
from core.errors import BadInput, Unauthenticated, Unavailable
from core.permissions import ROLES
from db.runtime.engine import administration
from tests.support.demo_site import Site
from tests.support.http import body, serving
from tests.support.provider import AUDIENCE, ISSUER, Address, claims, jwk_set, made, public, signed, signed_with

KIDS = ("rsa", "ec", "ed")


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with a key of each kind, one for another use, one for another algorithm, and a secret one."""
    secret = OctKey.import_key(b"a secret that should not be here", {"kid": "oct"}).as_dict(private=True)
    others = (public("rsa1", use="enc"), public("rsa2", alg="RS512"), secret)
    path = tmp_path_factory.mktemp("tokens") / "jwks.json"
    path.write_bytes(jwk_set(*map(public, KIDS), *others))
    return path


def settings(keys: Path | str, **more: Any) -> Settings:
    return load(token_keys=str(keys), token_issuer=ISSUER, token_audience=AUDIENCE, **more)


@pytest.fixture(scope="module")
def tokens(site: Site, keys_file: Path) -> JwtVerifier:
    return JwtVerifier(settings(keys_file), site.database)


async def who(tokens: JwtVerifier, token: str) -> Principal:
    """Whose token it is, by the door that requests come through."""
    return await Authenticator(tokens.database, tokens).authenticate(f"Bearer {token}", "192.0.2.1", "req")


async def reason(tokens: JwtVerifier, token: str) -> str:
    """Why it is refused, as the audit trail has it; what the caller hears is always the same."""
    tokens.keys._began = float("-inf")
    with capture_logs() as lines, pytest.raises(Unauthenticated) as refused:
        await who(tokens, token)
    assert refused.value.message == "This is not a valid token."
    [line] = lines
    assert {**line, "reason": ""} == {
        "event": "audit",
        "log_level": "info",
        "what": "wrong credential",
        "request_id": "req",
        "address": "192.0.2.1",
        "reason": "",
    }
    return str(line["reason"])


@pytest.mark.parametrize("kid, algorithm", [*((kid, None) for kid in KIDS), ("ed", "Ed25519")])
async def test_a_genuine_token_says_who_asks(tokens: JwtVerifier, site: Site, kid: str, algorithm: str | None) -> None:
    token = signed(kid, {"alg": algorithm} if algorithm else None)
    expected = Principal(site.tenants[0].id, "ada", ROLES["viewer"], None, "user:ada", roles=("viewer",))
    assert await who(tokens, token) == expected


@pytest.mark.parametrize("named", ["name", "id", "hex"])
async def test_the_tenant_is_a_claim_by_id_or_name(tokens: JwtVerifier, site: Site, named: str) -> None:
    other = site.tenants[1]
    claim = {"name": other.name, "id": str(other.id), "hex": other.id.hex}[named]
    assert (await who(tokens, signed(tenant=claim))).tenant == other.id


async def test_a_token_asks_the_graph_like_a_key(site: Site, keys_file: Path) -> None:
    transport = httpx.ASGITransport(create_app(settings(keys_file), site.database))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        query = {"query": "{ viewer { principal tenant { name } roles permissions } }"}
        answer = await client.post("/graphql", json=query, headers={"Authorization": f"Bearer {signed()}"})
        seen = body(answer)["data"]["viewer"]
        assert (seen["principal"], seen["tenant"]["name"]) == ("ada", "larkspur")
        assert (seen["roles"], seen["permissions"]) == (["viewer"], sorted(ROLES["viewer"]))
        with_key = await client.post("/graphql", json=query, headers={"Authorization": f"Bearer {site.key}"})
        seen = body(with_key)["data"]["viewer"]
        assert (seen["principal"], seen["roles"]) == ("tests", ["admin"])


async def test_without_the_setting_no_token_is_taken(site: Site) -> None:
    assert JwtVerifier.of(load(), site.database) is None
    with pytest.raises(Unauthenticated, match="not a valid API key"):
        await Authenticator(site.database).authenticate(f"Bearer {signed()}")


def test_half_of_the_settings_are_refused(site: Site, keys_file: Path) -> None:
    for missing in ("token_issuer", "token_audience"):
        with pytest.raises(BadInput, match=f"ERPGRAPH_TOKEN_KEYS needs ERPGRAPH_{missing.upper()}"):
            JwtVerifier.of(settings(keys_file).model_copy(update={missing: ""}), site.database)


def unsigned(head: object, payload: object, signature: str = "") -> str:
    """A token put together by hand."""
    parts = (urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in (head, payload))
    return ".".join((*parts, signature))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AA"])
async def test_an_unsigned_token_is_refused(tokens: JwtVerifier, algorithm: str, signature: str) -> None:
    for kid in ({}, {"kid": "rsa"}):
        assert await reason(tokens, unsigned({"alg": algorithm, **kid}, claims(), signature))


@pytest.mark.parametrize("kid", KIDS)
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_public_key_is_no_secret_to_sign_with(tokens: JwtVerifier, kid: str, algorithm: str) -> None:
    """HMAC confusion: who checks by what the header says would check with the public key, which everybody has."""
    public_key: Any = made(kid)
    for secret in (public_key.as_pem(private=False), orjson.dumps(public(kid))):
        token = signed_with(OctKey.import_key(secret[5:]), {"alg": algorithm, "kid": kid}, orjson.dumps(claims()))
        assert "is not allowed" in await reason(tokens, token)


async def test_a_secret_key_of_the_set_is_left_out(tokens: JwtVerifier) -> None:
    secret = OctKey.import_key(b"a secret that should not be here")
    for algorithm in ("HS256", "RS256"):
        head = {"alg": algorithm, "kid": "oct"}
        token = signed_with(secret, {**head, "alg": "HS256"}, orjson.dumps(claims()))
        forged = unsigned(head, claims(), token.rsplit(".", 1)[1])
        assert await reason(tokens, forged)


@pytest.mark.parametrize(
    "kid, header, says",
    [
        ("rsa", {"alg": "RS512"}, "is not allowed"),
        ("rsa", {"alg": "PS256"}, "is not allowed"),
        ("rsa", {"kid": "ec"}, "key"),
        ("ec", {"kid": "rsa"}, "key"),
        ("ed", {"kid": "ec"}, "key"),
        ("rsa9", {"kid": "rsa"}, "bad_signature"),
        ("ec9", {"kid": "ec"}, "bad_signature"),
        ("ed9", {"kid": "ed"}, "bad_signature"),
        ("rsa9", {}, "unknown key"),
        ("rsa", {"kid": None}, "unknown key"),
        ("rsa", {"kid": ""}, "unknown key"),
        ("rsa1", {}, "unknown key"),
        ("rsa2", {}, "unsupported_key_alg"),
        ("rsa9", {"jwk": public("rsa9")}, "unknown key"),
        ("rsa9", {"kid": None, "jwk": public("rsa9")}, "unknown key"),
        ("rsa9", {"jku": "https://evil.example/jwks.json"}, "unknown key"),
        ("rsa9", {"kid": "../../../../dev/null"}, "unknown key"),
        ("rsa9", {"kid": "x' OR '1'='1"}, "unknown key"),
        ("rsa", {"crit": ["tricks"], "tricks": 1}, "tricks"),
    ],
)
async def test_a_header_decides_nothing_but_the_name_of_the_key(
    tokens: JwtVerifier, kid: str, header: dict[str, Any], says: str
) -> None:
    assert says in await reason(tokens, signed(kid, header))


async def test_a_token_that_was_changed_is_refused(tokens: JwtVerifier) -> None:
    head, payload, signature = signed().split(".")
    other = unsigned({}, claims(sub="root", roles=["admin"])).split(".")[1]
    assert "bad_signature" in await reason(tokens, f"{head}.{other}.{signature}")
    changed = signature[:20] + ("A" if signature[20] != "A" else "B") + signature[21:]
    assert "bad_signature" in await reason(tokens, f"{head}.{payload}.{changed}")
    assert "bad_signature" in await reason(tokens, f"{head}.{payload}.AA")


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": float("1e400")}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": {}}, "exp"),
        ({"nbf": 70}, "not yet valid"),
        ({"nbf": "now"}, "nbf"),
        ({"iat": 70}, "issued in the future"),
        ({"iss": None}, "iss"),
        ({"iss": ""}, "iss"),
        ({"iss": ISSUER.rstrip("/")}, "iss"),
        ({"iss": "https://evil.example/"}, "iss"),
        ({"iss": [ISSUER]}, "iss"),
        ({"aud": None}, "aud"),
        ({"aud": []}, "aud"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["another", "and another"]}, "aud"),
        ({"aud": {AUDIENCE: True}}, "aud"),
        ({"sub": None}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 5}, "sub"),
        ({"sub": "a\nb"}, "sub"),
        ({"sub": "x" * 256}, "sub"),
        ({"tenant": None}, "no tenant"),
        ({"tenant": "nobody"}, "unknown tenant"),
        ({"tenant": "larkspur' OR 'a'='a"}, "unknown tenant"),
        ({"tenant": "LARKSPUR"}, "unknown tenant"),
        ({"tenant": str(uuid4())}, "unknown tenant"),
        ({"tenant": str(uuid4()).upper()}, "unknown tenant"),
        ({"tenant": "00000000-0000-0000-0000-000000000000"}, "unknown tenant"),
        ({"tenant": ""}, "tenant"),
        ({"tenant": "a\0"}, "tenant"),
        ({"tenant": ["larkspur"]}, "tenant"),
        ({"tenant": 5}, "tenant"),
        ({"partner": "nobody"}, "unknown partner"),
        ({"partner": "a\0"}, "partner"),
        ({"partner": ["F10004"]}, "partner"),
    ],
)
async def test_claims_that_are_missing_or_wrong(tokens: JwtVerifier, changed: dict[str, Any], says: str) -> None:
    for name in ("nbf", "iat"):
        if isinstance(changed.get(name), int):
            changed = {name: int(time.time()) + changed[name]}
    payload = json.dumps(claims(**changed)).encode()
    assert says in await reason(tokens, signed(payload=payload))


@pytest.mark.parametrize("payload", [b"[]", b"5", b'"x"', b"null", b"{", b"\xff", b"[" * 90_000])
async def test_a_payload_that_is_no_object(tokens: JwtVerifier, payload: bytes) -> None:
    assert await reason(tokens, signed(payload=payload))


async def test_clocks_may_differ_by_a_minute(tokens: JwtVerifier) -> None:
    now = int(time.time())
    changes: list[dict[str, Any]] = [{"exp": now - 50}, {"nbf": now + 50}, {"iat": now + 50}]
    for changed in changes:
        assert (await who(tokens, signed(**changed))).name == "ada"
    with pytest.raises(InvalidCredential, match="The token has expired"):
        await who(tokens, signed(exp=now - 61))


async def test_a_token_that_is_remembered_ends_when_it_expires(
    tokens: JwtVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, token = Authenticator(tokens.database, tokens), signed(exp=int(time.time()) - 50)
    assert (await identity.authenticate(f"Bearer {token}")).name == "ada"
    later = time.time() + 12
    for place in ("app.auth.credentials.time", "joserfc._rfc7519.claims.time.time"):
        monkeypatch.setattr(place, lambda: later)
    with pytest.raises(InvalidCredential, match="expired"):
        await identity.authenticate(f"Bearer {token}")


@pytest.mark.parametrize(
    "roles, permissions",
    [
        (["clerk", "warehouse"], ROLES["clerk"] | ROLES["warehouse"]),
        ("clerk  warehouse", ROLES["clerk"] | ROLES["warehouse"]),
        (["viewer", "unheard of", 5, None, ["admin"]], ROLES["viewer"]),
        (["Admin"], frozenset()),
        ([], frozenset()),
        (None, frozenset()),
        ({"admin": True}, frozenset()),
        (["partner"], frozenset()),
    ],
)
async def test_roles_are_a_list_or_words(tokens: JwtVerifier, roles: Any, permissions: frozenset[str]) -> None:
    assert (await who(tokens, signed(roles=roles))).permissions == permissions


async def test_claims_have_the_names_and_places_that_are_set(site: Site, keys_file: Path) -> None:
    names = {"token_tenant_claim": "https://erp.example/tenant", "token_roles_claim": "realm_access.roles"}
    tokens = JwtVerifier(settings(keys_file, **names), site.database)
    said: dict[str, Any] = {"https://erp.example/tenant": "stonebridge", "realm_access": {"roles": ["clerk"]}}
    principal = await who(tokens, signed(**said))
    assert (principal.tenant, principal.permissions) == (site.tenants[1].id, ROLES["clerk"])
    principal = await who(tokens, signed(**{**said, "realm_access": ["clerk"]}))
    assert principal.permissions == frozenset()


async def test_a_partners_token_may_what_partners_may_and_no_more(tokens: JwtVerifier, site: Site) -> None:
    async with administration(site.target, site.tenants[0].id) as connection:
        partner = await connection.fetchval("SELECT id FROM partners WHERE code = 'F10004'")
    for roles in (["partner"], ["partner", "admin"], ["viewer"]):
        principal = await who(tokens, signed(partner="F10004", roles=roles))
        assert (principal.partner, principal.permissions) == (partner, ROLES["partner"])
    # The code is that of the token's own tenant.
    other = await who(tokens, signed(partner="F10004", tenant="stonebridge"))
    async with administration(site.target, site.tenants[1].id) as connection:
        assert other.partner == await connection.fetchval("SELECT id FROM partners WHERE code = 'F10004'") != partner


HEADS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "jwk", "x"]), inner)
    ),
    max_leaves=6,
)


@given(
    head=HEADS | st.fixed_dictionaries({"alg": st.just("RS256")}, optional={"kid": HEADS, "crit": HEADS, "b64": HEADS})
)
async def test_whatever_a_header_is_it_is_refused(tokens: JwtVerifier, head: Any) -> None:
    token = unsigned(head, {}, "AA")
    with pytest.raises(InvalidCredential):
        await tokens.find(token)


@given(token=st.text(max_size=60) | st.from_regex(r"[\w-]{0,20}\.[\w-]{0,20}\.[\w-]{0,20}", fullmatch=True))
async def test_whatever_a_token_is_it_is_refused(tokens: JwtVerifier, token: str) -> None:
    with pytest.raises(InvalidCredential):
        await tokens.find(token)


async def test_a_token_too_long_is_not_looked_at(tokens: JwtVerifier) -> None:
    assert await reason(tokens, signed(filler="x" * 20_000)) == "form"


async def test_attack_13_an_unknown_key_is_no_attempt_while_it_may_be_new(site: Site) -> None:
    """Somebody makes names up until no fetch may begin, and the issuer's key changes then."""
    address = Address(jwk_set(public("rsa")))
    async with serving(address) as port:
        tokens = JwtVerifier(settings(f"http://127.0.0.1:{port}/keys"), site.database)
        identity = Authenticator(site.database, tokens, attempts=1)
        for address_, kid in (("192.0.2.8", "rsa9"), ("192.0.2.9", "rsa8")):
            with pytest.raises(Unauthenticated):
                await identity.authenticate(f"Bearer {signed('rsa9', {'kid': kid})}", address_)
        address.content = jwk_set(public("rsa"), public("ec"))
        for _ in range(30):
            with pytest.raises(Unavailable) as held:
                await identity.authenticate(f"Bearer {signed('ec')}", "192.0.2.1")
            assert 1 <= held.value.seconds <= 10
        asked = len(address.asked)
        # What would be refused whatever its key is asks nobody, and counts.
        with pytest.raises(Unauthenticated):
            await identity.authenticate(f"Bearer {signed('ec', iss='https://evil.example')}", "192.0.2.2")
        assert len(address.asked) == asked == 2
        tokens.keys._began = float("-inf")
        assert (await identity.authenticate(f"Bearer {signed('ec')}", "192.0.2.1")).name == "ada"
