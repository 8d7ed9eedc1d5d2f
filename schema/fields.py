"""The kinds of fields: how each is declared once, for both executors."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import strawberry
from sqlalchemy import Numeric
from sqlalchemy.orm import InstrumentedAttribute

from core.choices import Choice
from core.paging import DEFAULT_PAGE, MAX_PAGE
from execution import POINT, Args, BatchField, argument, number
from loaders.kit import filter_prices
from loaders.kit.entity import Entity
from loaders.kit.kept import kept
from loaders.kit.many import Many
from loaders.kit.one import One
from loaders.kit.search import SEARCH_PRICE
from loaders.kit.usual import whole
from resolvers import columns, relations
from schema.module import WrongDeclaration
from schema.scalars import CurrencyCode

T = TypeVar("T", bound=type)
V = TypeVar("V")
C = TypeVar("C", bound=Choice)

NUMBER = 8
"""About how many characters a decimal number has in an answer, with its quotes. To measure each of them, and each
currency, took a fifteenth of the time of a page of 250 orders."""

CURRENCY = 5
"""Characters of a currency."""


def node_type(entity: Entity[Any], description: str) -> Callable[[T], T]:
    """A type that is read from a table: ``@node_type(products, "Something that …")``."""

    def decorate(cls: T) -> T:
        # An object of an interface is of the type whose rows are of this class.
        cls.is_type_of = staticmethod(lambda row, _info: type(row) is entity.row)  # type: ignore[attr-defined]  # graphql-core looks for it there
        return strawberry.type(cls, description=description)

    return decorate


def column(of: InstrumentedAttribute[V], description: str) -> V:
    """A stored value as it is: text, a quantity, a whole number, a flag. A column that isn't there, or of another type than
    the field, is an error to mypy."""
    return cast("V", fact(description, of.key, width=NUMBER if isinstance(of.type, Numeric) else None))


def fact(description: str, name: str, **options: Any) -> Any:
    """A value of a row that isn't a table's, such as what a command was refused for."""
    return BatchField(columns.stored(name), needs=[name], final=True, description=description, **options)


def choice(of: InstrumentedAttribute[str], choices: type[C], description: str) -> C:  # noqa: ARG001 - it gives the type
    """A stored name of a set of choices."""
    return cast("C", fact(description, of.key))


def choices(of: InstrumentedAttribute[list[str]], choices: type[C], description: str) -> list[C]:  # noqa: ARG001 - it gives the type
    """Several stored names of a set of choices."""
    return cast("list[C]", fact(description, of.key))


def currency(of: InstrumentedAttribute[str], description: str) -> CurrencyCode:
    """A stored currency."""
    return cast("CurrencyCode", fact(description, of.key, width=CURRENCY))


def node_id(entity: Entity[Any]) -> Any:
    prefix = entity.prefix
    return BatchField(
        columns.identifier(prefix),
        needs=["id"],
        final=True,
        width=len(prefix) + 35,
        description=f"Opaque and unique over all types: {prefix}_ and 32 hex digits. For node, and for caches.",
    )


def moment(of: InstrumentedAttribute[V], description: str) -> V:
    """A stored time, in UTC."""
    read = columns.moment(of.key)
    return cast("V", BatchField(read, needs=[of.key], final=True, width=22, description=description))


def money(
    amount: InstrumentedAttribute[Any], currency: InstrumentedAttribute[Any], description: str, *, total: bool = False
) -> Any:
    """A stored amount with its currency. A ``total`` has exactly the currency's minor digits."""
    needs = [amount.key, currency.key]
    # Two leaves of the row; what is around them costs nothing.
    return BatchField(columns.money(*needs, total=total), needs=needs, cost=0, description=description)


def same(description: str, *needs: str, permission: str | None = None, **options: Any) -> Any:
    """An object made of the same row."""
    return BatchField(columns.same, needs=needs, passes=True, **guarded(description, permission), **options)


def guarded(description: str, permission: str | None) -> dict[str, Any]:
    """The options of a field that needs a permission, and says so."""
    text = description if permission is None else f"{description} Needs {permission}."
    return {"description": text, "permission": permission}


def one(of: InstrumentedAttribute[Any], loader: type[One], description: str) -> Any:
    """To one: the row that a column refers to."""
    return referred(description, loader, of.key)


def referred(description: str, loader: type[One], key: str, name: str | None = None) -> Any:
    """To one: the row that a value of a row refers to which isn't a table's, such as what a command created."""
    options = guarded(description, loader.entity.permission)
    return BatchField(relations.one(loader, key), needs=[key], name=name, **options)


def many(
    description: str,
    loader: type[Many],
    key: str | None = None,
    *,
    where: Any = None,
    order: Any = None,
    search: str | None = None,
) -> Any:
    """To many: a connection, with the arguments that its entity can serve."""
    arguments = [
        argument(
            "first",
            int | None,
            f"How many rows from the start: 0 to {MAX_PAGE}, {DEFAULT_PAGE} where neither first nor last is given.",
        ),
        argument("after", str | None, "Only rows after the one with this cursor."),
        argument("last", int | None, f"How many rows from the end: 0 to {MAX_PAGE}. Not together with first."),
        argument("before", str | None, "Only rows before the one with this cursor."),
    ]
    if where is not None:
        arguments.append(argument("where", where | None, "Only rows that meet these conditions."))
    if order is not None:
        text = "Up to three sorts, of which the first counts most; rows with equal values are sorted by id."
        arguments.append(argument("orderBy", list[order] | None, text))
    if search is not None:
        text = (
            f"Only rows that have all of these words, each as the beginning of a word, in {search}; rows with the whole text as"
            " their key are found, too, and come first. A text without a word finds only those; null is no search. At most"
            " 500 characters."
            " Sorted by relevance where no order is given."
        )
        arguments.append(argument("search", str | None, text))
    needs = [] if key is None else [key]
    return BatchField(
        relations.many(loader, key),
        needs=needs,
        arguments=arguments,
        cost=0,  # its parts have prices of their own
        rows=page_rows,
        usual=None if key is None else loader,
        whole=whole(loader),
        kept=kept(loader),
        besides=None if where is None and search is None else narrowing(loader),
        **guarded(description, loader.entity.permission),
    )


def page_rows(args: Args, _above: int) -> int:
    """How many rows a page may have at most, by a connection's arguments."""
    last = args.get("last")
    return number(args.get("first") if last is None else last, DEFAULT_PAGE, MAX_PAGE)


def narrowing(loader: type[Many]) -> Callable[[Args, int], int]:
    """What a connection's filter and search take, whatever they leave of its rows."""

    def price(args: Args, _above: int) -> int:
        found = 0 if args.get("search") is None else SEARCH_PRICE
        return POINT * (found + filter_prices.price(args.get("where"), loader.entity.filters))

    return price


def each_row(_args: Args, rows: int) -> int:
    """The size of a list that has a value for each row of the page that it is a part of."""
    return rows


def lookup(description: str, by: Any, loaders: dict[str, type[One]]) -> Any:
    """A root field that finds one row by any of its keys, those of the input ``by``; null where there is none."""
    keys = {field.graphql_name for field in by.__strawberry_definition__.fields}
    if keys != set(loaders):
        raise WrongDeclaration(
            f"{by.__name__} has the keys {sorted(keys)}, and there are loaders for {sorted(loaders)}."
        )
    prefix = loaders["id"].entity.prefix
    text = "Exactly one of the record's keys."
    return BatchField(
        relations.lookup(prefix, loaders),
        arguments=[argument("by", by, text)],
        **guarded(description, loaders["id"].entity.permission),
    )


def batched(
    description: str,
    resolve: Any,
    *arguments: Any,
    needs: Iterable[str] = (),
    passes: bool = False,
    permission: str | None = None,
    **price: Any,
) -> Any:
    """Any other field with a resolver for whole levels. ``price``: see ``BatchField``, ``cost`` to ``besides``."""
    return BatchField(
        resolve, needs=needs, passes=passes, arguments=arguments, **guarded(description, permission), **price
    )


def computed(description: str, resolve: Any, needs: Iterable[str] = (), **options: Any) -> Any:
    """A leaf that isn't a column; its values are final."""
    return BatchField(resolve, needs=needs, final=True, description=description, **options)
