"""What a key may ask for in a while: the budget that refills, which all processes share (docs/security.md, cases 22 and 26)."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.context import Principal
from app.errors.http_errors import Throttled
from app.settings import load
from app.throttling import budgets
from app.throttling.budgets import LEAST, Budgets, Charge
from core.errors import BadInput
from db.runtime.engine import Database
from services.platform import keys
from services.platform.budgets import Bucket, give_back, take
from tests.support.demo_site import Site
from tests.support.http import eventually
from tests.support.locks import locked, waiting
from tests.support.patience import PATIENCE

SMALL: dict[str, Any] = {"limit_cost": 2_000, "budget": 2_050, "budget_rate": 1}
"""Twenty requests that read nothing much, and then one in a hundred seconds."""

WHO = {"query": "{ viewer { principal } }"}
PAGE = {"query": "{ orders(first: 250) { nodes { id } } }"}
POINTS = "SELECT points FROM budgets WHERE tenant_id = $1 AND owner = $2"


@pytest.fixture(autouse=True)
async def full(site: Site, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr("app.http.endpoint.REFUSAL_TAKES", 0.0)
    # What a machine takes for it isn't known beforehand: tests/app/test_spending.py.
    monkeypatch.setattr("app.throttling.spending.PER_SECOND", 0)
    # Nothing is given back while another test looks.
    monkeypatch.setattr(budgets, "IDLE", 3_600.0)
    # Another file's tests may have left a debt.
    await run(site, "TRUNCATE budgets")
    yield
    await run(site, "TRUNCATE budgets")


async def run(site: Site, sql: str, *values: Any) -> Any:
    """A statement by the administrator."""
    async with site.admin() as connection:
        return await connection.fetchval(sql, *values)


async def another_key(site: Site, name: str, tenant: int = 0) -> str:
    return await keys.create(site.target, site.tenants[tenant].id, name)


async def answered(client: httpx.AsyncClient, query: dict[str, str] = WHO, at_most: int = 40) -> int:
    """How many of these in a row get an answer before one is refused."""
    for count in range(at_most):
        answer = await client.post("/graphql", json=query)
        if answer.status_code == 429:
            assert answer.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
            return count
        assert answer.status_code == 200
    return at_most


async def test_who_has_spent_it_is_told_when_to_come_back(site: Site) -> None:
    async with site.client(**SMALL) as client:
        assert await answered(client) == 20
        answer = await client.post("/graphql", json=WHO)
    [error] = answer.json()["errors"]
    seconds = int(answer.headers["retry-after"])
    assert 30 <= seconds <= 50
    assert error["message"] == f"This key has read as much as it may for now. Try again in {seconds} s."
    cost = error["extensions"].pop("cost")
    assert error["extensions"] == {"code": "THROTTLED"}
    assert (cost["requested"], cost["restoreRate"]) == (100, 1)
    assert 50 <= cost["remaining"] <= 70


async def test_every_answer_tells_what_remains(site: Site) -> None:
    async with site.client(**SMALL) as client:
        first, second = [(await client.post("/graphql", json=WHO)).json()["extensions"]["cost"] for _ in range(2)]
    assert first == {
        "requested": 2,
        "limit": 2_000,
        "actual": 2,
        "charged": 100,
        "remaining": 1_950,
        "restoreRate": 1,
    }
    assert second["remaining"] == 1_850


async def test_what_was_not_read_is_given_back(site: Site) -> None:
    """Both are charged for a full page; what they read is what the tenant has."""
    query = '{ products(where: {sku: {eq: "nobody"}}, first: 250) { nodes { lineItems(first: 6) { nodes { id } } } } }'
    began = monotonic()
    async with site.client(**SMALL) as client:
        known = 2_050 - 100
        cost = (await client.post("/graphql", json={"query": query})).json()["extensions"]["cost"]
        assert (cost["requested"], cost["actual"]) == (1_902, 0)
        # It refills by one a second.
        assert 0 <= cost["remaining"] - known <= monotonic() - began
        cost = (await client.post("/graphql", json=PAGE)).json()["extensions"]["cost"]
        assert cost["requested"] == 275
        assert 0 <= cost["remaining"] - (known - cost["charged"]) <= monotonic() - began
        assert 100 < cost["actual"] <= cost["charged"] < 250


async def test_what_costs_more_than_there_is_waits_and_smaller_ones_go_on(site: Site) -> None:
    dear = {"query": "{ orders(first: 50) { nodes { lineItems(first: 34) { nodes { id } } } } }"}
    async with site.client(**SMALL) as client:
        assert await answered(client, at_most=2) == 2
        assert (await client.post("/graphql", json=dear)).status_code == 429
        # The refusal cost as much as a request.
        assert await answered(client) == 17


async def test_a_command_costs_its_price(site: Site) -> None:
    command = {"query": 'mutation { productUpsert(input: {sku: "BUDGET", name: "x"}) { product { id } } }'}
    async with site.client(**SMALL) as client:
        await client.post("/graphql", json=command)
        cost = (await client.post("/graphql", json=command)).json()["extensions"]["cost"]
        assert (cost["requested"], cost["remaining"]) == (53, 2_050 - 200)


@pytest.mark.parametrize(
    "given",
    [
        {"content": b"{"},
        {"json": {"query": "{ orders(first: $n) { nodes { id } } }"}},
        {"json": WHO, "headers": {"X-Cost-Only": "1"}},
        {"json": {"query": "query A { viewer { principal } } query B { viewer { principal } }"}},
    ],
    ids=["no JSON", "not valid", "the price alone", "which operation"],
)
async def test_nothing_is_free(site: Site, given: dict[str, Any]) -> None:
    given = {"headers": {}, **given}
    given["headers"] |= {"Content-Type": "application/json"}
    async with site.client(**SMALL) as client:
        answers = [await client.post("/graphql", **given) for _ in range(25)]
    assert 429 not in {answer.status_code for answer in answers[:15]}
    assert {answer.status_code for answer in answers[20:]} == {429}


async def test_another_key_has_its_own_and_the_tenant_has_one_for_all(site: Site) -> None:
    others = [await another_key(site, f"other {n}") for n in range(3)]
    foreign = await another_key(site, "foreign", tenant=1)
    settings: dict[str, Any] = {**SMALL, "budget_tenant": 2}
    counts = []
    for key in (site.key, *others, foreign):
        async with site.client(key, **settings) as client:
            counts.append(await answered(client))
    # Of 4,100 the first two took 4,000, and perhaps the rest ahead.
    assert counts.pop(2) in (0, 1)
    assert counts == [20, 20, 0, 20]


async def test_two_processes_share_it(site: Site) -> None:
    async with site.client(**SMALL) as first, site.client(**SMALL) as second:
        counts = [await answered(client, at_most=1) for _ in range(8) for client in (first, second)]
        counts += [await answered(first), await answered(second)]
    # Together twenty, but for what the other one has leased ahead, a twentieth.
    assert sum(counts) == 20


async def test_a_lease_serves_many_requests(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = []

    async def counted(*args: Any) -> Any:
        leases.append(await take(*args))
        return leases[-1]

    monkeypatch.setattr(budgets, "take", counted)
    async with site.client(budget=1_000_000, budget_rate=1) as client:
        assert await answered(client, at_most=500) == 500
    assert [lease.granted for lease in leases] == [50_100]


async def test_a_tenant_leases_by_one_connection_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the database they wait for its row, each with a connection: many keys that pay at once had all that there are."""
    first, second = [each.id for each in site.tenants]
    under_way, most = Counter[UUID](), Counter[UUID]()
    others = asyncio.Event()

    async def counted(database: Database, tenant: UUID, *rest: Any) -> Any:
        under_way[tenant] += 1
        most[tenant] = max(most[tenant], under_way[tenant])
        if tenant == first:
            await others.wait()  # those of another tenant have theirs meanwhile
        lease = await take(database, tenant, *rest)
        under_way[tenant] -= 1
        return lease

    monkeypatch.setattr(budgets, "take", counted)
    spending = Budgets(site.database, load(budget=1_000_000))
    them = [spending.admit(Principal(first, "many", credential=f"key:{number}")) for number in range(20)]
    paying = asyncio.gather(*them)
    await spending.admit(Principal(second, "another", credential="key:another"))
    others.set()
    await paying
    assert most == {first: 1, second: 1}


async def test_who_comes_as_a_lease_ends_takes_another(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who came between the end of one that hadn't enough for somebody else and what followed it looped for ever."""
    who = Principal(site.tenants[0].id, "late", credential="key:late")
    spending = Budgets(site.database, load(**SMALL))
    late: list[asyncio.Task[Charge]] = []

    async def then_somebody_comes(*args: Any) -> Any:
        lease = await take(*args)
        if not late:
            late.append(asyncio.create_task(spending.admit(who)))
        return lease

    monkeypatch.setattr(budgets, "take", then_somebody_comes)
    with pytest.raises(Throttled):
        await spending.reserve(Charge(spending._account(who)), 5_000)
    # A loop that doesn't end lets nothing else run: pytest's own limit would end the run.
    await late[0]
    assert spending.report(await late[0])["remaining"] == 2_050 - 100


async def test_debts_of_others_meanwhile_refuse_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dear requests that ended while a lease was on its way owed more than it brought, and the next was refused with 777,384
    of a million points left.
    """
    who = Principal(site.tenants[0].id, "dear", credential="key:dear")
    spending = Budgets(site.database, load(budget=1_000_000, budget_rate=1))
    dear = await spending.admit(who)
    dear.least = 300_000
    granted = []

    async def then_it_ends(*args: Any) -> Any:
        lease = await take(*args)
        granted.append(lease.granted)
        if len(granted) == 1:
            dear.settle()
        return lease

    monkeypatch.setattr(budgets, "take", then_it_ends)
    # More than is left of the first lease, so that another one is needed.
    charge = Charge(spending._account(who))
    await spending.reserve(charge, 60_100)
    assert charge.paid == 60_100
    # The rest of the price and a lease; and then what was owed, and another.
    assert granted == [10_000 + 50_000, 300_000 - 100 - 50_000 + 50_000]
    assert spending.report(charge)["remaining"] == 1_000_000 - 300_000 - 60_000


async def test_an_idle_lease_is_given_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key of its own: applications of other tests may give back to the others meanwhile."""
    monkeypatch.setattr(budgets, "IDLE", 0.05)
    tenant, key = site.tenants[0].id, await another_key(site, "idle")
    owner = "key:" + str(await run(site, "SELECT id FROM api_keys WHERE name = 'idle'"))
    async with site.client(key, budget=1_000_000, budget_rate=1) as client:
        assert await answered(client, at_most=3) == 3
        async with asyncio.timeout(PATIENCE):
            while await run(site, POINTS, tenant, owner) < 1_000_000 - 300:  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
        # Between the requests it may be given back and leased again, and a second refills by one.
        assert await run(site, POINTS, tenant, owner) - (1_000_000 - 300) < 12


async def test_it_refills_up_to_what_it_holds(site: Site) -> None:
    tenant = site.tenants[0].id
    bucket = Bucket("key:refills", 1_000, 100)
    assert await take(site.database, tenant, [bucket], 1_000, 5_000) == (1_000, (0,))
    later = "UPDATE budgets SET filled_at = filled_at - interval '2.5 seconds' WHERE owner = 'key:refills'"
    await run(site, later)
    granted, [left] = await take(site.database, tenant, [bucket], 250, 250)
    assert (granted, 0 <= left < 100) == (250, True)
    await run(site, later.replace("2.5 seconds", "1 hour"))
    assert await take(site.database, tenant, [bucket], 1_001, 2_000) == (0, (1_000,))


async def test_forty_at_once_take_no_more_than_there_is(site: Site) -> None:
    tenant = site.tenants[0].id
    both = [Bucket("", 1_500, 1), Bucket("key:at once", 1_000, 1)]
    leases = await asyncio.gather(*(take(site.database, tenant, both, 30, 50) for _ in range(40)))
    assert sorted(lease.granted for lease in leases) == [0] * 20 + [50] * 20
    await give_back(site.database, tenant, both, 60)
    assert (await take(site.database, tenant, both, 60, 100)).granted == 60


async def test_who_does_not_wait_is_made_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    async with site.client(**SMALL) as client:
        assert await answered(client) == 20
        monkeypatch.setattr("app.http.endpoint.REFUSAL_TAKES", 0.2)
        monkeypatch.setattr("app.http.endpoint.asyncio.sleep", sleep)
        assert await answered(client) == 0
    assert waited == [0.2]


async def test_one_more_in_flight_than_a_key_may_have(site: Site) -> None:
    async with site.client(limit_in_flight=3) as client:
        async with locked(site.target) as holder:
            flying = [asyncio.create_task(client.post("/graphql", json=PAGE)) for _ in range(3)]
            await waiting(holder, 3)
            refused = await client.post("/graphql", json=WHO)
        answers = await asyncio.gather(*flying)
        again = await client.post("/graphql", json=WHO)
    [error] = refused.json()["errors"]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert error["extensions"]["code"] == "THROTTLED"
    assert error["message"] == "This key has 3 requests in flight, and may not have more."
    assert [answer.status_code for answer in (*answers, again)] == [200] * 4


async def test_one_key_never_has_all_connections(site: Site) -> None:
    """Of ten connections five: another key's query doesn't wait while the first one's do."""
    other = await another_key(site, "beside")
    app = site.client()
    async with app as client, locked(site.target) as holder:
        flying = [asyncio.create_task(client.post("/graphql", json=PAGE)) for _ in range(12)]
        await waiting(holder, 5)
        theirs = await client.post(
            "/graphql",
            json={"query": "{ products(first: 1) { nodes { id } } }"},
            headers={"Authorization": f"Bearer {other}"},
        )
        assert theirs.json()["data"]["products"]["nodes"]
        await eventually(lambda: not any(task.done() for task in flying))
        await holder.execute("ROLLBACK")
        assert {answer.status_code for answer in await asyncio.gather(*flying)} == {200}


async def test_the_schema_file_is_paid_for_too(site: Site) -> None:
    async with site.client(**SMALL) as client:
        answers = [await client.get("/graphql/schema.graphql") for _ in range(22)]
    price = int(answers[0].headers["content-length"]) // 100  # by its bytes
    served = (SMALL["budget"] - LEAST) // price + 1
    assert [answer.status_code for answer in answers] == [200] * served + [429] * (22 - served)
    assert served < 20


@pytest.mark.parametrize("given", [{"limit_cost": 101, "budget": 100}, {"limit_cost": 10**10}])
def test_a_budget_less_than_a_request_may_cost_is_refused(
    given: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is set or is what it is by default: some requests could never be paid for."""
    monkeypatch.delenv("ERPGRAPH_BUDGET")
    with pytest.raises(BadInput, match="ERPGRAPH_BUDGET is not usable: it is less than ERPGRAPH_LIMIT_COST"):
        load(**given)
    assert load(limit_cost=100, budget=100).budget == 100
