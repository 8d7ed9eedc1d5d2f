"""graphql-core's parser and validation, which give others a turn every hundred tokens, and nodes."""

from functools import partial
from typing import Any, cast

from graphql import ASTValidationRule, FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, ValidationContext
from graphql.language.parser import Parser
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

    def enter(self, *_: Any) -> None:
        self._seen += 1
        if not self._seen % EVERY:
            self._turn()


def gives_turns(turn: Turn) -> type[ASTValidationRule]:
    """What stands among the rules of a validation, so that others have turns: 776 tokens took 14 ms."""
    return cast("type[ASTValidationRule]", partial(_GivesTurns, turn))
