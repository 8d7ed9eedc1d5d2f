"""A run that somebody follows level by level, as traces do."""

from collections.abc import Sequence
from typing import Any

from core.spending import Observer, current
from execution.levels import Run
from execution.meter import Weights
from execution.ordinary import Paths
from execution.plan import SelectionPlan


def run_of(executor: Any) -> Run:
    """A run of this executor's plan, followed where the request is."""
    spending = current()
    if spending is None or spending.observer is None:
        return Run(executor)
    return ObservedRun(executor, spending.observer)


class ObservedRun(Run):
    """One execution whose levels an observer hears of."""

    def __init__(self, executor: Any, observer: Observer) -> None:
        super().__init__(executor)
        self._observer = observer

    async def select(
        self, selection: SelectionPlan, sources: Sequence[Any], paths: Paths, weights: Weights = None
    ) -> list[dict[str, Any]]:
        if not sources:
            return []
        with self._observer.level(selection.path, selection.type.name, len(sources)):
            return await super().select(selection, sources, paths, weights)
