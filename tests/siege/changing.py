"""Changes trees and what goes around them, a little at a time, and puts two together."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.siege.trees import LIMITS, MOST, ROOM, Node, Tree, definition, is_object, walk, weight
from tests.siege.writing import Drawing

Change = Callable[[Tree, Tree], None]

TRIES = 4
"""How many times a tree is changed until what comes of it fits into a request."""


class Changing:
    """Small changes of trees; ``other`` is the tree that parts may be taken from."""

    def __init__(self, drawing: Drawing, random: Random) -> None:
        self.drawing = drawing
        self.schema = drawing.schema
        self.random = random
        self.changes: tuple[Change, ...] = (
            self.add,
            self.remove,
            self.repeat,
            self.graft,
            self.graft,
            self.again,
            self.enlarge,
            self.enlarge,
            self.argue,
            self.lengthen,
            self.lengthen,
            self.condition,
            self.restyle,
        )

    def changed(self, tree: Tree, other: Tree) -> Tree:
        """A copy with one to four changes; without any where none of several tries fits into a request."""
        made = tree.copy()
        for _ in range(TRIES):
            for _ in range(self.random.choice((1, 1, 2, 4))):
                self.random.choice(self.changes)(made, other)
            if made.fits():
                break
            made = tree.copy()
        made.style = replace(made.style, comment=self.random.randrange(10**6))
        return made

    def _place(self, tree: Tree) -> tuple[list[Node], Any]:
        """A list of selections on an object type."""
        places = [(nodes, type_) for nodes, type_, _ in walk(self.schema, tree) if is_object(type_) and nodes]
        return self.random.choice(places) if places else (tree.roots, self.schema.query_type)

    def _fields(self, tree: Tree) -> list[tuple[Node, Any]]:
        """The fields that may have arguments, with their definitions."""
        found = []
        for nodes, type_, _ in walk(self.schema, tree):
            for node in nodes:
                known = definition(type_, node.name)
                if known is not None and known.args:
                    found.append((node, known))
        return found

    def add(self, tree: Tree, _other: Tree) -> None:
        nodes, type_ = self._place(tree)
        if tree.kind == "query" or nodes is not tree.roots:
            for node in self.drawing.selections(type_, self.random.randint(0, 3), 1):
                node.alias = self._alias()
                nodes.append(node)

    def remove(self, tree: Tree, _other: Tree) -> None:
        nodes, _ = self._place(tree)
        if len(nodes) > 1:
            nodes.pop(self.random.randrange(len(nodes)))

    def repeat(self, tree: Tree, _other: Tree) -> None:
        """The same field again under other names: up to as many as a document may have."""
        nodes, _ = self._place(tree)
        chosen = self.random.choice(nodes)
        if chosen.on:
            return
        for _ in range(self.random.choice((1, 3, 8, 19, 45))):
            if chosen.size() * len(nodes) < MOST:
                copy = chosen.copy()
                copy.alias = self._alias()
                nodes.append(copy)

    def graft(self, tree: Tree, other: Tree) -> None:
        """A field of the other tree on the same type."""
        nodes, type_ = self._place(tree)
        places = [found for found, on, _ in walk(self.schema, other) if on is type_ and found]
        if not places or (nodes is tree.roots and tree.kind != other.kind):
            return
        taken = self.random.choice(self.random.choice(places)).copy()
        if not taken.on:
            taken.alias = self._alias()
        nodes.append(taken)

    def again(self, tree: Tree, _other: Tree) -> None:
        """What a type holds once more within itself, further down."""
        nodes, type_ = self._place(tree)
        deeper = [found for found, on, _ in walk(self.schema, tree) if on is type_ and found is not nodes]
        if deeper and sum(each.size() for each in nodes) < MOST // 4:
            copies = [each.copy() for each in nodes]
            for each in copies:
                each.alias = "" if each.on else self._alias()
            self.random.choice(deeper).extend(copies)

    def enlarge(self, tree: Tree, _other: Tree) -> None:
        """A page as large as it may be, or next to it."""
        pages = [node for node, known in self._fields(tree) if "first" in known.args]
        if pages:
            node = self.random.choice(pages)
            node.arguments.pop("last", None)
            node.arguments["first"] = self.random.choice((0, 1, 10, 50, 250))

    def argue(self, tree: Tree, _other: Tree) -> None:
        fields = self._fields(tree)
        if fields:
            node, known = self.random.choice(fields)
            node.arguments |= self.drawing.arguments(known)

    def lengthen(self, tree: Tree, _other: Tree) -> None:
        """The lists and texts of an argument twice or ten times as long, or it within itself."""
        fields = [node for node, _ in self._fields(tree) if node.arguments]
        if not fields:
            return
        node = self.random.choice(fields)
        name = self.random.choice([*node.arguments])
        if name == "where" and isinstance(node.arguments[name], dict) and self.random.random() < 0.5:
            step = self.random.choice(("not", "and", "or"))
            inner = node.arguments[name]
            times = self._times(inner, ROOM, (1, 2, 10, 100))
            node.arguments[name] = {step: inner if step == "not" else [inner] * times}
        else:
            node.arguments[name] = self._longer(node.arguments[name], ROOM)

    def _longer(self, given: Any, room: int) -> Any:
        """It, longer, of no more than about ``room`` bytes: ten times as long at each of five levels was gigabytes."""
        if isinstance(given, list):
            longer = [self._longer(each, room // 3) for each in given[:3]] + given[3:]
            most = LIMITS["limit_list"] + self.random.choice((0, 0, 0, 1))
            return (longer * self._times(longer, room, (1, 2, 10)))[:most]
        if isinstance(given, dict):
            return {name: self._longer(each, room // len(given)) for name, each in given.items()}
        if isinstance(given, str) and not given.isupper() and "_" not in given:
            return given * self._times(given, room, (1, 1, 10))
        return given

    def _times(self, given: Any, room: int, choices: tuple[int, ...]) -> int:
        """How many times a value is put there, as far as there is room."""
        return max(1, min(self.random.choice(choices), room // weight(given)))

    def condition(self, tree: Tree, _other: Tree) -> None:
        nodes, _ = self._place(tree)
        self.random.choice(nodes).condition = self.random.choice(("skip", "include", ""))

    def restyle(self, tree: Tree, _other: Tree) -> None:
        tree.style = self.drawing.style()

    def _alias(self) -> str:
        return f"a{self.random.randrange(10**5)}"
