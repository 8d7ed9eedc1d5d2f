"""The settings, all from environment variables that start with ``ERPGRAPH_``."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import BadInput

CHECKOUT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What can be set; each field's variable is its name in capitals after ``ERPGRAPH_``."""

    model_config = SettingsConfigDict(env_prefix="ERPGRAPH_", frozen=True)

    database_url: str = Field("", description="a PostgreSQL of one's own; empty: the embedded server")
    app_database_url: str = Field("", description="the serving role's own login; empty: DATABASE_URL with SET ROLE")
    data_dir: Path = Field(CHECKOUT / ".data", description="where the embedded server keeps its data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    modules: Annotated[tuple[str, ...], NoDecode] = ("catalog", "partners", "inventory", "sales")
    executor: Literal["breadth-first", "reference"] = "breadth-first"
    environment: Literal["development", "production"] = "development"
    pool_size: int = Field(10, ge=1, le=500, description="database connections for reads, and as many for writes")
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("modules", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def load(**given: object) -> Settings:
    """The settings of the environment; ``given`` ones (that aren't None) go before it.

    Raises ``BadInput`` that names the variable at fault.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "ERPGRAPH_" + "_".join(str(step) for step in first["loc"]).upper()
        raise BadInput(f"{name} is not usable: {first['msg']}.") from None
