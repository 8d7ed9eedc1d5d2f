"""Parsed and validated documents, kept under their text."""

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    Source,
    Token,
    ValuesOfCorrectTypeRule,
    specified_rules,
    validate,
)
from graphql.language import Lexer
from graphql.language.parser import Parser
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from execution.documents.deprecations import Deprecations, Uses
from execution.documents.inputs import ValuesOfCorrectType
from execution.documents.limits import Limits, TooMuch, check
from execution.documents.one_of import OneOfVariables
from execution.documents.pricing import Price, Pricing

RULES = (
    *(ValuesOfCorrectType if rule is ValuesOfCorrectTypeRule else rule for rule in specified_rules),
    MaybeNullValidationRule,
    OneOfVariables,
)
"""Those that Strawberry validates with; for its rule of ``@oneOf`` see ``execution.documents.one_of``. One tuple for all documents."""


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
    prices: dict[int, Price] = field(default_factory=dict)
    uses: dict[int, Uses] = field(default_factory=dict)


@dataclass
class Documents:
    """A bounded store of documents, shared fairly.

    ``capacity`` documents are kept in all, and at most ``share`` of them for one owner (a tenant, a
    key). An owner over its share loses its own oldest document, so that one who sends a new text
    with every request can't push out what others use. Texts over ``max_length`` characters are
    not kept at all. ``limits`` are what a document may be at most: it is held to them before it is
    validated. ``known`` are documents that everybody has, for good, by their text.
    """

    schema: GraphQLSchema
    capacity: int = 1_000
    share: int = 200
    max_length: int = 20_000
    limits: Limits = field(default_factory=lambda: Limits(1_000_000, 10_000, *[10**9] * 12))
    page: int = 20
    largest_page: int = 250
    max_errors: int = 20
    hits: int = 0
    misses: int = 0
    validated: int = 0
    """How many of the misses came as far as validation, whose visitors wait for the garbage collector."""
    known: Mapping[str, Document] = field(default_factory=dict)
    _kept: dict[Hashable, OrderedDict[str, Document]] = field(default_factory=dict)
    _size: int = 0

    def get(self, text: str, owner: Hashable = None, *, hide_suggestions: bool = False) -> Document:
        """The document of a text. Raises ``GraphQLError`` for one that doesn't parse, ``TooMuch`` for one over a
        limit.
        """
        found = self.known.get(text)
        if found is not None:
            self.hits += 1
            return found
        own = self._kept.setdefault(owner, OrderedDict())
        found = own.get(text)
        if found is not None:
            self.hits += 1
            own.move_to_end(text)
            return found
        self.misses += 1
        document = self.examined(text, hide_suggestions=hide_suggestions)
        if len(text) <= self.max_length and not document.errors:
            own[text] = document
            self._size += 1
            self._evict(owner)
        return document

    def examined(self, text: str, *, hide_suggestions: bool = False) -> Document:
        """The document of a text, as ``get`` has it, without a look at the store."""
        if len(text) > self.limits.characters:
            raise TooMuch("characters", self.limits.characters, len(text))
        node = self._parsed(text)
        check(node, self.limits)
        self.validated += 1
        errors = validate(self.schema, node, RULES, max_errors=self.max_errors, hide_suggestions=hide_suggestions)
        return Document(node, errors, _INTROSPECTION.search(text) is not None)

    def _parsed(self, text: str) -> DocumentNode:
        lexer = Lexer(Source(text))
        parser = Parser(lexer.source, lexer=lexer, max_tokens=self.limits.tokens, allow_empty_selection_sets=False)
        try:
            return parser.parse_document()
        except RecursionError:
            raise TooMuch("levels", self.limits.depth, None) from None
        except GraphQLSyntaxError as error:
            if "tokens" in error.message:
                raise TooMuch("tokens", self.limits.tokens, None) from None
            raise
        finally:
            _unlink(lexer.token)

    def price(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """How many objects an operation of a valid document may read."""
        found = document.prices.get(id(operation))
        if found is None:
            fragments = {
                each.name.value: each for each in document.node.definitions if isinstance(each, FragmentDefinitionNode)
            }
            found = document.prices[id(operation)] = Pricing(self.schema, self.page, self.largest_page).price(
                operation, fragments
            )
        return found(variables)

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

    def _evict(self, owner: Hashable) -> None:
        if len(self._kept[owner]) > self.share:
            self._drop(owner)
        elif self._size > self.capacity:
            self._drop(max(self._kept, key=lambda each: len(self._kept[each])))

    def _drop(self, owner: Hashable) -> None:
        self._kept[owner].popitem(last=False)
        self._size -= 1
        if not self._kept[owner]:
            del self._kept[owner]


def _unlink(last: Token) -> None:
    """Cut a document's tokens from one another. They refer to the next and to the one before, for the parser alone, and
    so would stay until the garbage collector came: it came every 300 refused documents, for 285 ms.
    """
    token: Token | None = last
    while token is not None:
        before = token.prev
        token.prev = token.next = None
        token = before


def document_cache(documents: Documents) -> type[SchemaExtension]:
    """The Strawberry extension that takes documents from a store instead of parsing and validating.

    The context's ``owner``, where it has one, is whom a document's place in the store counts for.
    """

    class DocumentCache(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            context = self.execution_context
            owner: Any = getattr(context.context, "owner", None)
            document = documents.get(context.query or "", owner)
            context.graphql_document = document.node
            # An empty list makes Strawberry skip its own validation.
            context.pre_execution_errors = list(document.errors)
            yield

    return DocumentCache
