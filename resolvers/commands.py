"""A command in, its payload out: what was changed is read afterwards, as any query reads it, but on the connection that
changed it. On another one of a pool that others had taken, commands that were stored said "try again".
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from graphql import GraphQLField, get_named_type

from core.ids import encode
from core.problems import CommandRejected, Problem
from execution import Batch
from execution.fields import BACKREF
from loaders.kit.one import One
from services.kit.answer import CommandResult, References
from services.kit.command import Unreadable
from services.kit.salvage import salvaged
from services.kit.work import C, Service, examine, perform

RECORD = "_record_id"
"""Ends the names of references to a record of any kind, after the prefix of its ids."""


class Payload(dict[str, Any]):
    """What a command answers, to be read as a row is: references to what it made, and its problems."""

    def __missing__(self, key: str) -> None:
        """Nothing: a command that was refused refers to nothing."""


class UserErrorRow(dict[str, Any]):
    """A problem, to be read as a row is."""

    typename: ClassVar[str]

    @staticmethod
    def of(problem: Problem) -> "UserErrorRow":
        row: UserErrorRow = _ROWS[problem.code, problem.facts.get("record")](problem.facts)
        row |= {"code": problem.code, "message": problem.message, "path": list(problem.path)}
        return row


_ROWS: dict[tuple[str, str | None], type[UserErrorRow]] = {}
"""The rows of entries in ``userErrors``, by their code and the kind of record: the modules' types declare which are theirs."""


def declare(typename: str, *codes: str, record: str | None = None) -> None:
    """Problems with these codes become entries of this type of the graph; with a ``record``, only those whose facts say that
    they are about one of that kind.
    """
    row = type(f"{typename}Row", (UserErrorRow,), {"typename": typename})
    _ROWS.update(dict.fromkeys(((code, record) for code in codes), row))


class Done(NamedTuple):
    """A command that was carried out: references to what it made or changed, and the field that shows that."""

    references: References
    field: GraphQLField

    def ids(self, nodes: Mapping[str, type]) -> dict[str, Any]:
        """The public ids under the names that the payload's fields have, of what ``node`` finds. ``nodes``: loaders by the
        prefix of ids.
        """
        payload: Any = get_named_type(self.field.type)
        prefixes = {loader.entity.typename: prefix for prefix, loader in nodes.items()}  # type: ignore[attr-defined]  # they are loaders' classes
        found: dict[str, Any] = {}
        for name, field in payload.fields.items():
            declared = field.extensions.get(BACKREF)
            prefix = prefixes.get(get_named_type(field.type).name)
            for key in getattr(declared, "needs", ()):
                whose = key.removesuffix(RECORD) if key.endswith(RECORD) else prefix
                if key in self.references and whose is not None:
                    found[name] = _encoded(whose, self.references[key])
        return found


def _encoded(prefix: str, given: Any) -> Any:
    return [encode(prefix, each) for each in given] if isinstance(given, list) else encode(prefix, given)


def carry_out(
    command: type[C], service: Service[C], needs: Callable[[Any], str | None] | None = None
) -> Callable[[Batch], Awaitable[list[Payload]]]:
    """The resolver of a mutation: reads its ``input`` as this command and has it carried out by the service. ``needs`` tells
    what one needs for an input, where that depends on what it names.
    """

    async def resolve(batch: Batch) -> list[Payload]:
        context = batch.context
        if needs is not None and (permission := needs(batch.args["input"])) is not None:
            context.require(permission)
        context.check_time()
        reader = await context.renew()
        principal = context.principal
        whom = context.database, principal.tenant, principal.name
        given = batch.args["input"]
        try:
            answer = await perform(*whom, await command.read_in_turns(given), service, reader)
        except Unreadable as bad:
            await asyncio.sleep(0)  # a turn for others, here and behind: each is 10 ms of 500 lines
            rest = await salvaged(command, given, bad.places)
            await asyncio.sleep(0)
            answer = await examine(*whom, rest, service, bad.problems)
        except CommandRejected as refused:
            answer = CommandResult({}, refused.problems)
        context.commit = answer.commit or context.commit
        if not answer.problems:
            context.done[batch.field.key] = Done(answer.references, batch.field.definition)
        return [Payload(answer.references, errors=[UserErrorRow.of(each) for each in answer.problems])]

    return resolve


async def record(batch: Batch) -> list[Any]:
    """The record of any kind that a command refers to, by the prefix of its id."""
    found: list[Any] = []
    for payload in batch.sources:
        key = next((each for each in payload if each.endswith(RECORD)), None)
        loader = batch.context.node_types.get(key.removesuffix(RECORD)) if key else None
        if loader is None or key is None:
            found.append(None)
            continue
        batch.context.require(loader.entity.permission)
        rows = loader.of(batch.context, batch.columns(loader.entity.typename))
        found += await rows.load_level([payload[key]])
    return found


def user_errors(batch: Batch) -> list[list[UserErrorRow]]:
    return [payload["errors"] for payload in batch.sources]


def listed(loader: type[One], key: str) -> Callable[[Batch], Awaitable[list[list[Any] | None]]]:
    """The rows with the ids in ``key``, in their order; None where the command was refused."""

    async def load(batch: Batch) -> list[list[Any] | None]:
        rows = loader.of(batch.context, batch.columns())
        return [None if payload[key] is None else await rows.load_level(payload[key]) for payload in batch.sources]

    return load
