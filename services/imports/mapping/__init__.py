"""The mapping: a TOML file that defines what the columns of an export mean (docs/import.md).

::

    kinds    what values may be: a currency, a date format, a header
    columns  where a value comes from: a header, several, or a table that says more
    rules    rows and orders that are left out, rejected, returns, services, discounts; states
    reading  the file itself, and how its numbers and dates are written
"""

import difflib
import tomllib
import unicodedata
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ValidationError, model_validator

from core.errors import BadInput
from services.imports.mapping.columns import Column, OrderColumns
from services.imports.mapping.kinds import EPOCH, EPOCH_MS, ISO, SERIAL, Country, Currencies, Key, Keyed, Part
from services.imports.mapping.reading import Clean, Dates, File, Numbers
from services.imports.mapping.rules import Charge, Condition, Return, Rule, Service, Status

M = TypeVar("M", bound=BaseModel)


class Mapping(Part):
    """A whole mapping of order lines."""

    currency: Currencies
    other_currencies: Literal["reject", "skip"] = "reject"
    default_customer: Key | None = None
    file: File = File()
    columns: OrderColumns
    numbers: Numbers = Numbers()
    dates: Dates
    clean: Clean = Clean()
    skip: list[Rule] = []
    reject: list[Rule] = []
    returns: list[Return] = []
    services: list[Service] = []
    discounts: list[Rule] = []
    charges: list[Charge] = []
    status: Status | None = None
    countries: dict[str, Country] = {}

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.columns.customer is None and self.default_customer is None:
            raise ValueError("give columns.customer, or default_customer, or both")
        if len(self.currency) > 1 and self.columns.currency is None:
            raise ValueError("several currencies need columns.currency")
        scoped = [rule for rule in (*self.services, *self.discounts) if rule.of == "order"]
        if scoped:
            raise ValueError('rules of services and discounts are of rows: leave out of = "order"')
        if self.numbers.order_discount_includes_lines and self.columns.order_discount is None:
            raise ValueError("numbers.order_discount_includes_lines goes with columns.order_discount")
        return self

    @property
    def headers(self) -> list[str]:
        """All headers that it names, each once."""
        specs = [*self.columns.named().values(), *(charge.column for charge in self.charges)]
        specs += [self.status.column] if self.status else []
        rules = [*self.skip, *self.reject, *self.returns, *self.services, *self.discounts]
        tested = [each.column for rule in rules for each in rule.conditions]
        read = [header for spec in specs for header in spec.headers]
        return list(dict.fromkeys([*read, *tested, *self.file.fill_down, *self.file.carry_down]))


def load(path: Path) -> Mapping:
    """The mapping of a TOML file of order lines; ``BadInput`` names the file and the keys at fault."""
    return read(path, Mapping)


def read(path: Path, model: type[M]) -> M:
    """The mapping of a TOML file, of whatever kind."""
    try:
        # In form NFC, as the file's cells are.
        written = unicodedata.normalize("NFC", path.read_text("utf-8-sig"))
        return model.model_validate(tomllib.loads(written))
    except OSError as error:
        raise BadInput(f"The mapping {path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        faults = "; ".join(_fault(model, each) for each in error.errors())
        raise BadInput(f"The mapping {path} doesn't make sense: {faults}.") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise BadInput(f"The mapping {path} is not a TOML file: {error}.") from error


def _fault(model: type[BaseModel], error: Any) -> str:
    where = list(error["loc"])
    said = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        known = _keys(model, where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, 1)
        said = (
            f"There is no such key; did you mean {near[0]}?"
            if near
            else f"There is no such key here, but {', '.join(known)}"
        )
        said = said.removesuffix("?")
    if where[:1] == ["currency"]:  # one is the same as a list of one
        where = where[:1]
    return f"{'.'.join(map(str, where))}: {said}" if where else said


def _keys(model: type[BaseModel], where: list[str | int]) -> list[str]:
    """The keys that a table of the mapping may have."""
    for part in where:
        if isinstance(part, int):
            continue
        inner = _table(model.model_fields[part].annotation)
        if inner is None:
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _table(annotation: Any) -> type[BaseModel] | None:
    """The model within an annotation such as ``list[Rule]`` or ``Column | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = [_table(each) for each in getattr(annotation, "__args__", ())]
    return next((each for each in found if each), None)


__all__ = [
    "EPOCH",
    "EPOCH_MS",
    "ISO",
    "SERIAL",
    "Charge",
    "Clean",
    "Column",
    "Condition",
    "Dates",
    "File",
    "Keyed",
    "Mapping",
    "Numbers",
    "OrderColumns",
    "Return",
    "Rule",
    "Service",
    "Status",
    "load",
]
