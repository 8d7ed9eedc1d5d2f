"""The help of each command: all of it is shown, and a paragraph breaks where the terminal does."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from app.cli import app

Named = tuple[tuple[str, ...], Any]


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[Named]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from walk(each, (*path, name))


COMMANDS = list(walk(typer.main.get_command(app)))

every = pytest.mark.parametrize("path, command", COMMANDS, ids=["-".join(path) or "erpgraph" for path, _ in COMMANDS])


def shown(path: tuple[str, ...], columns: int) -> str:
    done = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": str(columns), "TERM": "dumb"})
    assert done.exit_code == 0
    return done.output


def words(text: str) -> str:
    """The text on one line, without frames and marks of emphasis."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).replace("**", "").split())


def test_the_commands_are_found() -> None:
    found = {path for path, _ in COMMANDS}
    assert {(), ("serve",), ("db", "dump"), ("partner", "erase")} <= found


@every
def test_a_paragraph_is_a_line_where_the_terminal_is_wide(path: tuple[str, ...], command: Any) -> None:
    """Each line of the sources was a line of the help, whatever the terminal's width."""
    lines = [words(line) for line in shown(path, 1_000).splitlines()]
    for paragraph in inspect.cleandoc(command.help).split("\n\n"):
        assert words(paragraph) in lines


@every
def test_the_help_of_options_is_shown_whole(path: tuple[str, ...], command: Any) -> None:
    """What stands in brackets, as all the defaults do, was taken for a mark of emphasis."""
    text = words(shown(path, 1_000))
    for each in command.params:
        assert words(each.help) in text


@every
def test_the_first_sentence_fits_a_list(path: tuple[str, ...], command: Any) -> None:
    """The list of a group's commands shows the first paragraph: two lines of a small terminal at most."""
    first, *_ = inspect.cleandoc(command.help).split("\n\n")
    assert len(words(first)) <= 110


@every
def test_arguments_are_named_as_the_help_writes_of_them(path: tuple[str, ...], command: Any) -> None:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    assert [each.name for each in arguments if each.metavar is None or each.metavar != each.metavar.upper()] == []
