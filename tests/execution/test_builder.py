"""The functions that make objects of columns."""

from execution.plan import builder


def test_a_warning_can_be_given_while_one_runs() -> None:
    """What Python's warnings need is there: the fuzzer found KeyErrors of garbage collected in between."""
    build = builder(("a", "b"))
    assert build([1, 2], [3, 4]) == [{"a": 1, "b": 3}, {"a": 2, "b": 4}]
    assert "__import__" in build.__builtins__  # type: ignore[attr-defined]
