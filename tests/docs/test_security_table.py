"""The table of threats names tests that there are, and leaves no case out."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()


def test_every_case_has_its_line() -> None:
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)] == [*range(1, 47)]


def test_every_proof_is_there() -> None:
    proofs = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(proofs) > 80
    missing = [
        f"{path}::{name}"
        for path, name in proofs
        if not (ROOT / path).exists() or (name and f"def {name}(" not in (ROOT / path).read_text())
    ]
    assert missing == []


def test_what_has_no_proof_says_why() -> None:
    """A line without a test is one of what isn't there, or points to other lines."""
    unproved = re.findall(r"^\| ([^|]*) \|.*\| – \|$", PAGE, re.MULTILINE)
    assert unproved == [
        "Denial of service: depth, amount, cost, batching, time",
        "Authorization of nodes and edges",
        "Excessive errors",
    ]
