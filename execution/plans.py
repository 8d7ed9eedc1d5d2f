"""Plans that were made, kept under their documents: bounded in bytes, and shared fairly.

A plan is made for an operation and the values of the variables in its ``@skip`` and ``@include``, so that a document with
six of those has 64, and a document of 1,294 characters filled 865 kB with each.
"""

from collections.abc import Hashable
from typing import Any

from core.fair_store import FairStore
from execution.plan import SelectionPlan

CAPACITY = 64_000_000
"""Bytes of all the plans that a process keeps."""

FIELD = 1_200
"""Bytes that a plan takes for each of its fields (measured: tests/execution/test_plans_kept.py)."""

PLAN = 2_000
"""Bytes that any takes."""

Key = tuple[Hashable, ...]


class Plans:
    """The plans of documents. Whoever's document it is, its plans count for the owner whose request they were made for."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        # With the document, which so lives as long as they do: no other one gets its identity meanwhile.
        self.kept: FairStore[Key, tuple[Any, SelectionPlan]] = FairStore(capacity)

    def get(self, document: Any, key: Key) -> SelectionPlan | None:
        """The plan of a document under ``key``, what else decides it."""
        found = self.kept.get((id(document), *key))
        return None if found is None else found[1]

    def keep(self, owner: Hashable, document: Any, key: Key, plan: SelectionPlan, fields: int) -> None:
        """Keep a plan of so many fields."""
        self.kept.put(owner, (id(document), *key), (document, plan), PLAN + FIELD * fields)
