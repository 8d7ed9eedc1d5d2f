"""Webhooks: made, changed, ended, and asked to send again. Sending itself is the worker's (``app.webhooks``)."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Protocol, cast
from uuid import UUID

import asyncpg
import orjson
from pydantic import AfterValidator, AwareDatetime, Field

from core import text
from core.errors import BadInput
from core.ids import new_id
from core.moments import write
from core.permissions import ROLES, permitted
from core.problems import DUPLICATE, Problems, refuse
from core.webhooks import LIMIT_REACHED, MOST
from services.kit.answer import References
from services.kit.command import Command, Id, Title, Version
from services.kit.records import version_conflict
from services.kit.work import UnitOfWork

MAX_DOCUMENT, MAX_URL = 20_000, 2_000
"""Characters of a document, and of an address."""


def _role(given: str) -> str:
    if not permitted([given]):
        there = ", ".join(role for role in ROLES if permitted([role]))
        raise ValueError(f"There is no role {given!r} for webhooks: there are {there}.")
    return given


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def _kept(given: dict[str, Any]) -> dict[str, Any]:
    """JSON that is kept as it is. A literal may have numbers that JSON in requests can't have, and PostgreSQL takes no NUL."""
    try:
        written = orjson.dumps(given)
    except TypeError:
        raise ValueError("This has a number of more than 64 bits, or half of a surrogate pair.") from None
    if _NUL.search(written):
        raise ValueError("Text must not contain the NUL character.")
    if orjson.loads(written) != given:
        raise ValueError("This has a number that JSON doesn't carry.")
    return given


Variables = Annotated[dict[str, Any], AfterValidator(_kept)]
Webhook_ = Annotated[UUID, Id("hook")]
Role = Annotated[str, Field(max_length=50), AfterValidator(_role)]
Roles = Annotated[list[Role], Field(min_length=1, max_length=20)]
Batch = Annotated[int, Field(ge=1, le=100)]
Document = Annotated[str, AfterValidator(partial(text.prose, most=MAX_DOCUMENT))]
Url = Annotated[str, AfterValidator(partial(text.name, most=MAX_URL))]


class WebhookCreate(Command):
    """A webhook to make. What happens from now on is sent to its address."""

    name: Title
    """Its name as people read it; unique."""
    url: Url
    """Where deliveries are sent: https, and an address that the whole internet can reach."""
    document: Document
    """A subscription with one field, eventFeed, without after. Checked now, and again whenever it is sent."""
    variables: Variables | None = None
    """The values of the document's variables."""
    roles: Roles
    """The roles with whose permissions the document is read; together they may do nothing that the caller may not."""
    batch: Batch = 1
    """How many events go into a delivery at most, 1 to 100."""


class WebhookCommand(Command):
    """A command about one webhook."""

    webhook: Webhook_
    """The webhook, by its id (hook_…)."""


class WebhookUpdate(WebhookCommand):
    """How a webhook is to be changed, paused or resumed. What is left out stays as it is."""

    name: Title | None = None
    """The new name. Left out: as it is."""
    url: Url | None = None
    """The new address. Left out: as it is."""
    document: Document | None = None
    """The new document. Left out: as it is."""
    variables: Variables | None = None
    """The values of the document's variables; null for none. Left out: as they are."""
    roles: Roles | None = None
    """The new roles; together they may do nothing that the caller may not. Left out: as they are."""
    batch: Batch | None = None
    """How many events go into a delivery at most, 1 to 100. Left out: as it is."""
    paused: bool | None = None
    """true pauses it, false resumes it, also where it was stopped. Left out: as it is."""
    skip_to_now: bool = False
    """Where it is resumed: leave out what happened before now. What is left out can be had from eventFeed."""
    expected_version: Version | None = None
    """Carry out only if the webhook still has this version, else VERSION_CONFLICT. Left out: at any version."""


class WebhookDelete(WebhookCommand):
    """The webhook that is to end. Nothing is sent any more, and what waited is dropped."""

    expected_version: Version | None = None
    """Carry out only if the webhook still has this version, else VERSION_CONFLICT. Left out: at any version."""


class WebhookSecretRotate(WebhookCommand):
    """The webhook whose secret is to be replaced."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24
    """For how many hours the old secret is used besides, 0 to 168."""


class WebhookReplay(WebhookCommand):
    """What is to be sent again: some deliveries, or all events since a time."""

    deliveries: Annotated[list[Annotated[UUID, Id("dlv")]], Field(min_length=1, max_length=100)] | None = None
    """These deliveries (dlv_…), 1 to 100, as they were sent. Not together with since."""
    since: AwareDatetime | None = None
    """All events since this time, as far back as the feed is kept; by the document of today."""


class WebhookTest(WebhookCommand):
    """The webhook that is to be tried."""


class Site(Protocol):
    """What making a webhook needs of the process that it is asked of."""

    permissions: frozenset[str]
    """What the caller may do."""
    commit: UUID
    """The place in the log from which a new webhook begins."""

    def check_url(self, url: str) -> None:
        """Raises ``BadInput`` for an address that nothing may be sent to."""

    async def check_document(self, document: str, variables: Mapping[str, Any] | None, roles: Iterable[str]) -> None:
        """Raises ``BadInput`` for what is no document of a webhook."""

    def show(self, webhook: UUID, version: int) -> str:
        """Have a new secret shown in the answer that has what this returns: in that of this attempt, and in no later one."""


_CREATE = """
    WITH made AS (
        INSERT INTO webhooks (tenant_id, id, name, url, document, variables, roles, batch, commit_id)
        SELECT t.id, $2, $3, $4, $5, $6::jsonb, $7, $8, $9 FROM tenants t
        WHERE t.id = $1 AND (SELECT count(*) FROM webhooks WHERE tenant_id = $1) < $10
        RETURNING tenant_id, id)
    INSERT INTO webhook_turns (tenant_id, id) SELECT tenant_id, id FROM made RETURNING id
"""
_COLUMNS = ("name", "url", "document", "variables", "roles", "batch")
_STATE = ("status", "reason", "secret_version", "version", "delivered_at", "failing_since")
_LOCK = f"SELECT id, {', '.join((*_COLUMNS, *_STATE))} FROM webhooks WHERE tenant_id = $1 AND id = $2 FOR UPDATE"
_TURN = "SELECT id FROM webhook_turns WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"
_DUE = "UPDATE webhook_turns SET due_at = statement_timestamp() WHERE tenant_id = $1 AND id = $2"
_AGAIN = """
    UPDATE webhook_deliveries SET status = 'WAITING',
        next_attempt_at = CASE WHEN status <> 'WAITING' OR next_attempt_at IS NOT NULL THEN statement_timestamp() END,
        first_attempt_at = CASE WHEN status = 'WAITING' THEN first_attempt_at ELSE statement_timestamp() END
    WHERE tenant_id = $1 AND webhook_id = $2 AND id = ANY($3::uuid[]) RETURNING id
"""
_SINCE = """
    SELECT id, (SELECT count(*) FROM commits c WHERE c.tenant_id = $1 AND c.seq > p.seq AND cardinality(c.events) > 0) AS count
    FROM (SELECT id, seq FROM commits WHERE tenant_id = $1
          AND seq < coalesce((SELECT min(seq) FROM commits WHERE tenant_id = $1 AND created_at >= $2), 9223372036854775807)
          ORDER BY seq DESC LIMIT 1) p
    UNION ALL (SELECT id, (SELECT count(*) FROM commits WHERE tenant_id = $1 AND cardinality(events) > 0) FROM commits
               WHERE tenant_id = $1 ORDER BY seq LIMIT 1)
    LIMIT 1
"""


async def create(work: UnitOfWork, command: WebhookCreate, site: Site) -> References:
    """Make a webhook. Raises ``CommandRejected``."""
    await _check(work.problems, site, {name: getattr(command, name) for name in _COLUMNS}, command.variables)
    work.problems.check()
    identity, variables = new_id(), None if command.variables is None else orjson.dumps(command.variables).decode()
    values = command.name, command.url, command.document, variables, command.roles, command.batch
    try:
        made = await work.rows(_CREATE, identity, *values, site.commit, MOST)
    except asyncpg.UniqueViolationError:
        raise _taken() from None
    if not made:
        raise refuse(LIMIT_REACHED, f"A tenant may have {MOST} webhooks.", "name")
    work.note("webhook.created", identity, version=1, after={"name": command.name, "url": command.url})
    return _shown(identity, site.show(identity, 1))


async def update(work: UnitOfWork, command: WebhookUpdate, site: Site) -> References:
    """Change a webhook, pause it or resume it. Raises ``CommandRejected``."""
    there = await _lock(work, command.webhook, command.expected_version)
    given = {name: getattr(command, name) for name in _COLUMNS if command.given(name)}
    given = {name: value for name, value in given.items() if value is not None or name == "variables"}
    variables = given["variables"] if "variables" in given else _read(there["variables"])
    await _check(work.problems, site, dict(there) | given, variables, given)
    work.problems.check()
    changed = {
        name: value
        for name, value in given.items()
        if value != (variables_of(there) if name == "variables" else there[name])
    }
    if command.paused is not None:
        changed |= _state(there["status"], paused=command.paused)
    if command.paused is False and command.skip_to_now:
        changed |= {"commit_id": site.commit, "place": 0}
    if not changed:
        return {"webhook_id": command.webhook}
    if "variables" in changed and changed["variables"] is not None:
        changed["variables"] = orjson.dumps(changed["variables"]).decode()
    settings = ", ".join(f"{name} = ${index}" for index, name in enumerate(changed, start=3))
    sql = f"UPDATE webhooks SET {settings}, version = version + 1, updated_at = statement_timestamp() WHERE tenant_id = $1 AND id = $2 RETURNING version"
    try:
        [[version]] = await work.rows(sql, command.webhook, *changed.values())
    except asyncpg.UniqueViolationError:
        raise _taken() from None
    await work.rows(_DUE, command.webhook)
    shown = {name: value for name, value in changed.items() if name in {"name", "url", "status", "roles", "batch"}}
    work.note("webhook.updated", command.webhook, version=version, after=shown)
    return {"webhook_id": command.webhook}


async def delete(work: UnitOfWork, command: WebhookDelete, site: Site) -> References:  # noqa: ARG001 - all have one
    """End a webhook, with all that waits. Raises ``CommandRejected``."""
    there = await _lock(work, command.webhook, command.expected_version)
    await work.rows("DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2", command.webhook)
    work.note("webhook.deleted", command.webhook, before={"name": there["name"], "url": there["url"]})
    shown = {name: each and write(each) if isinstance(each, datetime) else each for name, each in there.items()}
    return cast("References", {"webhook_id": command.webhook, "ended": shown | {"id": str(there["id"])}})


async def rotate(work: UnitOfWork, command: WebhookSecretRotate, site: Site) -> References:
    """Give a webhook a new secret. Raises ``CommandRejected``."""
    await _lock(work, command.webhook, None)
    sql = """
        UPDATE webhooks SET secret_version = secret_version + 1, version = version + 1, updated_at = statement_timestamp(),
            former_until = statement_timestamp() + make_interval(hours => $3)
        WHERE tenant_id = $1 AND id = $2 RETURNING secret_version, version
    """
    [row] = await work.rows(sql, command.webhook, command.overlap_hours)
    work.note("webhook.secret_rotated", command.webhook, version=row["version"])
    return _shown(command.webhook, site.show(command.webhook, row["secret_version"]))


async def replay(work: UnitOfWork, command: WebhookReplay, site: Site) -> References:  # noqa: ARG001 - all have one
    """Put deliveries or commits back in line. Raises ``CommandRejected``."""
    if (command.deliveries is None) == (command.since is None):
        work.problems.invalid("Give either deliveries or since.", "deliveries" if command.since is None else "since")
    await _lock(work, command.webhook, None)
    work.problems.check()
    if command.deliveries is not None:
        wanted = list(dict.fromkeys(command.deliveries))
        found = {row["id"] for row in await work.rows(_AGAIN, command.webhook, wanted)}
        for index, each in enumerate(command.deliveries):
            if each not in found:
                work.problems.missing("delivery of this webhook with this id", "deliveries", index)
        work.problems.check()
        count = len(found)
    else:
        [row] = await work.rows(_SINCE, command.since)
        count = row["count"]
        sql = "UPDATE webhooks SET commit_id = $3, place = 0 WHERE tenant_id = $1 AND id = $2"
        await work.rows(sql, command.webhook, row["id"])
    await work.rows(_DUE, command.webhook)
    work.note("webhook.replayed", command.webhook, after={"count": count})
    return cast("References", {"webhook_id": command.webhook, "count": count})


def _shown(webhook: UUID, secret: str) -> References:
    return cast("References", {"webhook_id": webhook, "shown": secret})


async def tested(work: UnitOfWork, _command: WebhookTest, outcome: Mapping[str, Any] | None) -> References:
    """What came of a test that was sent: nothing of it is stored but the answer, under the command's key. Raises
    ``CommandRejected`` where there was nothing to try.
    """
    if outcome is None:
        work.problems.missing("webhook with this id", "webhook")
        work.problems.check()
    return cast("References", dict(outcome or {}))


# ---------------------------------------------------------------- what is checked


async def _lock(work: UnitOfWork, webhook: UUID, expected: int | None) -> Any:
    # First what a worker locks first for each thing that it stores, or the two wait for each other.
    await work.rows(_TURN, webhook)
    rows = await work.rows(_LOCK, webhook)
    if not rows:
        work.problems.missing("webhook with this id", "webhook")
        work.problems.check()
    if expected not in (None, rows[0]["version"]):
        raise version_conflict(rows[0]["version"], expected)
    return rows[0]


async def _check(
    problems: Problems,
    site: Site,
    it: Mapping[str, Any],
    variables: Mapping[str, Any] | None,
    given: Mapping[str, Any] | None = None,
) -> None:
    """Note what is wrong with a webhook as it is to be; of one that is there, as far as that is ``given``."""

    def wanted(*names: str) -> bool:
        return given is None or any(name in given for name in names)

    if wanted("url"):
        try:
            site.check_url(it["url"])
        except BadInput as error:
            problems.invalid(error.message, "url")
    if wanted("roles") and (beyond := sorted(permitted(it["roles"]) - site.permissions)):
        problems.invalid(f"These roles may do what your key may not: {', '.join(beyond)}.", "roles")
    if wanted("document", "variables", "roles") and it["roles"]:
        try:
            await site.check_document(it["document"], variables, it["roles"])
        except BadInput as error:
            problems.invalid(error.message, *(error.path or ("document",)))


def variables_of(row: Any) -> dict[str, Any] | None:
    """A webhook's variables, as its row has them."""
    return _read(row["variables"])


def _read(text: str | None) -> dict[str, Any] | None:
    found: dict[str, Any] | None = None if text is None else orjson.loads(text)
    return found


def _state(status: str, *, paused: bool) -> dict[str, Any]:
    if paused:
        return {} if status == "PAUSED" else {"status": "PAUSED"}
    return {} if status == "ACTIVE" else {"status": "ACTIVE", "reason": None, "failures": 0, "failing_since": None}


def _taken() -> Any:
    return refuse(DUPLICATE, "Another webhook has this name.", "name")
