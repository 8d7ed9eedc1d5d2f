"""The rules of the house that a linter doesn't know."""

import ast
import importlib.metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("app", "core", "db", "execution", "loaders", "resolvers", "schema", "services")
CODE = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if ".venv" not in path.parts)


def test_no_dependency_brings_a_name_of_ours() -> None:
    """PyPI has a popular ``schema``: our names are plain, and whoever comes first on the path wins."""
    brought = importlib.metadata.packages_distributions()
    ours = {name: brought[name] for name in (*LAYERS, "migrations", "tests") if name in brought}
    assert {name: owners for name, owners in ours.items() if set(owners) != {"erpgraph"}} == {}


@pytest.mark.parametrize("path", [*CODE, *TESTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_stays_below_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_fits_in_the_eye(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= 50]
    assert long == []


def test_every_layer_says_what_it_is() -> None:
    assert [
        layer for layer in LAYERS if not ast.get_docstring(ast.parse((ROOT / layer / "__init__.py").read_text()))
    ] == []


def test_lock_files_pin_everything_and_name_no_index() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert not any(line.startswith("--") for line in text.splitlines())
        packages = text.replace("\\\n", "").splitlines()
        assert [line for line in packages if "==" not in line or "--hash=sha256:" not in line] == []
