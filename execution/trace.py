"""What ran: levels and batches of one execution, for ``extensions.plan``."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from execution.plan import SelectionPlan


@dataclass(slots=True)
class BatchTrace:
    """One call of a loader: how many keys went in, how many rows came out, and how."""

    loader: str
    keys: int
    rows: int
    statement: str
    milliseconds: float


@dataclass(slots=True)
class LevelTrace:
    """A level: its type, the fields asked of it, how many objects it has, the batches it caused."""

    type: str
    fields: list[str]
    objects: int
    batches: list[BatchTrace] = field(default_factory=list)


@dataclass(slots=True)
class Trace:
    """Collects what one execution did. ``batch`` is called by loaders, ``level`` by the executor."""

    started: float = field(default_factory=perf_counter)
    levels: list[LevelTrace] = field(default_factory=list)
    loose: list[BatchTrace] = field(default_factory=list)

    def level(self, selection: SelectionPlan, objects: int) -> None:
        self.levels.append(LevelTrace(selection.type.name, [plan.name for plan in selection.fields], objects))

    def batch(self, loader: str, keys: int, rows: int, statement: str, seconds: float) -> None:
        made = BatchTrace(loader, keys, rows, statement, round(seconds * 1000, 3))
        (self.levels[-1].batches if self.levels else self.loose).append(made)

    def report(self) -> dict[str, Any]:
        """The plan as it goes into the answer: JSON values only."""
        total = (perf_counter() - self.started) * 1000
        batches = [batch for level in self.levels for batch in level.batches] + self.loose
        sql = sum(batch.milliseconds for batch in batches)
        return {
            "levels": [
                {
                    "type": level.type,
                    "fields": level.fields,
                    "objects": level.objects,
                    "batches": [
                        {
                            "loader": batch.loader,
                            "keys": batch.keys,
                            "rows": batch.rows,
                            "statement": batch.statement,
                            "milliseconds": batch.milliseconds,
                        }
                        for batch in level.batches
                    ],
                }
                for level in self.levels
            ],
            "totals": {
                "statements": len(batches),
                "sqlMilliseconds": round(sql, 3),
                "pythonMilliseconds": round(total - sql, 3),
            },
        }
