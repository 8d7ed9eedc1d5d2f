"""The databases that tenants may live in: the first, and those of the file ERPGRAPH_DATABASES."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from app.settings import Settings
from core.errors import BadInput
from db.runtime.engine import Target

MAIN = "main"
"""How commands call the first database, which knows where each tenant lives."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(min_length=1)
    app_url: str = ""


_Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
_FILE: TypeAdapter[dict[str, _Entry]] = TypeAdapter(dict[_Name, _Entry])


def others(settings: Settings) -> dict[str, Target]:
    """The databases besides the first, by their names. Raises ``BadInput`` for a file that can't be read or makes no sense."""
    if not settings.databases:
        return {}
    path = Path(settings.databases)
    try:
        entries = _FILE.validate_python(tomllib.loads(path.read_text()))
    except OSError as error:
        raise BadInput(f"ERPGRAPH_DATABASES names {path}, which can't be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"ERPGRAPH_DATABASES names {path}, which is no TOML: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BadInput(f"ERPGRAPH_DATABASES names {path}, whose {place} isn't usable: {first['msg']}.") from None
    if MAIN in entries:
        raise BadInput(f"{path}: {MAIN} is the database of ERPGRAPH_DATABASE_URL. Give this one another name.")
    if settings.pooler != "none" and (bare := [name for name, entry in entries.items() if not entry.app_url]):
        raise BadInput(f"{path}: with ERPGRAPH_POOLER {bare[0]} needs an app_url, which is the pooler's.")
    return {name: Target.of(entry.url, entry.app_url or None) for name, entry in entries.items()}
