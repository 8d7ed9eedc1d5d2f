"""From a GraphQL request to an operation that may be executed: parsed, within the limits, valid, allowed, priced."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from graphql import DocumentNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode, OperationType

from app.audit import audit
from app.context import SCHEMA, Principal
from app.documents.deprecations import DeprecationReport
from app.documents.request import GraphQLRequest
from app.documents.roots import variable_of_after
from app.documents.variables import check_size, check_weight, widest
from app.errors.formatting import PARSE_FAILED, VALIDATION_FAILED, entry, formatted
from app.errors.http_errors import Rejected
from app.errors.redaction import redact_names
from app.settings import Settings
from core.errors import CostLimit, DocumentTooLarge, ErpError, Forbidden, LimitExceeded
from execution import USUAL, Dearest, Document, DocumentLimitExceeded, Documents, Price

PARTS = ("nodes", "edges", "node")
"""Steps below a connection, whose arguments say how many there are."""

TWICE = 2
"""How many times all of the schema an operation may look at."""

Usual = Callable[[Principal], Mapping[Any, int]]


class Prepared(NamedTuple):
    """An operation that may be executed."""

    asked: GraphQLRequest
    document: DocumentNode
    kind: OperationType
    price: int
    """How many objects it may read."""
    deprecated: list[dict[str, str | None]]
    """The deprecated parts that it uses, as clients see them."""
    name: str = ""
    """The operation's name, empty where it has none."""
    begins: str = ""
    """Of a subscription the variable that says where it begins, empty where none does: equal subscribers may differ in it."""


class OperationPreparer:
    """Prepares requests; bounded work, whatever they hold (docs/decisions/0011-price-before-work.md)."""

    def __init__(self, documents: Documents, settings: Settings, usual: Usual = lambda _principal: {}) -> None:
        """``usual`` says how many rows relations have for a principal, as a rule."""
        self.documents = documents
        self.settings = settings
        self._usual = usual
        self._deprecated = DeprecationReport(documents)
        self._heaviest = 1 + widest(documents.schema)
        """What a value may weigh: itself, and each field that its type has."""

    async def prepare(self, asked: GraphQLRequest, principal: Principal, request_id: str) -> Prepared:
        """Raises ``Rejected``."""
        try:
            return await self._prepare(asked, principal, request_id)
        except Rejected as outcome:
            raise Rejected(self.visible_errors(outcome.errors, asked, principal)) from None
        except DocumentLimitExceeded as error:
            raise Rejected([entry(too_much(error))]) from None
        except ErpError as error:
            raise Rejected([entry(error)]) from None
        except GraphQLError as error:
            code = PARSE_FAILED if isinstance(error, GraphQLSyntaxError) else "OPERATION_RESOLUTION_FAILURE"
            raise Rejected(formatted([error], request_id, code)) from None

    def visible_errors(
        self, errors: list[dict[str, Any]], asked: GraphQLRequest, principal: Principal
    ) -> list[dict[str, Any]]:
        """The errors as this principal may read them."""
        return errors if reads_schema(principal, self.settings) else redact_names(errors, asked.sent)

    async def _prepare(self, asked: GraphQLRequest, principal: Principal, request_id: str) -> Prepared:
        # Size before content: what is too large is looked at by nobody.
        if asked.size > self.settings.limit_variables:
            raise DocumentLimitExceeded("bytes besides the document", self.settings.limit_variables, asked.size)
        size = check_size(asked.variables, self.settings)
        knows = reads_schema(principal, self.settings)
        try:
            document = await self.documents.read(asked.query, principal.owner[0], hide_suggestions=not knows)
        except GraphQLSyntaxError:
            raise
        except GraphQLError as error:
            raise Rejected(formatted([error], request_id, VALIDATION_FAILED)) from None
        if document.errors:
            raise Rejected(formatted(document.errors, request_id, VALIDATION_FAILED))
        if document.introspects:
            check_reader(principal, self.settings, request_id)
        operation = select_operation(document.node, asked.operation)
        price = await self._price(document, operation, asked, principal, size)
        deprecated = self._deprecated.of(document, operation, asked.variables or {})
        name = operation.name.value if operation.name else ""
        begins = variable_of_after(operation, asked.query) if operation.operation is OperationType.SUBSCRIPTION else ""
        return Prepared(asked, document.node, operation.operation, price, deprecated, name, begins)

    async def _price(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        asked: GraphQLRequest,
        principal: Principal,
        size: int,
    ) -> int:
        if size * self._heaviest > self.settings.limit_nodes:  # so many values may be too much work, fewer can't
            await asyncio.sleep(0)  # they have been parsed and counted
            check_weight(self.documents.schema, operation, asked.variables or {}, self.settings)
        given = {**(asked.variables or {}), USUAL: self._usual(principal)}
        priced = await self.documents.priced(document, operation)
        if document.introspects:
            check_looks(priced, self.documents.whole_schema)
        price = priced(given)
        most = self.settings.limit_cost
        if price > most:
            raise too_dear(price, most, priced.dearest(given))
        return price


def reads_schema(principal: Principal, settings: Settings) -> bool:
    """Whether somebody may read the schema, and be helped with misspelt names."""
    return settings.introspection and SCHEMA in principal.permissions


def check_reader(principal: Principal, settings: Settings, request_id: str) -> None:
    """Raises ``Forbidden`` for principals that may not read the schema."""
    if not settings.introspection:
        raise Forbidden("This server doesn't show its schema to anybody: ERPGRAPH_INTROSPECTION is off.")
    if SCHEMA not in principal.permissions:
        audit("denied", request_id, **principal.shown, permission=SCHEMA)
        raise Forbidden(f"Your key doesn't allow introspection: it needs {SCHEMA}.")


def check_looks(priced: Price, whole: int) -> None:
    """Raises ``CostLimit`` for an operation that looks at more than all of the schema twice. Asked for 48 times it is 21 MB, after 2.7 s and
    60 MB of objects, of which nobody gets a byte.
    """
    if priced.introspection > TWICE * whole:
        message = (
            f"Introspection may cost {priced.introspection:,} points here, and {TWICE * whole:,} at the most: all of the schema once"
            f" costs {whole:,}. Ask for __schema and for each of its lists once."
        )
        raise CostLimit(message, facts={"cost": {"requested": priced.introspection, "limit": TWICE * whole}})


def too_much(error: DocumentLimitExceeded) -> LimitExceeded:
    """The error for a document over a limit, with its numbers."""
    kind = DocumentTooLarge if error.limit in {"characters", "tokens"} else LimitExceeded
    facts: dict[str, Any] = {"limit": error.limit, "maximum": error.maximum}
    if error.path is not None:
        facts["variablePath"] = list(error.path)
    return kind(str(error), facts=facts if error.actual is None else facts | {"actual": min(error.actual, 10**6)})


FEWER = ": ask for fewer there, or for smaller pages above it."
KEPT = (
    ", which reads every row of the list, whatever its filter leaves{}. Ask for what comes from sums that are kept (docs/numbers.md says which do), ask it"
    " of one record's list, or read the rows page by page."
)
MOST_NAMED = 5


def too_dear(price: int, most: int, dearest: Dearest) -> CostLimit:
    """The error for an operation over the limit: it names what costs most, and says what to ask for in its place."""
    steps = [step for step in dearest.path.split(".") if step]
    while steps and steps[-1] in PARTS:
        steps.pop()
    advice = FEWER
    facts: dict[str, Any] = {
        "cost": {"requested": price, "limit": most},
        "place": steps,
        "share": round(dearest.points / price, 3),
    }
    if dearest.reads:
        lacking = [*dearest.lacking][:MOST_NAMED]
        advice = KEPT.format(f": sums that are kept for the rest of it lack {', '.join(lacking)}" if lacking else "")
        if lacking:
            facts["notKept"] = lacking
    message = (
        f"This may cost {price:,} points, and a request may cost {most:,}. {dearest.points:,} of them are for"
        f" {'.'.join(steps)}{advice}"
    )
    return CostLimit(message, facts=facts)


def select_operation(document: Any, name: str | None) -> OperationDefinitionNode:
    """The operation to run. Raises ``GraphQLError`` where the request doesn't say which."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if name is not None:
        for operation in operations:
            if operation.name is not None and operation.name.value == name:
                return operation
        raise GraphQLError(f"There is no operation named {name}.")
    if len(operations) != 1:
        raise GraphQLError(
            "The document has several operations: operationName must say which."
            if operations
            else "The document has no operation."
        )
    return operations[0]
