"""The environment: names that no setting has, secrets in files, and a production that has no database."""

from pathlib import Path

import pytest

from app.settings import load
from core.errors import BadInput
from tests.support.command import command

URL = "postgresql://erp:secret@db.example/erp"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "APP_DATABASE_URL", "READING_URL"):
        monkeypatch.delenv(f"ERPGRAPH_{name}", raising=False)


@pytest.mark.parametrize(
    "name, meant",
    [
        ("ERPGRAPH_LIMIT_COSTS", "Is ERPGRAPH_LIMIT_COST meant?"),
        ("ERPGRAPH_DATABASEURL", "Is ERPGRAPH_DATABASE_URL meant?"),
        ("erpgraph_prot", "Is ERPGRAPH_PORT meant?"),
        ("ERPGRAPH_PORT_FILE", "Is ERPGRAPH_PORT meant?"),
        ("ERPGRAPH_", "README.md has the list."),
        ("ERPGRAPH_QQQQQQ", "README.md has the list."),
    ],
)
def test_a_name_that_no_setting_has_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(BadInput) as caught:
        load()
    assert caught.value.message == f"{name} is no setting of this server. {meant}"


def test_secrets_stand_in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "url"
    place.write_text(f"{URL}\n")
    monkeypatch.setenv("ERPGRAPH_DATABASE_URL_FILE", str(place))
    assert load().database_url == URL
    assert load(database_url="").database_url == ""  # what is given goes before it
    monkeypatch.setenv("ERPGRAPH_DATABASE_URL", URL)
    with pytest.raises(BadInput) as caught:
        load()
    assert "ERPGRAPH_DATABASE_URL and ERPGRAPH_DATABASE_URL_FILE are both set" in caught.value.message


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ERPGRAPH_READING_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(BadInput) as caught:
        load()
    assert f"ERPGRAPH_READING_URL_FILE names {tmp_path / 'none'}, which can't be read: No such" in caught.value.message
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    monkeypatch.setenv("ERPGRAPH_READING_URL_FILE", str(tmp_path / "bytes"))
    with pytest.raises(BadInput) as caught:
        load()
    assert "it is no text" in caught.value.message


def test_production_has_a_database_of_its_own(tmp_path: Path) -> None:
    """Without one it would serve an empty, embedded one, and everything would look well."""
    for words in (("serve",), ("db", "status"), ("tenant", "list")):
        ended = command(*words, ENVIRONMENT="production", DATA_DIR=str(tmp_path / "data"))
        assert "ERPGRAPH_ENVIRONMENT is production, and ERPGRAPH_DATABASE_URL is empty" in ended.err
        assert (ended.code, ended.out) == (1, "")
    assert not (tmp_path / "data").exists()
