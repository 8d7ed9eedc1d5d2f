"""What stays open is looked at again and again: all credentials that are due together, with what one look-up of each would say."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.auth import authenticator as auth
from app.auth import together
from app.auth.authenticator import Authenticator
from app.auth.credentials import InvalidCredential
from app.auth.tokens import JwtVerifier
from app.context import Principal
from app.live import credentials
from app.live.credentials import Credentials
from app.settings import load
from core import keys as forms
from core.errors import ErpError, Unauthenticated, Unavailable
from core.ids import new_id
from db.runtime.engine import Database
from db.runtime.reader import Reader
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.provider import AUDIENCE, ISSUER, jwk_set, public, signed


@pytest.fixture
def door(site: Site, tmp_path: Path) -> Authenticator:
    (tmp_path / "jwks.json").write_bytes(jwk_set(public("rsa")))
    settings = load(token_keys=str(tmp_path / "jwks.json"), token_issuer=ISSUER, token_audience=AUDIENCE)
    return Authenticator(site.database, JwtVerifier(settings, site.database), attempts=1_000)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, Any]]:
    """The statements that are run: whose, and with what."""
    ran: list[tuple[UUID, Any]] = []
    real = Reader.fetch

    async def fetch(self: Reader, sql: str, *values: Any, **given: Any) -> list[Any]:
        ran.append((self.tenant, values))
        return await real(self, sql, *values, **given)

    monkeypatch.setattr(Reader, "fetch", fetch)
    return ran


async def given(site: Site) -> dict[str, str]:
    """Credentials of all kinds, by what they are."""
    first, second = site.tenants
    later = datetime.now(UTC) + timedelta(hours=1)
    async with site.admin() as admin:
        code = await admin.fetchval("SELECT min(code) FROM partners WHERE tenant_id = $1", first.id)
    found = {
        "a key": await keys.create(site.target, first.id, "again", roles=["viewer"], replace=True),
        "another": await keys.create(site.target, first.id, "again 2", roles=["clerk"], replace=True),
        "a partner's": await keys.create(
            site.target, first.id, "again 3", roles=["partner"], partner=code, replace=True
        ),
        "another tenant's": await keys.create(site.target, second.id, "again 4", replace=True, trusted_only=True),
        "one that ends": await keys.create(site.target, second.id, "again 5", replace=True, expires_at=later),
        "revoked": await keys.create(site.target, first.id, "again 6", replace=True),
        "expired": await keys.create(site.target, first.id, "again 7", replace=True, expires_at=later),
        "nobody's": forms.make(first.id),
        "of no tenant": forms.make(new_id()),
        "none": "erp_5",
        "a token": signed(),
        "by id": signed(tenant=str(second.id), sub="bob"),
        "a partner's token": signed(partner=code, sub="eve"),
        "without a partner": signed(partner="NO-SUCH-PARTNER"),
        "without a tenant": signed(tenant="nowhere"),
        "of no tenant's id": signed(tenant=str(new_id())),
        "a token that ended": signed(exp=1),
        "another's token": signed(aud="others"),
        "no token": "x.y.z",
    }
    async with site.admin() as admin:
        await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'again 6'")
        await admin.execute("UPDATE api_keys SET expires_at = now() WHERE name = 'again 7'")
    return found


async def alone(door: Authenticator, credential: str) -> Principal | str:
    """What the door that requests come through says."""
    try:
        return await door.authenticate(f"Bearer {credential}")
    except Unauthenticated as error:
        return error.message


async def test_34_together_they_are_what_each_is_alone(
    door: Authenticator, site: Site, looked: list[tuple[UUID, Any]]
) -> None:
    them = await given(site)
    expected = {name: await alone(door, credential) for name, credential in them.items()}
    assert {name for name, outcome in expected.items() if isinstance(outcome, Principal)} == {
        *("a key", "another", "a partner's", "another tenant's", "one that ends"),
        *("a token", "by id", "a partner's token"),
    }
    looked.clear()
    found = await door.again(f"Bearer {each}" for each in them.values())
    outcomes = {name: found[f"Bearer {credential}"] for name, credential in them.items()}
    assert {
        name: outcome if isinstance(outcome, Principal) else outcome.message for name, outcome in outcomes.items()
    } == expected
    first, second = site.tenants
    # For keys one for each tenant that they name, for tokens as well, and one for the names of tenants.
    whose = sorted(str(tenant) for tenant, _ in looked)
    others = [tenant for tenant, _ in looked if tenant not in {first.id, second.id}]
    assert [whose.count(str(each.id)) for each in (first, second)] == [2, 2]
    assert len(others) == 3


async def test_34_a_statement_for_a_tenant_however_many_keys_it_has(
    door: Authenticator, site: Site, looked: list[tuple[UUID, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    [tenant, _] = site.tenants
    them = [f"Bearer {forms.make(tenant.id)}" for _ in range(60)]
    assert {type(each) for each in (await door.again(them)).values()} == {InvalidCredential}
    assert [len(values[1]) for _, values in looked] == [60]
    looked.clear()
    monkeypatch.setattr(together, "MOST", 25)
    assert len(await door.again(them)) == 60
    assert sorted(len(values[1]) for _, values in looked) == [10, 25, 25]


async def test_uses_are_noted_together(door: Authenticator, site: Site) -> None:
    [tenant, _] = site.tenants
    names = [f"noted {number}" for number in range(3)]
    them = [await keys.create(site.target, tenant.id, name, replace=True) for name in names]
    async with site.admin() as admin:
        await door.again(f"Bearer {each}" for each in them)
        await asyncio.gather(*door._keys._noting)
        used = "SELECT last_used_at FROM api_keys WHERE name = ANY($1) AND revoked_at IS NULL"
        first = {row[0] for row in await admin.fetch(used, names)}
        assert len(first) == 1
        assert first != {None}
        await door.again(f"Bearer {each}" for each in them)
        assert not door._keys._noting
        assert {row[0] for row in await admin.fetch(used, names)} == first


async def test_34_what_it_finds_requests_know_at_once(door: Authenticator, site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "kept again", replace=True)
    await door.authenticate(f"Bearer {key}")
    async with site.admin() as admin:
        await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'kept again'")
    await door.authenticate(f"Bearer {key}")
    await door.again([f"Bearer {key}"])
    with pytest.raises(Unauthenticated):
        await door.authenticate(f"Bearer {key}")


async def test_one_that_cannot_be_looked_up_is_told_nothing_of_and_holds_up_no_others(
    door: Authenticator, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = site.tenants
    mine, theirs = [
        f"Bearer {await keys.create(site.target, each.id, 'away again', replace=True)}" for each in (first, second)
    ]
    token = f"Bearer {signed(tenant=str(second.id))}"
    real = Database.reader

    def reader(self: Database, tenant: UUID, partner: UUID | None = None) -> Reader:
        if tenant == second.id:
            raise Unavailable("away")
        return real(self, tenant, partner)

    monkeypatch.setattr(Database, "reader", reader)
    assert (await door.again([theirs, token, mine])).keys() == {mine}

    # And one whose database says nothing at all.
    async def hang(self: Reader, sql: str, *values: Any, **given: Any) -> list[Any]:
        if self.tenant == second.id:
            await asyncio.Event().wait()
        return await fetch(self, sql, *values, **given)

    fetch = Reader.fetch
    monkeypatch.setattr(Database, "reader", real)
    monkeypatch.setattr(Reader, "fetch", hang)
    monkeypatch.setattr(auth, "AGAIN_WITHIN", 0.5)
    monkeypatch.setattr(together, "AT_ONCE", 1)
    monkeypatch.setattr(Database, "by_home", lambda _, tenants: [[each] for each in tenants])
    assert (await door.again([theirs, token, mine])).keys() == {mine}


class Open:
    """Something that stays open."""

    def __init__(self, authorization: str, principal: Principal) -> None:
        self.authorization, self.principal = authorization, principal
        self.reason: ErpError | None = None

    def end(self, reason: ErpError | None) -> None:
        assert self.reason is None
        self.reason = reason


async def test_34_what_began_by_a_credential_that_is_remembered_is_due_when_that_is(
    door: Authenticator, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one that was revoked opens streams for five seconds, and each of them for some more."""
    now = 1_000.0
    for module in (auth, credentials):
        monkeypatch.setattr(module, "monotonic", lambda: now)
    key = await keys.create(site.target, site.tenants[0].id, "due", replace=True)
    principal = await door.authenticate(f"Bearer {key}")
    async with site.admin() as admin:
        await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'due'")
    now += 2.9
    assert await door.authenticate(f"Bearer {key}") == principal
    stays = Open(f"Bearer {key}", principal)
    them = Credentials(door)
    them.add(stays)
    await them.look(credentials.DUE)
    assert stays.reason is None
    now += 0.2
    await them.look(credentials.DUE)
    assert isinstance(stays.reason, Unauthenticated)
    them.remove(stays)
    assert them._used == {}


async def test_34_those_that_end_together_have_an_error_each(door: Authenticator, site: Site) -> None:
    """One that is raised by a thousand tasks keeps the frames of all of them."""
    key = await keys.create(site.target, site.tenants[0].id, "each", replace=True)
    authorization = f"Bearer {key}"
    principal = await door.authenticate(authorization)
    them, opened = Credentials(door), [Open(authorization, principal) for _ in range(50)]
    for each in opened:
        them.add(each)
    await them.look()
    assert {each.reason for each in opened} == {None}
    async with site.admin() as admin:
        await admin.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'each'")
    await them.look()
    assert len({id(each.reason) for each in opened if each.reason is not None}) == 50
