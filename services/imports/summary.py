"""What became of a file, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from services.imports.store import Counts, Stored


@dataclass(frozen=True)
class Summary:
    """What became of a file: ``read == imported + already_there + sum(left_out) + sum(rejected)``, in rows."""

    read: int
    stored: Stored
    imported: int
    already_there: int
    rejected: dict[str, int]
    left_out: dict[str, int]
    totals: dict[str, Decimal]
    rejected_file: Path
    currencies: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        read: int,
        stored: Stored,
        counts: Counts,
        left_out: Mapping[str, int],
        totals: dict[str, Decimal],
        rejected_file: Path,
        currencies: list[str],
    ) -> "Summary":
        """With what was left out row by row, and what was left out with its order."""
        left = dict(left_out)
        for word, rows in counts.left_out.items():
            left[word] = left.get(word, 0) + rows
        return cls(
            read,
            stored,
            counts.imported,
            counts.already_there,
            counts.rejected,
            left,
            totals,
            rejected_file,
            currencies,
        )

    @property
    def exit_code(self) -> int:
        """0: everything is stored. 3: some rows were rejected. 1: all that could have been stored was rejected."""
        if not self.rejected:
            return 0
        return 3 if self.imported or self.already_there else 1

    def __str__(self) -> str:
        rejected, left = sum(self.rejected.values()), sum(self.left_out.values())
        one = self.stored
        amounts = self.totals or dict.fromkeys(self.currencies[:1], one.total)
        total = " + ".join(f"{amount:,f} {code}" for code, amount in amounts.items())
        became = f"{self.imported:,} imported + {self.already_there:,} already there + {left:,} left out + {rejected:,} rejected"
        return "\n".join(
            [
                f"{self.read:,} rows read = {became}",
                f"{one.lines:,} line items in {one.orders:,} orders, {one.products:,} new products, {one.partners:,} new customers",
                f"{one.units:,f} units, {total} in total",
                *([] if one.lines else ["Nothing was added."]),
                *([f"left out: {_listed(self.left_out)}"] if left else []),
                *([f"rejected: {_listed(self.rejected)}; see {self.rejected_file}"] if rejected else []),
            ]
        )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {word}" for word, count in counts.items())
