"""How much receipts and bills may differ from what was ordered."""

import strawberry

from resolvers import purchasing as resolvers
from schema.commands import UserError, changed, mutation, user_errors
from schema.fields import batched, fact
from schema.scalars import Decimal
from services import purchasing as services


@strawberry.type(description="How much receipts and bills may differ from what was ordered; 0 at first.")
class PurchaseSettings:
    over_receipt_percent: Decimal = fact(
        "How many per cent more than ordered may come of a line that doesn't say it itself.", "over_receipt_percent"
    )
    price_tolerance_percent: Decimal = fact(
        "How many per cent dearer a billed unit may be. Bills aren't there yet.", "price_tolerance_percent"
    )
    price_tolerance_amount: Decimal = fact(
        "How much dearer a billed line may be, in the tenant's currency; the smaller of both holds. Bills aren't there yet.",
        "price_tolerance_amount",
    )
    version: int = fact("Rises with every change; for expectedVersion.", "version")


@strawberry.type(description="The tolerances from now on, or the problems.")
class PurchaseSettingsPayload:
    settings: PurchaseSettings | None = batched(
        changed("The tolerances as they are now"),
        resolvers.settings(lambda batch: batch.column("tenant_id")),
        needs=["tenant_id"],
        permission="purchasing:read",
    )
    user_errors: list[UserError] = user_errors()


@strawberry.type
class SettingsQuery:
    purchase_settings: PurchaseSettings = batched(
        "How much receipts and bills may differ from what was ordered.",
        resolvers.settings(lambda batch: [batch.context.reader.tenant]),
        permission="purchasing:read",
    )


@strawberry.type
class SettingsMutation:
    purchase_settings_update: PurchaseSettingsPayload | None = mutation(
        "Changes how much receipts and bills may differ from what was ordered. Orders that are confirmed keep theirs for receipts.",
        services.PurchaseSettingsUpdate,
        services.update_settings,
        "bills:approve",
    )
