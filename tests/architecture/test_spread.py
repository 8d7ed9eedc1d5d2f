"""SQL that wouldn't run where tables are spread over servers by tenant, found in the sources (docs/scale.md, ADR 34).

Text alone: what an f-string puts in is left out, and its parts are looked at where they stand.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVING = [
    path for layer in ("services", "loaders", "db/runtime", "app") for path in sorted((ROOT / layer).rglob("*.py"))
]
LATER = sorted(path for path in (ROOT / "migrations/versions").glob("*.py") if path.name[:4] >= "0013")

FORBIDDEN = {
    "clock_timestamp(): an UPDATE on shards refuses it": r"\bclock_timestamp\(\)",
    "a tenant in INSERT … SELECT that is a parameter: the rows would be copied, which policies refuse": (
        r"\bINSERT INTO\s+(?!import_)\w+\s*\([^)]*\)\s*SELECT\s+\$1\b"
    ),
    "MERGE": r"\bMERGE INTO\b",
    "a sequence": r"\b(nextval|setval|currval)\(",
    "set_config() of the tenant or the role: only SET LOCAL is handed on": r"set_config\('(app\.|role)",
}
FORBIDDEN_OF_TABLES = {
    "a restrictive policy becomes permissive on shards": r"\bRESTRICTIVE\b",
    "a policy with a subquery": r"CREATE POLICY[^;]*\b(EXISTS|SELECT|IN)\s*\(",
    # In quotes it is a value, a way to track goods.
    "an identity or a sequence": r"\b(GENERATED (ALWAYS|BY DEFAULT) AS IDENTITY|BIGSERIAL|(?<!')SERIAL|CREATE SEQUENCE)\b|sa\.(Identity|Sequence)\(",
    "an exclusion constraint": r"\bEXCLUDE USING\b|ExcludeConstraint\(",
    "ON UPDATE CASCADE, whose key has the tenant": r"\bON UPDATE CASCADE\b|onupdate=",
    "an unlogged table can't be moved while others write": r"\bUNLOGGED\b",
}
EXCEPT = {
    # The log's numbers come from the coordinator, where every process logs in; docs/scale.md says so.
    "migrations/versions/0019_the_log_of_commits.py",
    # The clock of the database's machine, outside of any table.
    "app/doctor.py",
}


def texts(path: Path) -> list[tuple[int, str]]:
    """A file's strings, as far as they are known, without what only says something."""
    tree = ast.parse(path.read_text())
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            found.append(
                (
                    node.lineno,
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "_" for part in node.values),
                )
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found.append((node.lineno, node.value))
    return found


def broken(rules: dict[str, str], path: Path) -> list[tuple[int, str]]:
    return [
        (line, why)
        for line, text in texts(path)
        for why, pattern in rules.items()
        if re.search(pattern, text, re.DOTALL)
    ]


def test_every_statement_runs_where_tables_are_spread() -> None:
    looked_at = [path for path in SERVING if str(path.relative_to(ROOT)) not in EXCEPT]
    assert len(looked_at) > 100
    assert [(str(path.relative_to(ROOT)), *found) for path in looked_at for found in broken(FORBIDDEN, path)] == []


def test_the_exceptions_are_needed() -> None:
    assert [name for name in sorted(EXCEPT) if not broken(FORBIDDEN | FORBIDDEN_OF_TABLES, ROOT / name)] == []


@pytest.mark.parametrize("path", LATER, ids=lambda path: path.name)
def test_a_migration_runs_where_tables_are_spread(path: Path) -> None:
    upgrades = ast.unparse(
        ast.Module([n for n in ast.parse(path.read_text()).body if getattr(n, "name", "") != "downgrade"], [])
    )
    rules = FORBIDDEN | FORBIDDEN_OF_TABLES
    found = [why for why, pattern in rules.items() if re.search(pattern, upgrades, re.DOTALL)]
    if str(path.relative_to(ROOT)) in EXCEPT:
        assert all("sequence" in why for why in found)
        assert found
    else:
        assert found == []


@pytest.mark.parametrize(
    "why,text",
    [
        ("clock_timestamp()", "UPDATE orders SET updated_at = clock_timestamp()"),
        ("a tenant in", "INSERT INTO events (tenant_id, id)\n SELECT $1, id FROM unnest($2::uuid[]) id"),
        ("MERGE", "MERGE INTO orders o USING x ON true"),
        ("a sequence", "SELECT nextval('x')"),
        ("set_config()", "SELECT set_config('app.tenant_id', $1, true)"),
        ("a restrictive", "CREATE POLICY partner ON orders AS RESTRICTIVE TO x USING (true)"),
        ("a policy with", "CREATE POLICY partner ON x USING (EXISTS (SELECT FROM orders))"),
        ("an identity", "CREATE TABLE x (n bigint GENERATED ALWAYS AS IDENTITY)"),
        ("an exclusion", "ALTER TABLE x ADD EXCLUDE USING gist (a WITH =)"),
        ("ON UPDATE CASCADE", "REFERENCES orders ON UPDATE CASCADE"),
        ("an unlogged", "CREATE UNLOGGED TABLE x ()"),
    ],
)
def test_each_rule_finds_what_it_is_for(why: str, text: str) -> None:
    rules = FORBIDDEN | FORBIDDEN_OF_TABLES
    assert [name for name, pattern in rules.items() if re.search(pattern, text, re.DOTALL)] == [
        name for name in rules if name.startswith(why)
    ]
