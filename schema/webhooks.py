"""Webhooks: addresses that are told what happens."""

from typing import Any

import strawberry

from core.webhooks import LIMIT_REACHED, WebhookDeliveryStatus, WebhookStatus
from db import webhooks as tables
from execution import BatchField, argument
from loaders import webhooks as loaders
from loaders.events import EventById
from resolvers import webhooks as resolvers
from schema.commands import ERRORS, UserError, changed, error_type, lines, user_errors
from schema.events import Event
from schema.fields import (
    batched,
    choice,
    column,
    computed,
    fact,
    guarded,
    many,
    moment,
    node_id,
    node_type,
    one,
)
from schema.inputs import enum_type, input_type, where_input
from schema.module import Module
from schema.scalars import DateTime
from schema.shared import Connection, Node
from services import webhooks as services
from services.kit.command import Command

enum_type(WebhookStatus)
enum_type(WebhookDeliveryStatus)

PERMISSION = "webhooks:manage"


@node_type(loaders.deliveries, "What was sent to a webhook in one request, or waits to be, and how often it was tried.")
class WebhookDelivery(Node):
    id: strawberry.ID = node_id(loaders.deliveries)
    message_id: str = column(
        tables.WebhookDelivery.message_id,
        "What the receiver gets as webhook-id: the same each time, also when it is sent again.",
    )
    event: Event | None = one(tables.WebhookDelivery.event_id, EventById, "The first event that it reports.")
    status: WebhookDeliveryStatus = choice(
        tables.WebhookDelivery.status, WebhookDeliveryStatus, "Whether it was taken."
    )
    attempts: int = column(
        tables.WebhookDelivery.attempts, "How often it was sent; 0 where it waits behind another one of its record."
    )
    response_status: int | None = column(
        tables.WebhookDelivery.response_status, "The HTTP status of the last answer; null where there was none."
    )
    failure: str | None = column(
        tables.WebhookDelivery.failure, "What went wrong the last time, for people; null where nothing did."
    )
    milliseconds: int | None = column(
        tables.WebhookDelivery.milliseconds,
        "How long the last answer took, in milliseconds; null where there was none.",
    )
    first_attempt_at: DateTime = moment(
        tables.WebhookDelivery.first_attempt_at, "When it was sent for the first time, or put in line."
    )
    last_attempt_at: DateTime = moment(tables.WebhookDelivery.last_attempt_at, "When it was sent last, or put in line.")
    next_attempt_at: DateTime | None = moment(
        tables.WebhookDelivery.next_attempt_at,
        "When it is sent again; null where it isn't, or where it waits behind another one of its record.",
    )


WebhookWhere = where_input(loaders.webhooks, "webhooks")
WebhookDeliveryWhere = where_input(loaders.deliveries, "deliveries")


@node_type(
    loaders.webhooks,
    "An address that what happens is sent to, by the rules of standardwebhooks.com: signed, again until it is taken, and for each"
    " record in the order in which it happened.",
)
class Webhook(Node):
    id: strawberry.ID = node_id(loaders.webhooks)
    name: str = column(tables.Webhook.name, "Its name as people read it; unique.")
    url: str = column(
        tables.Webhook.url, "Where deliveries are sent: https, and an address that the whole internet can reach."
    )
    document: str = column(
        tables.Webhook.document,
        "The subscription that decides what is sent: its where which events, its selection what of them.",
    )
    roles: list[str] = fact("The roles with whose permissions the document is read.", "roles", size=20)
    status: WebhookStatus = choice(tables.Webhook.status, WebhookStatus, "Whether it is sent to, and why not.")
    reason: str | None = column(
        tables.Webhook.reason, "Why it is FAILING or STOPPED, for people; null where it is neither."
    )
    batch: int = column(tables.Webhook.batch, "How many events go into a delivery at most.")
    version: int = column(tables.Webhook.version, "Rises with every change of the webhook; for expectedVersion.")
    public_key: str = computed(
        "The key that receivers of asymmetric signatures check with: whpk_…",
        resolvers.public_keys,
        ["id", "secret_version"],
    )
    delivered_up_to: DateTime = moment(
        tables.Webhook.delivered_at,
        "How far it has read: what was stored before this time was sent, or waits among its deliveries.",
    )
    failing_since: DateTime | None = moment(
        tables.Webhook.failing_since, "Since when nothing has been taken; null where the last delivery was."
    )
    deliveries: Connection[WebhookDelivery] = many(
        "What was sent, and what waits, newest first. Kept for seven days; those that were given up for thirty.",
        loaders.DeliveriesOf,
        "id",
        where=WebhookDeliveryWhere,
    )


@strawberry.type
class Query:
    webhooks: Connection[Webhook] = many("The tenant's webhooks, by name.", loaders.Webhooks, where=WebhookWhere)


@error_type("There are as many as the tenant may have.", LIMIT_REACHED)
class LimitReachedError(UserError):
    pass


def _webhook(what: str) -> Any:
    return batched(changed(what), resolvers.shown, needs=["webhook_id"], permission=PERMISSION)


@strawberry.type(description="A webhook and its secret, or the problems.")
class WebhookSecretPayload:
    webhook: Webhook | None = _webhook("The webhook")
    secret: str | None = batched(
        "The secret that receivers check symmetric signatures with: whsec_… Shown once, and not again to a retry with the same"
        " idempotencyKey.",
        resolvers.secret,
        needs=["webhook_id"],
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="A webhook after it was changed or ended, or the problems.")
class WebhookPayload:
    webhook: Webhook | None = _webhook("The webhook, as it was where it was ended")
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="What the receiver answered to a test, or the problems.")
class WebhookTestPayload:
    response_status: int | None = fact("The HTTP status of the answer; null where there was none.", "response_status")
    failure: str | None = fact("What went wrong, for people; null where it was taken.", "failure")
    milliseconds: int | None = fact(
        "How long the answer took, in milliseconds; null where there was none.", "milliseconds"
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type(description="How much is sent again, or the problems.")
class WebhookReplayPayload:
    webhook: Webhook | None = _webhook("The webhook")
    count: int = batched(
        "How many deliveries or commits were put back in line.",
        lambda batch: [payload["count"] or 0 for payload in batch.sources],
        needs=["count"],
    )
    user_errors: list[UserError] = user_errors()


def managed(description: str, command: type[Command], resolve: Any) -> Any:
    """A mutation whose service has the request's site besides."""
    text = "The command's input, with the idempotencyKey that makes a retry safe."
    given = argument("input", input_type(command), text)
    return BatchField(resolve, arguments=[given], rows=lines, **guarded(description, PERMISSION))


@strawberry.type
class Mutation:
    webhook_create: WebhookSecretPayload | None = managed(
        "Creates a webhook: what happens from now on is sent to its address. Its roles may do nothing that the caller may not.",
        services.WebhookCreate,
        resolvers.carry_out(services.WebhookCreate, services.create),
    )
    webhook_update: WebhookPayload | None = managed(
        "Changes a webhook, pauses it or resumes it. What waits is sent to the new address with the new document.",
        services.WebhookUpdate,
        resolvers.carry_out(services.WebhookUpdate, services.update),
    )
    webhook_secret_rotate: WebhookSecretPayload | None = managed(
        "Creates another secret. Until the overlap is over each delivery carries signatures by both.",
        services.WebhookSecretRotate,
        resolvers.carry_out(services.WebhookSecretRotate, services.rotate),
    )
    webhook_test: WebhookTestPayload | None = managed(
        "Sends one event of type webhook.tested now, and reports what the receiver answered.",
        services.WebhookTest,
        resolvers.test,
    )
    webhook_replay: WebhookReplayPayload | None = managed(
        "Sends again what was sent or given up: some deliveries, or all since a time. Receivers know a repeated event by its id.",
        services.WebhookReplay,
        resolvers.carry_out(services.WebhookReplay, services.replay),
    )
    webhook_delete: WebhookPayload | None = managed(
        "Ends a webhook: nothing is sent any more, and what waited is dropped.",
        services.WebhookDelete,
        resolvers.carry_out(services.WebhookDelete, services.delete),
    )


MODULE = Module(
    "webhooks",
    Query,
    mutation=Mutation,
    nodes=(loaders.WebhookById, loaders.DeliveryById),
    types=(*ERRORS, LimitReachedError),
)
