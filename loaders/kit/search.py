"""Full-text search: by the words of a text, or by the key that it is (docs/decisions/0021-one-way-to-read-text.md)."""

from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, case, cast, func, select

from core.text import NAME
from loaders.kit.filters import limited, text_value
from loaders.kit.statements import constant, value

MAX_SEARCH = NAME
"""Characters of a full-text search: a name finds itself."""


SEARCH_PRICE = 100
"""Points for a search: all rows that it finds are ranked. 15,000 that have one word took PostgreSQL 30 ms for the price of
the page. The time that it really takes is charged afterwards (app.throttling.spending)."""


def search_text(given: str | None) -> str | None:
    """What is searched for; None for no search. Which words it has the database says (``search_words``), in the same
    way for what is stored. A text without any finds what has it as its key, and nothing else.
    """
    return None if given is None else text_value(limited(given, MAX_SEARCH))


def matches(column: Any, name: str) -> ColumnElement[bool]:
    """The SQL of a search for the text in the parameter of this name."""
    clause: ColumnElement[bool] = column.bool_op("@@")(func.search_query(value(name, Text())))
    return clause


def relevance(column: Any, name: str) -> ColumnElement[Any]:
    """How well a row fits the search: 2 and more where its key is the text, 1 where it has all of the words as whole
    ones; and how much the columns count that they are in. The queries are subqueries, which are made once and not for
    each row.
    """
    text = value(name, Text())
    key, whole, some = (select(query(text)).scalar_subquery() for query in _QUERIES)
    kind = case((column.bool_op("@@")(key), constant(2)), (column.bool_op("@@")(whole), constant(1)), else_=constant(0))
    # As numeric: a float's text would not come back from a cursor as the same number.
    return func.round(cast(kind + func.ts_rank(column, some), Numeric), constant(6), type_=Numeric())


_QUERIES = (func.search_key, func.search_whole, func.search_query)
