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


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_check_can_be_switched_off(path: Path) -> None:
    """``python -O`` drops assertions: one of them stood between a rolled-back COMMIT and "it is stored"."""
    assert [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)] == []


def test_transactions_begin_in_few_places() -> None:
    """ADR 0010: a command's in the kit of the services, and what has to be stored beside one."""
    calls = {
        str(path.relative_to(ROOT))
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "transaction" and "database" in ast.unparse(node.value)
    }
    assert calls == {
        "app/auth/api_keys.py",  # when a key was last used
        "services/kit/numbers.py",  # blocks of numbers
        "services/kit/work.py",
        "services/platform/budgets.py",  # leases
        "services/webhooks/storing.py",  # what a worker sent
        "services/webhooks/turns.py",  # its leases
        "services/platform/relaying.py",  # how far a broker was told
    }


@pytest.mark.parametrize("part", ["kit", "sales", "purchasing", "inventory", "catalog.py", "partners.py"])
def test_attack_14_no_document_is_dated_by_a_web_servers_clock(part: str) -> None:
    """With one 3,000 days back, orders were placed and numbered in 2018: the database has the only clock."""
    clocks = {"datetime.now", "datetime.utcnow", "date.today", "time.time"}
    asked = {
        (str(path.relative_to(ROOT)), ast.unparse(node))
        for path in CODE
        if path.is_relative_to(ROOT / "services" / part)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in clocks
    }
    assert asked == set()


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "support").glob("*.py")), ids=lambda path: path.name)
def test_what_tests_share_knows_none_of_them(path: Path) -> None:
    imported = [
        node.module or ""
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests")
    ]
    assert [name for name in imported if not name.startswith("tests.support")] == []
