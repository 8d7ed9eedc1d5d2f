"""Plans are kept by their bytes, whatever combination of variables they were made for (attack 8)."""

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import parse

from execution.executor import BreadthFirstExecutor
from execution.plans import Plans
from tests.support.sample import Context, build

NAMES = "abcdef"
FIELDS = " ".join(f"x{n}: hello" for n in range(150))
TEXT = f"query q({' '.join(f'${name}: Boolean!' for name in NAMES)}) {{ {FIELDS} " + "".join(
    f"... @include(if: ${name}) {{ {name}: hello }} " for name in NAMES
)


class Owned(Context):
    """A request of somebody's."""

    owner: Any = None


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Plans]:
    store = Plans(4_000_000)
    monkeypatch.setattr(BreadthFirstExecutor, "plans", store)
    yield store
    store.kept.clear()


async def ask(schema: Any, document: Any, number: int, owner: Any = None) -> dict[str, Any]:
    context = Owned()
    context.owner = owner
    variables = {name: bool(number >> index & 1) for index, name in enumerate(NAMES)}
    result = await schema.execute_document(document, variables, context=context)
    assert result.errors is None
    data: dict[str, Any] = result.data
    return data


async def test_each_combination_is_planned_once_and_has_its_fields(plans: Plans) -> None:
    schema, document = build(breadth_first=True), parse(TEXT + "}")
    for _ in range(2):
        for number in range(16):
            data = await ask(schema, document, number)
            assert {*data} - {f"x{n}" for n in range(150)} == {
                name for index, name in enumerate(NAMES) if number >> index & 1
            }
    assert len(plans.kept) == 4  # of 16, as many as one owner may keep: 180 kB each


async def test_attack_8_they_take_no_more_than_they_count_for(plans: Plans) -> None:
    schema = build(breadth_first=True)
    await ask(schema, parse(TEXT + "}"), 0)
    plans.kept.clear()
    gc.collect()
    tracemalloc.start()
    try:
        for which in range(6):
            document = parse(TEXT + f" y{which}: hello }}")
            for number in range(8):
                await ask(schema, document, number, which)
        del document
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(plans.kept) > 10
    assert plans.kept.size / 10 < grown < plans.kept.size <= 4_000_000


async def test_a_document_that_is_gone_is_not_mistaken_for_another(plans: Plans) -> None:
    schema = build(breadth_first=True)
    for number in range(50):
        [document] = [parse(f"{{ a{number}: hello }}")]
        assert [*await ask(schema, document, 0)] == [f"a{number}"]
