"""The clients of examples/ say what each scalar of the graph is to them: a code generator that is strict stops at a new one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURED = ("codegen/codegen.ts", "relay/relay.config.json", "python-ariadne/pyproject.toml")


@pytest.mark.parametrize("file", CONFIGURED)
def test_every_scalar_is_configured(file: str) -> None:
    scalars = set(re.findall(r"^scalar (\w+)", (ROOT / "schema.graphql").read_text(), re.MULTILINE))
    configured = (ROOT / "examples" / file).read_text()
    assert {"Date", "TimeZone"} <= scalars
    assert {scalar for scalar in scalars if not re.search(rf"\b{scalar}\b", configured)} == set()
