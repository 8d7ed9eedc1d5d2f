"""What every table shares: the key, the tenant, the types, the names of constraints.

Every tenant table's primary key is ``(tenant_id, id)`` and every foreign key carries
``tenant_id``: a reference to another tenant's row cannot exist (docs/decisions/0001-tenancy.md).
"""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CHAR,
    CheckConstraint,
    DateTime,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from core.ids import new_id

KEY_TEXT = Text(collation="C")
"""Keys that people type (sku, code, number). "C": the same order on every server, and an index
that serves equality, prefixes and sorting alike. The embedded server has no ICU."""

CURRENCY = CHAR(3)


class Quantity(Numeric[Decimal]):
    """``numeric(20,6)``: units of a product. Leaves the database as text without trailing zeros."""

    def __init__(self) -> None:
        super().__init__(20, 6)


class Amount(Numeric[Decimal]):
    """``numeric(20,6)``: money. Leaves the database as text with six decimals; core.money cuts it."""

    def __init__(self) -> None:
        super().__init__(20, 6)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), UUID: Uuid, str: Text}


class TenantRow:
    """A row of one tenant: the two key columns and the time it was made."""

    tenant_id: Mapped[UUID] = mapped_column(sort_order=-20)
    id: Mapped[UUID] = mapped_column(default=new_id, sort_order=-19)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Any, ...]:  # noqa: N805 - SQLAlchemy gives the class
        return tenant_args()


class Versioned:
    """A record that people change: a counter that rises with every change, and when that was."""

    version: Mapped[int] = mapped_column(server_default=text("1"), default=1, sort_order=80)
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


class Archived:
    """A record that may be taken out of use: since when it is."""

    archived_at: Mapped[datetime | None] = mapped_column(sort_order=92)


def tenant_args(*more: Any) -> tuple[Any, ...]:
    """``__table_args__`` of a tenant table: its primary key, its tenant, and what it has besides."""
    return (
        PrimaryKeyConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        *more,
    )


def tenant_fk(column: str, table: str, **options: Any) -> ForeignKeyConstraint:
    """A foreign key within the tenant: ``tenant_fk("product_id", "products")``."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], **options)


def no_nan(*columns: str) -> CheckConstraint:
    """None of these is NaN, which PostgreSQL holds for greater than every number: a balance of it would never be
    used up, and no other check would mind.
    """
    return CheckConstraint(" AND ".join(f"{column} <> 'NaN'" for column in columns), name="no_nan")


LEFT_OUT, MOVES = "left out", "moves"


def left_out(reason: str, *, moves: bool = False) -> dict[str, str]:
    """``info`` of a table or column that stays behind when its tenant is exported, and why. All others go along. ``moves``: it goes
    along where the tenant itself moves, and there is no second one afterwards.
    """
    return {LEFT_OUT: reason} | ({MOVES: reason} if moves else {})


BY_TRIGGER = left_out("a trigger works it out again")

PERSONAL = "personal"
ERASED = "erased"
"""What stands where a person's data stood."""


class Personal(NamedTuple):
    """How a column's personal data are found and replaced: the condition on the rows of the partner ``$2``, and SQL for what
    takes the place of a value; None for JSON whose texts are looked through.
    """

    whose: str
    becomes: str | None


def personal(whose: str, becomes: str | None = f"'{ERASED}'") -> dict[str, Personal]:
    """``info`` of a column that may have a person's data: ``erpgraph partner erase`` replaces them
    (docs/decisions/0051-erasing-a-person.md)."""
    return {PERSONAL: Personal(whose, becomes)}


def tenant_index(name: str, *columns: Any, **options: Any) -> Index:
    """An index that starts with the tenant, as every index of a tenant table does."""
    return Index(name, "tenant_id", *columns, **options)


def search_index(name: str, *folded: str) -> Index:
    """One GIN index for the search and for every contains and startsWith: its columns are independent.

    A trigger fills ``search`` and the folded columns by the functions that the queries use too
    (docs/decisions/0021-one-way-to-read-text.md).
    """
    trigrams = dict.fromkeys(folded, "gin_trgm_ops")
    return tenant_index(name, "search", *folded, postgresql_using="gin", postgresql_ops=trigrams)


__all__ = [
    "BY_TRIGGER",
    "CURRENCY",
    "ERASED",
    "KEY_TEXT",
    "LEFT_OUT",
    "PERSONAL",
    "TSVECTOR",
    "Amount",
    "Archived",
    "Base",
    "Quantity",
    "TenantRow",
    "Versioned",
    "left_out",
    "no_nan",
    "personal",
    "search_index",
    "tenant_args",
    "tenant_fk",
    "tenant_index",
]
