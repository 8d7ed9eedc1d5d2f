"""Wrong keys are held back, uses are noted, refusals leave a line; and no line holds a secret."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from app.auth import throttle as attempts
from app.auth.authenticator import Authenticator
from app.auth.throttle import FailedAttempts, source
from app.errors.http_errors import Throttled
from core import keys as key_format
from core.errors import Unauthenticated
from services.platform import keys
from tests.support.demo_site import Site
from tests.support.http import eventually


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [6_000.0]
    monkeypatch.setattr(attempts, "time", lambda: now[0])
    return now


async def wrong(identity: Authenticator, site: Site, address: str) -> None:
    with pytest.raises(Unauthenticated):
        await identity.authenticate(f"Bearer {key_format.make(site.tenants[0].id)}", address, "req")


async def test_an_address_has_so_many_wrong_keys_in_a_minute(site: Site, minute: list[float]) -> None:
    identity = Authenticator(site.database, attempts=3)
    good = f"Bearer {site.key}"
    assert (await identity.authenticate(good, "192.0.2.1")).name == "tests"
    with capture_logs() as lines:
        for _ in range(3):
            await wrong(identity, site, "192.0.2.1")
    assert [line["what"] for line in lines] == ["wrong credential"] * 3 + ["no more attempts in this minute"]
    for key in (key_format.make(site.tenants[0].id), "nonsense"):
        with pytest.raises(Throttled) as held:
            await identity.authenticate(f"Bearer {key}", "192.0.2.1")
        assert (held.value.status, held.value.code, held.value.headers) == (429, "THROTTLED", {"retry-after": "60"})
    # Another address goes on, and so does who was known at this one.
    await wrong(identity, site, "192.0.2.2")
    identity._kept.update({digest: (0.0, known) for digest, (_, known) in identity._kept.items()})
    assert (await identity.authenticate(good, "192.0.2.1")).name == "tests"
    minute[0] += 60
    await wrong(identity, site, "192.0.2.1")


def test_addresses_are_counted_by_customer_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    assert source("2001:db8:0:1::5") == source("2001:db8:0:1:ffff::") == "2001:db8:0:1::/64" != source("2001:db8::5")
    assert source("::ffff:192.0.2.1") == "192.0.2.1"
    assert source("") == ""
    monkeypatch.setattr(attempts, "MAX_ADDRESSES", 5)
    counted = FailedAttempts(3)
    for number in range(20):
        counted.failed(f"192.0.2.{number}")
        assert len(counted._failed) <= 5


async def last_use(site: Site, name: str) -> Any:
    [key] = [key for key in await keys.every(site.target, site.tenants[0].id) if key.name == name]
    return key.last_used_at


async def test_a_use_is_noted_once_a_minute_and_the_first_of_the_day_told(site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "noted", roles=["viewer"])
    identity = Authenticator(site.database)
    with capture_logs() as lines:
        principal = await identity.authenticate(f"Bearer {key}", "192.0.2.1", "req")
    assert [(line["what"], line["principal"], line["credential"]) for line in lines] == [
        ("first use of the day", "noted", principal.credential)
    ]
    await eventually(lambda: not identity._keys._noting)
    first = await last_use(site, "noted")
    assert first is not None
    again = Authenticator(site.database)
    with capture_logs() as lines:
        await again.authenticate(f"Bearer {key}")
    assert (lines, again._keys._noting) == ([], set())
    assert await last_use(site, "noted") == first


async def test_a_denial_leaves_a_line_without_the_key(site: Site) -> None:
    key = await keys.create(site.target, site.tenants[0].id, "denied", partner=None, roles=["viewer"])
    mutation = {
        "query": 'mutation { warehouseCreate(input: {code: "X", name: "secret value"}) { userErrors { code } } }'
    }
    async with site.client(key) as client:
        with capture_logs() as lines:
            answer = (await client.post("/graphql", json=mutation)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    [denied] = [line for line in lines if line.get("what") == "denied"]
    assert (denied["principal"], denied["permission"]) == ("denied", "warehouses:write")
    assert key not in str(lines)
    assert "secret value" not in str(lines)
