"""The documents point to what there is: files, make targets, decisions."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("app", "core", "db", "execution", "loaders", "migrations", "resolvers", "schema", "services", "tests")
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "execution/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
    if not {"node_modules", ".venv"} & {*path.parts}
)
DECISIONS = sorted(path for path in (ROOT / "docs" / "decisions").iterdir() if path.name != "README.md")
CODE = sorted(path for layer in LAYERS for path in (ROOT / layer).rglob("*.py") if ".venv" not in path.parts)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_its_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def headings(path: Path) -> set[str]:
    """The names by which links reach a page's headings."""
    found = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_its_links_lead_to_headings(path: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", path.read_text())
    wanted = [(path.parent / page if page else path, heading) for page, heading in links if "://" not in page]
    assert [
        (name(page.resolve()), heading)
        for page, heading in wanted
        if page.suffix == ".md" and heading not in headings(page)
    ] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_its_make_targets_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE)
    assert set(named) - targets == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_the_files_it_names_exist(path: Path) -> None:
    """Names in backquotes that begin with a folder of ours; the walk-through names the files that it makes."""
    folders = "|".join((*LAYERS, "docs", "examples"))
    named = set(re.findall(rf"`((?:{folders})/[\w/.-]+?\.\w+)`", path.read_text()))
    made = {each for each in named if path.name == "add-a-module.md" and each.endswith("/offers.py")}
    assert [each for each in sorted(named - made) if not (ROOT / each).exists()] == []


def test_the_code_names_decisions_that_there_are() -> None:
    there = {name(path) for path in DOCUMENTS}
    named = {
        (name(path), document)
        for path in CODE
        for document in re.findall(r"docs/[\w/-]+\.md", path.read_text())
        if "docs/" in document
    }
    assert [(place, document) for place, document in sorted(named) if document not in there] == []
    assert len(named) > 5


def test_decisions_are_numbered_apart() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert sorted(numbers) == sorted(set(numbers))


def test_the_list_of_decisions_has_each_with_its_title() -> None:
    listed = re.findall(r"^- \[(.+)\]\((.+)\)$", (ROOT / "docs" / "decisions" / "README.md").read_text(), re.MULTILINE)
    titles = {(path.read_text().splitlines()[0].removeprefix("# "), path.name) for path in DECISIONS}
    assert len(listed) == len(titles)
    assert {*listed} == titles


def test_decisions_have_a_date_and_a_status() -> None:
    for path in DECISIONS:
        title, _, state, *_ = path.read_text().splitlines()
        assert re.fullmatch(rf"# {int(path.name[:4])}\. .+", title), path.name
        assert re.fullmatch(r"Date: \d{4}-\d\d-\d\d · Status: (proposed|accepted|superseded by \d{4})", state), (
            path.name
        )
