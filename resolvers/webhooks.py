"""Mutations of webhooks: what they need of the process that serves, and the secrets and answers that are shown once."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol
from uuid import UUID, uuid4

from core.errors import Forbidden
from core.problems import CommandRejected
from execution import Batch
from loaders.webhooks import WebhookById
from resolvers import commands
from resolvers.commands import Payload, UserErrorRow
from services import webhooks as services
from services.kit.answer import CommandResult
from services.kit.command import Unreadable
from services.kit.work import C, perform
from services.webhooks import WebhookTest

Managed = Callable[..., Awaitable[Any]]
"""A service that has a ``site`` besides (``services.webhooks.Site``)."""


class Post(Protocol):
    """The process's way to receivers (``app.webhooks``)."""

    def check_url(self, url: str) -> None: ...

    async def check_document(
        self, tenant: UUID, document: str, variables: Mapping[str, Any] | None, roles: Iterable[str]
    ) -> None: ...

    def secret(self, webhook: UUID, version: int) -> str: ...

    def public_key(self, webhook: UUID, version: int) -> str: ...

    async def test(self, tenant: UUID, webhook: UUID, key: str | None) -> dict[str, Any] | None: ...


class Caller:
    """What a service needs, of the request that it serves."""

    def __init__(self, context: Any, commit: UUID) -> None:
        self._context, self._post = context, post(context)
        self.permissions: frozenset[str] = context.principal.permissions
        self.commit = commit

    def check_url(self, url: str) -> None:
        self._post.check_url(url)

    async def check_document(self, document: str, variables: Mapping[str, Any] | None, roles: Iterable[str]) -> None:
        await self._post.check_document(self._context.principal.tenant, document, variables, roles)

    def show(self, webhook: UUID, version: int) -> str:
        name = uuid4().hex
        self._context.secrets[name] = self._post.secret(webhook, version)
        return name


def post(context: Any) -> Post:
    """The way to receivers. Raises ``Forbidden`` where the server has none."""
    if context.post is None:
        raise Forbidden("This server has no webhooks: ERPGRAPH_WEBHOOK_KEYS isn't set.")
    found: Post = context.post
    return found


def carry_out(command: type[C], service: Managed) -> Callable[[Batch], Awaitable[list[Payload]]]:
    """The resolver of a mutation whose service has the request's ``Site`` besides."""

    async def resolve(batch: Batch) -> list[Payload]:
        post(batch.context)
        head = await batch.context.settle()
        site = Caller(batch.context, head.commit)
        return await commands.carry_out(command, partial(service, site=site))(batch)

    return resolve


async def test(batch: Batch) -> list[Payload]:
    """Send a test now; nothing is stored of it but the answer, where the command has a key."""
    context = batch.context
    sender = post(context)
    context.check_time()
    tenant, database = context.principal.tenant, context.database
    try:
        command = WebhookTest.read(batch.args["input"])
        answer = await services.answered(database, tenant, command) if command.idempotency_key else None
        if answer is None:
            outcome = await sender.test(tenant, command.webhook, command.idempotency_key)
            service = partial(services.tested, outcome=outcome)
            answer = await perform(database, tenant, context.principal.name, command, service)
    except Unreadable as bad:
        answer = CommandResult({}, tuple(bad.problems))
    except CommandRejected as refused:
        answer = CommandResult({}, refused.problems)
    return [Payload(answer.references, errors=[UserErrorRow.of(each) for each in answer.problems])]


async def shown(batch: Batch) -> list[Any]:
    """The webhooks that commands made or changed; one that was ended as it was."""
    rows = WebhookById.of(batch.context, batch.columns())
    found: list[Any] = []
    for payload in batch.sources:
        ended = payload["ended"]
        if ended:
            found.append({**ended, "id": UUID(ended["id"])})
        else:
            found += [None] if payload["webhook_id"] is None else await rows.load_level([payload["webhook_id"]])
    return found


def secret(batch: Batch) -> list[str | None]:
    """The secrets that were made by this request: not those that an earlier one with the same key has shown."""
    return [batch.context.secrets.get(payload["shown"]) for payload in batch.sources]


def public_keys(batch: Batch) -> list[str]:
    """The keys that receivers check asymmetric signatures with."""
    made = post(batch.context)
    pairs = zip(batch.column("id"), batch.column("secret_version"), strict=True)
    return [made.public_key(UUID(int=id_.int), version) for id_, version in pairs]
