"""What an export consists of: written last, so that a folder without it is one whose export didn't end."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, NonNegativeInt, StringConstraints, ValidationError

from core.errors import BadInput
from db.admin import migrate
from db.admin.manifest import digest

NAME = "manifest.json"

FileName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.jsonl$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Company(_Frozen):
    """The tenant whose rows these are."""

    id: UUID
    name: str


class File(_Frozen):
    """The rows of one table, a line each."""

    table: str
    file: FileName
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: Digest


class Manifest(_Frozen):
    """``tables`` in the order in which they can be stored; ``left_out`` says which aren't there, and why."""

    format: Literal[1] = 1
    program: str
    revision: str
    server: NonNegativeInt
    taken_at: AwareDatetime
    tenant: Company
    tables: tuple[File, ...]
    left_out: dict[str, str]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables)

    @property
    def counts(self) -> dict[str, int]:
        """The rows of each table."""
        return {each.table: each.rows for each in self.tables}


async def read(folder: Path, tables: Sequence[str]) -> Manifest:
    """The manifest of a whole export of this program's revision, which has these tables.

    Raises ``BadInput`` where it, or a file that it names, is missing, damaged or another's.
    """
    path = folder / NAME
    try:
        described = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(
            f"{path} can't be read ({error.strerror}). An import needs a folder that 'erpgraph tenant export' has finished: "
            "the manifest is written last. Nothing was imported."
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{path} isn't a manifest that this program can read: {place}: {first['msg']}.") from None
    _check_revision(described)
    names = [each.table for each in described.tables]
    if names != list(tables) or described.counts["tenants"] != 1:
        raise BadInput(f"{path} doesn't describe one tenant's tables, as this program has them. Nothing was imported.")
    for each in described.tables:
        await asyncio.to_thread(_check_file, folder / each.file, each)
    return described


def _check_revision(described: Manifest) -> None:
    if described.revision != migrate.head():
        raise BadInput(
            f"The export is of revision {described.revision}, and this program is at {migrate.head()}: rows of one don't fit "
            f"the tables of the other. erpgraph {described.program} wrote it. Bring both databases to the same program, and "
            "export again. Nothing was imported."
        )


def _check_file(path: Path, described: File) -> None:
    try:
        same = path.stat().st_size == described.bytes and digest(path) == described.sha256
    except OSError as error:
        raise BadInput(f"{path} can't be read ({error.strerror}). Nothing was imported.") from None
    if not same:
        raise BadInput(f"{path} isn't the file that the manifest describes: it is damaged. Nothing was imported.")
