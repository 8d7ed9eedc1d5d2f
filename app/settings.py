"""The settings, all from environment variables that start with ``ERPGRAPH_``."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import BadInput
from core.modules import MODULES

CHECKOUT = Path(__file__).resolve().parent.parent

PREFIX = "ERPGRAPH_"

SECRETS = ("database_url", "app_database_url", "reading_url", "webhook_keys", "relay")
"""Settings that have passwords in them: each may stand in a file, which the variable with ``FILE`` at its end names."""

FILE = "_FILE"

FUZZ = ("FUZZ_FILES", "FUZZ_KILLS", "FUZZ_ROLLUPS", "FUZZ_SEED")
OTHERS = frozenset(
    {"URL", "KEY", "CLIENTS", "CONTRACT", "FUZZ", *FUZZ, "GENERATED", "SCHEMA_BASE", "SCREENSHOTS", "TEST_RUN"}
)
"""Variables that aren't the server's, after the prefix: the examples' and the tests'."""


SHORTEST_KEY = 32
"""Characters of a key that secrets are made of: whoever guesses one has them all."""

TRACING = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.exporter.otlp")
"""Packages that traces need, each after the one that it is in."""

BROKERS = {
    "nats": ("nats", "nats"),
    "tls": ("nats", "nats"),
    "amqp": ("rabbitmq", "aio_pika"),
    "amqps": ("rabbitmq", "aio_pika"),
    "kafka": ("kafka", "aiokafka"),
    "kafkas": ("kafka", "aiokafka"),
}
"""The kinds of brokers by the schemes of their URLs (``app.relay.sinks``), each with the package that it needs."""

_HOST = re.compile(r"\*|\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", re.ASCII)
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", re.ASCII)


def _host(value: str) -> str:
    if not _HOST.fullmatch(value):
        raise ValueError(f"{value!r} is no name such as erp.example")
    return value


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError(f"{value!r} is no origin such as https://shop.example")
    return value


class Settings(BaseSettings):
    """What can be set; each field's variable is its name in capitals after ``ERPGRAPH_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    database_url: str = Field("", description="your own PostgreSQL; empty: the embedded server")
    app_database_url: str = Field("", description="the serving role's own login; empty: DATABASE_URL with SET ROLE")
    reading_url: str = Field("", description="the serving role's login to a standby that queries read from")
    reading_lag: float = Field(5, gt=0, le=3600, description="seconds that the standby may be behind")
    pooler: Literal["none", "session", "transaction"] = Field(
        "none", description="whether APP_DATABASE_URL is a pooler's, and what it lends a connection for"
    )
    databases: str = Field("", description="a TOML file with further databases that tenants may live in")
    data_dir: Path = Field(CHECKOUT / ".data", description="where the embedded server keeps its data")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65_535)
    uds: str = Field("", description="a socket in the file system to listen on, in place of a port")
    workers: int = Field(1, ge=1, le=64, description="processes that serve")
    modules: Annotated[tuple[str, ...], NoDecode] = MODULES
    executor: Literal["breadth-first", "reference"] = "breadth-first"
    environment: Literal["development", "production"] = "development"
    explorer: bool = Field(default=True, description="whether browsers get the explorer at /graphql")
    introspection: bool = Field(default=True, description="whether anybody may read the schema from the server")
    pool_size: int = Field(10, ge=1, le=500, description="database connections for reads, and as many for writes")
    limit_characters: int = Field(15_000, ge=100, description="characters of a document")
    limit_tokens: int = Field(1_000, ge=10, description="tokens of a document")
    limit_depth: int = Field(20, ge=1, description="levels of a document")
    limit_fields: int = Field(2_000, ge=1, description="fields of an operation, fragments put in place")
    limit_aliases: int = Field(50, ge=0, description="aliases of an operation")
    limit_root_fields: int = Field(20, ge=1, description="root fields of a query")
    limit_mutations: int = Field(10, ge=1, description="mutations of a request")
    limit_directives: int = Field(5, ge=0, description="directives at one place")
    limit_overlaps: int = Field(8_000, ge=0, description="comparisons of fields with one place in the answer")
    limit_operations: int = Field(20, ge=1, description="operations of a document")
    limit_fragments: int = Field(50, ge=0, description="fragments of a document")
    limit_definitions: int = Field(100, ge=0, description="variables that a document defines")
    limit_usages: int = Field(500, ge=0, description="uses of variables, fragments put in place")
    limit_values: int = Field(300, ge=0, description="literals of a document")
    limit_list: int = Field(500, ge=1, description="entries of a list in the variables")
    limit_nodes: int = Field(
        10_000, ge=100, description="values in the variables, and fields that their objects may have"
    )
    limit_nesting: int = Field(50, ge=1, description="levels of the variables")
    limit_cost: int = Field(1_000_000, ge=1, description="objects that an operation may read")
    price_by_data: bool = Field(
        default=True, description="whether prices go by how many rows a tenant's relations have"
    )
    limit_answer: int = Field(16_777_216, ge=1_024, description="bytes of an answer")
    limit_body: int = Field(1_048_576, ge=1_024, description="bytes of a request")
    limit_variables: int = Field(262_144, ge=64, description="bytes of a request besides its document")
    limit_seconds: float = Field(5, gt=0, le=600, description="seconds that a query may take")
    limit_in_flight: int = Field(50, ge=1, description="requests of a key that a process serves at a time")
    limit_in_flight_tenant: int = Field(200, ge=1, description="requests of all of a tenant's keys together")
    budget: int = Field(1_000_000, ge=1, validate_default=True, description="objects that a key may read at once")
    budget_rate: int = Field(100_000, ge=1, description="objects that it may read per second besides")
    budget_tenant: int = Field(4, ge=1, description="how many times as much all of a tenant's keys may read together")
    failed_attempts: int = Field(30, ge=1, description="wrong keys and tokens that an address may send in a minute")
    token_keys: str = Field("", description="the JWK set that tokens are signed with: an address or a file")
    token_keys_refresh: int = Field(600, ge=10, le=86_400, description="seconds until the JWK set is read again")
    token_issuer: str = Field("", description="who issues tokens: their claim iss")
    token_audience: str = Field("", description="for whom tokens are: one of their claim aud")
    token_tenant_claim: str = Field("tenant", min_length=1, description="the claim with the tenant's id or name")
    token_roles_claim: str = Field("roles", min_length=1, description="the claim with the roles")
    token_partner_claim: str = Field("partner", min_length=1, description="the claim with a business partner's code")
    token_leeway: int = Field(60, ge=0, le=300, description="seconds that clocks may differ")
    token_trusted_only: bool = Field(default=False, description="whether tokens run trusted documents only")
    trusted_documents: str = Field("", description="a manifest of known documents, or a folder of such files")
    trusted_only: bool = Field(default=False, description="whether nobody may run any others")
    persisted_documents: int = Field(2_000, ge=0, description="documents that clients persist by their hash; 0: none")
    persisted_bytes: int = Field(16_777_216, ge=1_024, description="bytes that those have at most")
    allowed_hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode] = ()
    cors_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode] = ()
    hsts_seconds: int = Field(0, ge=0, description="how many seconds browsers must use https only")
    feed_days: int = Field(30, ge=1, le=3_650, description="days that the log of commits is kept, which feeds read")
    webhook_keys: str = Field("", description="the keys that webhooks' secrets are made of; the first makes new ones")
    webhook_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    relay: Annotated[tuple[str, ...], NoDecode] = ()
    drain_seconds: float = Field(0, ge=0, le=300, description="seconds that it keeps serving after SIGTERM, not ready")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field("text", description="what a line of the log is")
    metrics_port: int = Field(0, ge=0, le=65_535, description="the port of /metrics; 0: none")
    metrics_host: str = Field("127.0.0.1", description="the address of /metrics")
    traces: Literal["off", "otlp"] = Field("off", description="where OpenTelemetry's spans go; OTEL_* says to whom")
    request_log: Literal["all", "notable", "off"] = Field(
        "all", description="which requests have a line in the log; notable: those that are slow or have errors"
    )
    slow_milliseconds: int = Field(1_000, ge=1, description="milliseconds from which on a request is slow")

    @property
    def largest_body(self) -> int:
        """Bytes that are read of a request: those of its variables, and of its document with every character escaped.

        A body is parsed before it is known what of it is the document.
        """
        return min(self.limit_body, self.limit_variables + 6 * self.limit_characters)

    @field_validator("budget")
    @classmethod
    def _affordable(cls, value: int, others: ValidationInfo) -> int:
        if value < others.data.get("limit_cost", 0):
            raise ValueError("it is less than ERPGRAPH_LIMIT_COST: some requests could never be paid for")
        return value

    @field_validator("metrics_port")
    @classmethod
    def _apart(cls, value: int, others: ValidationInfo) -> int:
        last = value + others.data.get("workers", 1) - 1
        if last > 65_535:
            raise ValueError("each worker has the next port, and there are none beyond 65535")
        if value and not others.data.get("uds") and value <= others.data.get("port", 0) <= last:
            raise ValueError("ERPGRAPH_PORT is one of its ports, and figures are not for everybody who may query")
        return value

    @field_validator("traces")
    @classmethod
    def _installed(cls, value: str) -> str:
        if value != "off" and not all(map(find_spec, TRACING)):
            raise ValueError("it needs the packages of the extra erpgraph[traces], which aren't installed")
        return value

    @field_validator("pooler")
    @classmethod
    def _beside(cls, value: str, others: ValidationInfo) -> str:
        if value != "none" and not others.data.get("app_database_url"):
            raise ValueError("ERPGRAPH_APP_DATABASE_URL must be the pooler's; migrations go to the server itself")
        return value

    @field_validator("webhook_keys")
    @classmethod
    def _long(cls, value: str) -> str:
        if value and any(len(key) < SHORTEST_KEY or key != key.strip() for key in value.split(",")):
            raise ValueError(f"each key has at least {SHORTEST_KEY} characters; 'openssl rand -hex 32' makes one")
        return value

    @field_validator("relay")
    @classmethod
    def _brokers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for url in value:
            scheme = url.partition(":")[0]
            if scheme not in BROKERS:
                # Not the URL itself: there may be a password in it.
                raise ValueError(f"each is a broker's URL, which starts with {', '.join(BROKERS)}")
            if find_spec(BROKERS[scheme][1]) is None:
                raise ValueError("it needs the packages of the extra erpgraph[relay], which aren't installed")
        return value

    @field_validator("modules", "allowed_hosts", "cors_origins", "webhook_networks", "relay", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def load(**given: object) -> Settings:
    """The settings of the environment; ``given`` ones (that aren't None) go before it.

    Raises ``BadInput`` that names the variable at fault: a value that makes no sense, a name that no setting has, a file
    that can't be read.
    """
    _refuse_unknown(os.environ)
    chosen = {**_from_files(os.environ), **{name: value for name, value in given.items() if value is not None}}
    try:
        return Settings(**chosen)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{PREFIX}{first['loc'][0]}".upper()
        raise BadInput(f"{name} is not usable: {first['msg'].removeprefix('Value error, ')}.") from None


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    """A misspelt limit would be none."""
    names = [f"{PREFIX}{name}".upper() for name in Settings.model_fields]
    known = {*names, *(f"{PREFIX}{name}{FILE}".upper() for name in SECRETS), *(PREFIX + name for name in OTHERS)}
    for given in sorted(environment):
        if given.upper().startswith(PREFIX) and given.upper() not in known:
            near = get_close_matches(given[len(PREFIX) :].upper(), map(str.upper, Settings.model_fields), 1)
            meant = f" Is {PREFIX}{near[0]} meant?" if near else " README.md has the list."
            raise BadInput(f"{given} is no setting of this server.{meant}")


def _from_files(environment: Mapping[str, str]) -> dict[str, object]:
    """The settings whose variables name a file, as the secrets of containers come."""
    found: dict[str, object] = {}
    for name in SECRETS:
        variable = f"{PREFIX}{name}".upper()
        path = environment.get(variable + FILE)
        if not path:
            continue
        if environment.get(variable):
            raise BadInput(f"{variable} and {variable}{FILE} are both set: which one counts would be a guess.")
        try:
            found[name] = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise BadInput(f"{variable}{FILE} names {path}, which can't be read: {reason}.") from None
    return found
