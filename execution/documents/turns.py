"""graphql-core's parser and validation, which give others a turn every hundred tokens, and nodes."""

from collections.abc import Collection
from functools import cache
from typing import Any, cast

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    ParallelVisitor,
    ValidationContext,
    Visitor,
    VisitorAction,
    validate,
)
from graphql.language.ast import QUERY_DOCUMENT_KEYS
from graphql.language.parser import Parser
from graphql.language.visitor import EnterLeaveVisitor
from graphql.validation.validation_context import VariableUsage

from execution.steps import EVERY, Turn


class TurnTakingParser(Parser):
    """A parser that gives others turns: 990 tokens took 7 ms."""

    turn: Turn | None = None
    _taken = 0

    def advance_lexer(self) -> None:
        super().advance_lexer()
        self._taken += 1
        if self.turn is not None and not self._taken % EVERY:
            self.turn()


class _GivesTurns(ASTValidationRule):
    """No rule: it is called for each node as they are. To find a document's variables takes a walk of its own, of 3 ms, with a
    turn before and after.
    """

    def __init__(self, turn: Turn, context: ValidationContext) -> None:
        super().__init__(context)
        self._context = context
        self._turn = turn
        self._seen = 0
        self._usages = context.get_variable_usages
        self._report = context.report_error
        context.get_variable_usages = self._variable_usages  # type: ignore[method-assign]  # of this context alone
        context.report_error = self._report_error  # type: ignore[method-assign]  # likewise

    def _variable_usages(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> list[VariableUsage]:
        self._turn()
        usages = self._usages(node)
        self._turn()
        return usages

    def _report_error(self, error: GraphQLError) -> None:
        """An error, for whose hint names were compared with those that there are: of 45 root fields that takes 2 ms."""
        self._report(error)
        self._turn()

    def forget(self) -> None:
        """Leave the context as it was, which had this and was had by it."""
        del self._context.get_variable_usages, self._context.report_error

    def enter(self, *_: Any) -> None:
        self._seen += 1
        if not self._seen % EVERY:
            self._turn()


class _Rules(Visitor):
    """All rules as one. A visitor keeps its own methods, and so itself and what it knows: 90 documents were 750,000 objects
    that only the garbage collector could free.
    """

    def __init__(self, rules: list[Visitor]) -> None:
        super().__init__()
        self._together = ParallelVisitor(rules)

    def enter(self, node: Node, *args: Any) -> VisitorAction | None:
        enter = self._together.get_enter_leave_for_kind(node.kind).enter
        return enter(node, *args) if enter else None

    def leave(self, node: Node, *args: Any) -> VisitorAction | None:
        leave = self._together.get_enter_leave_for_kind(node.kind).leave
        return leave(node, *args) if leave else None

    def forget(self) -> None:
        """Let go of the rules, and of the document that they looked at."""
        together, self._together = self._together, ParallelVisitor(())
        for each in (together, *together.visitors):
            each.enter_leave_map.clear()
            if isinstance(each, _GivesTurns):
                each.forget()


NOTHING = EnterLeaveVisitor(None, None)


@cache
def _passed_by(rule: type[Visitor]) -> dict[str, EnterLeaveVisitor]:
    """The kinds of nodes at which a rule has nothing to do. graphql-core looks for its methods anew with each document, which took
    a third of the validation of a small one.
    """
    if hasattr(rule, "enter") or hasattr(rule, "leave"):
        return {}
    return {
        kind: NOTHING
        for kind in QUERY_DOCUMENT_KEYS
        if not hasattr(rule, f"enter_{kind}") and not hasattr(rule, f"leave_{kind}")
    }


def checked(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: Collection[type[ASTValidationRule]],
    turn: Turn | None,
    *,
    max_errors: int,
    hide_suggestions: bool,
) -> list[GraphQLError]:
    """What graphql-core's validation finds. With ``turn`` others have turns: 776 tokens took 14 ms."""
    made: list[_Rules] = []

    def all_rules(context: ValidationContext) -> Visitor:
        each: list[Visitor] = [rule(context) for rule in rules]
        for rule in each:
            rule.enter_leave_map.update(_passed_by(type(rule)))  # type: ignore[arg-type]  # classes are hashable
        made.append(_Rules(each if turn is None else [_GivesTurns(turn, context), *each]))
        return made[0]

    try:
        as_one = cast("type[ASTValidationRule]", all_rules)
        return validate(schema, document, [as_one], max_errors=max_errors, hide_suggestions=hide_suggestions)
    finally:
        for each in made:
            each.forget()
