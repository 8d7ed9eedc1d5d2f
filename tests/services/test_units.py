"""What a unit of measure may consist of: it is compared, so it follows the rules of keys."""

import pytest

from core.problems import CommandRejected
from services.catalog import ProductUpsert


def upsert(unit: str) -> ProductUpsert:
    return ProductUpsert.read({"sku": "A", "name": "A", "unit": unit})


@pytest.mark.parametrize("unit", ["pcs\u200b", "p\u00a0cs", "\u200d", "kg\t1", "\ufeffkg"])
def test_g12_a_unit_has_no_character_that_cant_be_seen(unit: str) -> None:
    with pytest.raises(CommandRejected) as refused:
        upsert(unit)
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == ("INVALID_INPUT", ("input", "unit"))


@pytest.mark.parametrize("unit", ["pcs", "m²", "Stück", "°C", "1/2 l", "㎡"])
def test_units_as_people_write_them(unit: str) -> None:
    assert upsert(f" {unit} ").unit == unit
