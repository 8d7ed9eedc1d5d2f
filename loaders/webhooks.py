"""Webhooks, and what was sent to them."""

from core.webhooks import WebhookDeliveryStatus, WebhookStatus
from db.webhooks import Webhook, WebhookDelivery
from loaders.kit import filters
from loaders.kit.entity import ASC, DESC, Entity, Sort
from loaders.kit.many import Many
from loaders.kit.one import One

webhooks = Entity(
    Webhook,
    "Webhook",
    "hook",
    "webhooks:manage",
    filters={
        "name": filters.text(Webhook.name, "By what people call them."),
        "status": filters.choice(Webhook.status, WebhookStatus, "By whether they are sent to."),
    },
    sorts={"NAME": Sort(Webhook.name)},
    default=(("NAME", ASC),),
)
deliveries = Entity(
    WebhookDelivery,
    "WebhookDelivery",
    "dlv",
    "webhooks:manage",
    filters={
        "status": filters.choice(WebhookDelivery.status, WebhookDeliveryStatus, "By whether they were taken."),
        "firstAttemptAt": filters.moment(
            WebhookDelivery.first_attempt_at, "By when they were sent for the first time."
        ),
    },
    sorts={"FIRST_ATTEMPT_AT": Sort(WebhookDelivery.first_attempt_at)},
    default=(("FIRST_ATTEMPT_AT", DESC),),
)


class WebhookById(One):
    entity = webhooks


class Webhooks(Many):
    entity = webhooks


class DeliveryById(One):
    entity = deliveries


class DeliveriesOf(Many):
    entity = deliveries
    key = "webhook_id"
