"""execution/README.md: its example runs as it stands, and prints what it says, on either executor."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("options", ["", ", breadth_first=False"], ids=["breadth-first", "reference"])
def test_the_example_prints_what_it_says(options: str) -> None:
    text = (ROOT / "execution" / "README.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [shown] = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    code = code.replace("ExtensibleSchema(Query)", f"ExtensibleSchema(Query{options})")
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.stderr, ran.stdout) == ("", shown)
