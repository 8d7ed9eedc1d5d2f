"""Parsed and validated documents, kept under their text."""

import re
import sys
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldsOnCorrectTypeRule,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    KnownArgumentNamesRule,
    KnownTypeNamesRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    Source,
    Token,
    ValuesOfCorrectTypeRule,
    VariablesInAllowedPositionRule,
    get_introspection_query,
    parse,
    specified_rules,
)
from graphql.language import Lexer
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from core.fair_store import FairStore
from execution.documents.deprecations import Deprecations, Uses
from execution.documents.inputs import ValuesOfCorrectType
from execution.documents.limits import DocumentLimitExceeded, Limits, check
from execution.documents.misnamed import FieldsOnCorrectType, KnownArgumentNames, KnownTypeNames
from execution.documents.one_of import OneOfVariables
from execution.documents.pricing import Price, Pricing
from execution.documents.turns import TurnTakingParser, checked
from execution.steps import Steps, Turn, at_once, in_turns, stepped

OURS: dict[type[ASTValidationRule], type[ASTValidationRule]] = {
    FieldsOnCorrectTypeRule: FieldsOnCorrectType,
    KnownArgumentNamesRule: KnownArgumentNames,
    KnownTypeNamesRule: KnownTypeNames,
    ValuesOfCorrectTypeRule: ValuesOfCorrectType,
}
"""In place of graphql-core's rules, for messages that help."""

RULES = (
    *(OURS.get(rule, rule) for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfVariables,
)
"""Those that Strawberry validates with; for its rule of ``@oneOf`` see ``execution.documents.one_of``. One tuple for all documents."""

_OF_VARIABLES = frozenset(
    {NoUndefinedVariablesRule, NoUnusedVariablesRule, VariablesInAllowedPositionRule, OneOfVariables}
)
_WITHOUT_VARIABLES = tuple(rule for rule in RULES if rule not in _OF_VARIABLES)
"""Those for a document without any: a third of the time went by looking for them."""


TOKEN = 500
"""Bytes that a kept document takes for each of its tokens; its text comes twice again, in its source and its strings
(measured: tests/execution/test_documents.py)."""

FIELD = 250
"""Bytes that its price takes for each field that it stands for. They are counted with fragments put in place: 150 tokens of fragments
stand for 2,000 fields, and took three times what their tokens count for."""

DOCUMENT = 10_000
"""Bytes that any takes."""

_INTROSPECTION = re.compile(r"\b__(?:schema|type)\b")


@dataclass(slots=True)
class Document:
    """A document that parsed, and what validation said of it. Its plans hang on ``node``. ``prices`` and ``uses``
    (of what is deprecated) are those of its operations, as far as somebody asked.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    introspects: bool = False
    """Whether it asks for the schema, or looks as if it did: a text in it may have the words, too."""
    tokens: int = 0
    fields: int = 0
    """What it stands for, fragments put in place."""
    prices: dict[int, Price] = field(default_factory=dict)
    uses: dict[int, Uses] = field(default_factory=dict)


@dataclass
class Documents:
    """A store of documents, bounded in bytes (``capacity``) and shared fairly by their owners (tenants).

    ``limits`` are what a document may be at most: it is held to them before it is
    validated. ``known`` are documents that everybody has, for good, by their text.
    """

    schema: GraphQLSchema
    capacity: int = 64_000_000
    limits: Limits = field(default_factory=lambda: Limits(1_000_000, 10_000, *[10**9] * 12))
    max_errors: int = 20
    hits: int = 0
    misses: int = 0
    known: Mapping[str, Document] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kept: FairStore[tuple[Hashable, str], Document] = FairStore(self.capacity)

    def get(self, text: str, owner: Hashable = None, *, hide_suggestions: bool = False) -> Document:
        """The document of a text. Raises ``GraphQLError`` for one that doesn't parse, ``DocumentLimitExceeded`` for one over a
        limit.
        """
        found = self._found(text, owner)
        if found is not None:
            return found
        return self._kept(text, owner, self.examined(text, hide_suggestions=hide_suggestions))

    async def read(self, text: str, owner: Hashable = None, *, hide_suggestions: bool = False) -> Document:
        """The same, and the loop has its turns where it takes long."""
        found = self._found(text, owner)
        if found is not None:
            return found
        examined = await in_turns(
            stepped(lambda turn: self._examined(text, hide_suggestions=hide_suggestions, turn=turn))
        )
        return self._kept(text, owner, examined)

    def examined(self, text: str, *, hide_suggestions: bool = False) -> Document:
        """The document of a text, as ``get`` has it, without a look at the store."""
        return self._examined(text, hide_suggestions=hide_suggestions)

    def _found(self, text: str, owner: Hashable) -> Document | None:
        found = self.known.get(text) or self.kept.get((owner, text))
        if found is None:
            self.misses += 1
        else:
            self.hits += 1
        return found

    def _kept(self, text: str, owner: Hashable, document: Document) -> Document:
        if not document.errors:
            size = DOCUMENT + TOKEN * document.tokens + FIELD * document.fields + 3 * sys.getsizeof(text)
            self.kept.put(owner, (owner, text), document, size)
        return document

    def _examined(self, text: str, *, hide_suggestions: bool, turn: Turn | None = None) -> Document:
        """A document, first held to the limits."""
        if len(text) > self.limits.characters:
            raise DocumentLimitExceeded("characters", self.limits.characters, len(text))
        node, tokens = self._parsed(text, turn)
        fields = check(node, self.limits)
        rules = RULES if "$" in text else _WITHOUT_VARIABLES
        errors = checked(self.schema, node, rules, turn, max_errors=self.max_errors, hide_suggestions=hide_suggestions)
        return Document(node, errors, _INTROSPECTION.search(text) is not None, tokens, fields)

    def _parsed(self, text: str, turn: Turn | None) -> tuple[DocumentNode, int]:
        """The document, and how many tokens it has."""
        lexer = Lexer(Source(text))
        most = self.limits.tokens
        parser = TurnTakingParser(lexer.source, lexer=lexer, max_tokens=most, allow_empty_selection_sets=False)
        parser.turn = turn
        try:
            node = parser.parse_document()
        except RecursionError:
            raise DocumentLimitExceeded("levels", self.limits.depth, None) from None
        except GraphQLSyntaxError as error:
            if "tokens" in error.message:
                raise DocumentLimitExceeded("tokens", most, None) from None
            raise
        finally:
            tokens = _unlink(lexer.token)
        return node, tokens

    def price(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """What an operation of a valid document may cost, in points. Among the variables may be, as ``USUAL``, how many rows
        relations have as a rule: then a list that has more makes the answer dearer than that.
        """
        found = document.prices.get(id(operation))
        if found is None:
            found = document.prices[id(operation)] = at_once(self._pricing(document, operation))
        return found(variables)

    async def priced(self, document: Document, operation: OperationDefinitionNode) -> Price:
        """The price of an operation of a valid document, which depends on its variables."""
        found = document.prices.get(id(operation))
        if found is None:
            found = document.prices[id(operation)] = await in_turns(self._pricing(document, operation))
        return found

    def _pricing(self, document: Document, operation: OperationDefinitionNode) -> Steps[Price]:
        fragments = {
            each.name.value: each for each in document.node.definitions if isinstance(each, FragmentDefinitionNode)
        }
        return Pricing(self.schema, fragments).price(operation)

    @cached_property
    def whole_schema(self) -> int:
        """What a look at all of the schema costs, in points, as tools ask for it."""
        node = parse(
            get_introspection_query(
                specified_by_url=True,
                directive_is_repeatable=True,
                schema_description=True,
                input_value_deprecation=True,
            )
        )
        operation = next(each for each in node.definitions if isinstance(each, OperationDefinitionNode))
        return at_once(self._pricing(Document(node, []), operation)).introspection

    @cached_property
    def deprecations(self) -> Deprecations:
        return Deprecations(self.schema)

    def deprecated(
        self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> list[str]:
        """The coordinates of what is deprecated and an operation of a valid document uses."""
        if not self.deprecations.reasons:
            return []
        found = document.uses.get(id(operation))
        if found is None:
            found = document.uses[id(operation)] = self.deprecations.uses(document.node, operation)
        return found(variables)


def _unlink(last: Token) -> int:
    """Cut a document's tokens from one another, and say how many there are. They refer to the next and to the one before,
    for the parser alone, and so would stay until the garbage collector came: every 300 refused documents, for 285 ms.
    """
    token: Token | None = last
    count = 0
    while token is not None:
        before = token.prev
        token.prev = token.next = None
        token = before
        count += 1
    return count
