"""The keys that a development server keeps beside the embedded database."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import development
from app.settings import Settings, load
from core import keys as key_format
from db.runtime.engine import Target
from services import demo
from services.platform import keys, tenants

Shown = list[tuple[str, str]]


@pytest.fixture
async def two(fresh: Target, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A database with two tenants, which is migrated: the embedded one's marks need a superuser."""

    async def upgraded(_settings: Settings, _target: Target) -> None:
        pass

    monkeypatch.setattr(development, "upgrade", upgraded)
    for name in ("acme", "globex"):
        await tenants.create(fresh, name, "EUR")
    return fresh


@contextlib.contextmanager
def unseen() -> Iterator[demo.Report]:
    yield lambda _stage, _done, _total: None


async def started(target: Target, folder: Path) -> Shown:
    settings = load(data_dir=folder).model_copy(update={"database_url": ""})
    return await development.prepare(settings, target, lambda _: None, unseen)


def kept(folder: Path) -> Path:
    return folder / development.KEY_FILE


async def in_force(target: Target) -> set[str]:
    """The last characters of the keys that there are."""
    return {key.hint for tenant in await tenants.every(target) for key in await keys.every(target, tenant.id)}


async def test_starts_one_after_the_other_and_at_once_have_the_same_keys(two: Target, tmp_path: Path) -> None:
    first, *others = await asyncio.gather(*(started(two, tmp_path) for _ in range(3)))
    again = await started(two, tmp_path)
    assert [again, *others] == [first] * 3
    assert [name for name, _ in first] == ["acme", "globex"]
    assert [*json.loads(kept(tmp_path).read_text()).values()] == [key for _, key in first]
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert await in_force(two) == {key_format.hint(key) for _, key in first}


async def test_another_database_has_other_keys(two: Target, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    assert not {*await started(two, tmp_path / "a")} & {*await started(two, tmp_path / "b")}


@pytest.mark.parametrize("how", ["revoked", "ending"])
async def test_a_key_that_was_ended_is_not_used_again(two: Target, tmp_path: Path, how: str) -> None:
    (_, old), kept_one = await started(two, tmp_path)
    acme = await tenants.find(two, "acme")
    if how == "revoked":
        await keys.revoke(two, acme, (await keys.every(two, acme))[0].id)
    else:
        await keys.rotate(two, acme, development.KEY_NAME, development.LASTS)
    (_, new), same = await started(two, tmp_path)
    assert new != old
    assert same == kept_one
    assert await in_force(two) == {key_format.hint(new), key_format.hint(same[1])}
    assert await started(two, tmp_path) == [("acme", new), same]


@pytest.mark.parametrize("spoilt", ["", '{"', "[]", "null", "7", '"erp_"', "{}", "open to others", "gone"])
async def test_a_file_that_cannot_be_trusted_is_not_believed(two: Target, tmp_path: Path, spoilt: str) -> None:
    before = await started(two, tmp_path)
    if spoilt == "open to others":
        kept(tmp_path).chmod(0o644)
    elif spoilt == "gone":
        kept(tmp_path).unlink()
    else:
        kept(tmp_path).write_text(spoilt)
    after = await started(two, tmp_path)
    assert not {key for _, key in before} & {key for _, key in after}
    assert kept(tmp_path).stat().st_mode & 0o777 == 0o600
    assert await in_force(two) == {key_format.hint(key) for _, key in after}
    assert await started(two, tmp_path) == after


@pytest.mark.parametrize("planted", ["erp_", "erp_" + "0" * 32 + "_" + "A" * 43, "x\ud800"])
async def test_a_key_that_somebody_wrote_into_the_file_opens_nothing(two: Target, tmp_path: Path, planted: str) -> None:
    acme = await tenants.find(two, "acme")
    kept(tmp_path).touch(0o600)
    kept(tmp_path).write_text(json.dumps({str(acme): planted, str(acme).upper(): 7}))
    shown = await started(two, tmp_path)
    assert planted not in {key for _, key in shown}
    assert await in_force(two) == {key_format.hint(key) for _, key in shown}
