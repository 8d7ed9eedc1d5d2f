"""Which of PostgreSQL's programs is taken for a server, and that a password stands in no argument."""

from pathlib import Path

import pytest

from core.errors import Unavailable
from db.admin.programs import Login, find


@pytest.fixture
def installed(tmp_path: Path) -> dict[int, Path]:
    """Programs that say that they are of these versions."""
    made = {}
    for version in (14, 15, 16, 17, 18):
        path = made[version] = tmp_path / str(version)
        path.write_text(f"#!/bin/sh\necho 'pg_any (PostgreSQL) {version}.3 (Debian {version}.3-1)'\n")
        path.chmod(0o755)
    return made


@pytest.mark.parametrize(
    "name,server,there,taken",
    [
        ("pg_dump", 15, (14, 15, 16, 18), 15),
        ("pg_dump", 15, (18, 16, 14), 16),
        ("pg_dump", 18, (15, 18), 18),
        ("pg_dump", 18, (14, 15, 17), None),
        ("pg_dump", 15, (), None),
        ("pg_restore", 15, (18, 15), 15),
        ("pg_restore", 15, (17, 16), 16),
        # It would set transaction_timeout, which PostgreSQL 16 doesn't know.
        ("pg_restore", 15, (14, 17, 18), None),
        ("pg_restore", 17, (16, 18), 18),
    ],
)
def test_the_servers_own_version_or_the_nearest_that_works(
    installed: dict[int, Path], name: str, server: int, there: tuple[int, ...], taken: int | None
) -> None:
    candidates = [installed[version] for version in there]
    if taken is None:
        with pytest.raises(Unavailable) as refused:
            find(name, server, candidates=candidates)
        assert f"there is no {name} here that works with it" in refused.value.message
        assert f"postgresql-client-{server}" in refused.value.message
        assert all(f"{installed[version]} of version {version}" in refused.value.message for version in there)
    else:
        assert find(name, server, candidates=candidates) == (installed[taken], taken)


def test_what_is_no_program_is_passed_over(installed: dict[int, Path], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "other").write_text("#!/bin/sh\necho 18")
    (tmp_path / "other").chmod(0o755)
    candidates = [tmp_path / "text", tmp_path / "other", tmp_path / "missing", installed[18]]
    assert find("pg_dump", 15, candidates=candidates).path == installed[18]
    with pytest.raises(Unavailable, match=r"found: none"):
        find("pg_dump", 15, folder=tmp_path)


@pytest.mark.parametrize(
    "url,bare,password",
    [
        ("postgresql://a:b%2Fc%3Ad@db.example:5433/erp", "postgresql://a@db.example:5433/erp", "b/c:d"),
        (
            "postgresql://a@/erp?host=/run/pg&password=x%20y&sslmode=require",
            "postgresql://a@/erp?host=%2Frun%2Fpg&sslmode=require",
            "x y",
        ),
        ("postgresql://a@/erp?host=/run/pg", "postgresql://a@/erp?host=%2Frun%2Fpg", ""),
        ("postgresql:///erp", "postgresql:///erp", ""),
        ("postgresql://a:@[::1]/erp", "postgresql://a@[::1]/erp", ""),
    ],
)
def test_the_password_is_in_the_environment_alone(url: str, bare: str, password: str) -> None:
    login = Login.of(url)
    assert (login.url, login.password) == (bare, password)
    assert login.environment.get("PGPASSWORD", "") == password
    assert login.hidden(f"with {password} or so") == ("with … or so" if password else "with  or so")
