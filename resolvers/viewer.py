"""Who is asking."""

from typing import Any

from execution import Batch
from loaders.tenants import TenantById


def viewer(batch: Batch) -> list[Any]:
    return [batch.context.principal]


async def tenant(batch: Batch) -> list[Any]:
    keys = [principal.tenant for principal in batch.sources]
    return await TenantById.of(batch.context, batch.columns()).load_level(keys)


def name(batch: Batch) -> list[str]:
    return [principal.name for principal in batch.sources]


def roles(batch: Batch) -> list[list[str]]:
    return [list(principal.roles) for principal in batch.sources]


def permissions(batch: Batch) -> list[list[str]]:
    return [sorted(principal.permissions) for principal in batch.sources]
