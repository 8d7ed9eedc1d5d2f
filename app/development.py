"""What a development server has ready: tables, demo data, and a key for two tenants (docs/decisions/0027-development-keys.md)."""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from app.database import upgrade
from app.settings import Settings
from db.admin import embedded
from db.runtime.engine import Target
from services import demo
from services.platform import keys, tenants
from services.platform.tenants import Tenant

KEY_NAME = "serve"
"""The name of the keys that a development server creates."""

KEY_FILE = "development-keys.json"
"""Where those of the embedded database are, in the data folder: that database and this file lie behind one lock."""

LASTS = timedelta(days=1)
"""How long such a key lasts in a database of one's own, where nothing keeps it: each start creates another."""

FILE_LOOK_EVERY = 0.05
"""Seconds between two looks at the file while another process that starts has it."""

Say = Callable[[str], None]
Progress = Callable[[], AbstractContextManager[demo.Report]]


async def prepare(settings: Settings, target: Target, say: Say, progress: Progress) -> list[tuple[str, str]]:
    """Migrate, load demo data where there is nothing, and find or create the keys: pairs of a tenant's name and its key.

    Progress is shown while data are loaded and not longer: bars that go on would be drawn over the keys.
    """
    say("Migrating")
    await upgrade(settings, target)
    if await demo.is_empty(target):
        say("Loading demo data")
        with progress() as report:
            await demo.load(target, demo.Size.SMALL, report)
    oldest = sorted(
        (each for each in await tenants.every(target) if each.database is None),
        key=lambda tenant: (tenant.created_at, tenant.name),
    )[:2]
    shown = sorted(oldest, key=lambda tenant: tenant.name)
    if settings.database_url:
        return [(tenant.name, await _passing(target, tenant)) for tenant in shown]
    async with _kept(settings.data_dir / KEY_FILE) as kept:
        return [(tenant.name, await _lasting(target, tenant, kept)) for tenant in shown]


async def _lasting(target: Target, tenant: Tenant, kept: dict[str, str]) -> str:
    """The key in the file while it is in force, so that another start or process leaves it alone; else a new one in place of
    all before.
    """
    name = str(tenant.id)
    if name not in kept or not await keys.lasts(target, tenant.id, kept[name]):
        kept[name] = await keys.create(target, tenant.id, KEY_NAME, replace=True)
    return kept[name]


async def _passing(target: Target, tenant: Tenant) -> str:
    await keys.forget_ended(target, tenant.id, KEY_NAME)
    return await keys.create(target, tenant.id, KEY_NAME, expires_at=datetime.now(UTC) + LASTS)


@contextlib.asynccontextmanager
async def _kept(path: Path) -> AsyncIterator[dict[str, str]]:
    """The keys in the file by their tenant's id, for one process at a time; what is changed in here is written."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        while not embedded.lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB):  # noqa: ASYNC110 - a lock of the kernel's has no event
            await asyncio.sleep(FILE_LOOK_EVERY)
        kept = _read(file)
        before = dict(kept)
        yield kept
        if kept != before:
            file.seek(0)
            file.truncate()
            json.dump(kept, file, indent=2)


def _read(file: TextIO) -> dict[str, str]:
    """What the file holds; nothing where it was cut short, or where others could read it and may know the keys."""
    if os.fstat(file.fileno()).st_mode & 0o077:
        os.fchmod(file.fileno(), 0o600)
        return {}
    try:
        found = json.load(file)
    except ValueError:
        return {}
    return {str(name): str(key) for name, key in found.items()} if isinstance(found, dict) else {}
