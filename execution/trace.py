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
    """A level: where it is in the answer, its type, its fields, its objects, the batches it caused."""

    path: str
    type: str
    fields: list[str]
    objects: int
    batches: list[BatchTrace] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        batches = [{name: getattr(batch, name) for name in BatchTrace.__slots__} for batch in self.batches]
        return {
            "path": self.path,
            "type": self.type,
            "fields": self.fields,
            "objects": self.objects,
            "batches": batches,
        }


@dataclass(slots=True)
class Trace:
    """Collects what one execution did: the executor tells its levels, the loaders their batches.

    ``current`` is the level whose field is being resolved; a batch belongs to it.
    """

    started: float = field(default_factory=perf_counter)
    levels: list[LevelTrace] = field(default_factory=list)
    current: LevelTrace | None = None

    def level(self, selection: SelectionPlan, objects: int) -> LevelTrace:
        """A level begins, and is the current one."""
        fields = [plan.name for plan in selection.fields]
        self.current = LevelTrace(selection.path, selection.type.name, fields, objects)
        self.levels.append(self.current)
        return self.current

    def batch(self, loader: str, keys: int, rows: int, statement: str, seconds: float) -> None:
        """A loader ran a statement. Under another executor there are no levels: one stands for all."""
        if self.current is None:
            self.levels.append(LevelTrace("", "", [], 0))
            self.current = self.levels[-1]
        self.current.batches.append(BatchTrace(loader, keys, rows, statement, round(seconds * 1000, 3)))

    def report(self) -> dict[str, Any]:
        """The plan as it goes into the answer: JSON values only. Times are milliseconds."""
        total = (perf_counter() - self.started) * 1000
        batches = [batch for level in self.levels for batch in level.batches]
        sql = sum(batch.milliseconds for batch in batches)
        return {
            "levels": [level.report() for level in self.levels],
            "totals": {
                "statements": len(batches),
                "rows": sum(batch.rows for batch in batches),
                "sqlMilliseconds": round(sql, 3),
                "pythonMilliseconds": round(total - sql, 3),
            },
        }
