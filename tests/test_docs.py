"""Every test and every section that the docs name exists."""

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
PAGES = sorted((PROJECT / "docs").glob("*.md"))
LINK = re.compile(r"\]\(([\w./-]*)#([^)]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that don't exist."""
    return [f"{path}::{name}" for path, name in NAMED.findall(text) if name not in names_in(PROJECT / path)]


def names_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)}


def sections(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "page", [*PAGES, PROJECT / "README.md", PROJECT / "CONTRIBUTING.md"], ids=lambda page: page.name
)
def test_every_linked_section_exists(page: Path) -> None:
    links = LINK.findall(FENCE.sub("", page.read_text()))

    assert [(to, at) for to, at in links if at not in sections((page.parent / to) if to else page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_the_docs_name_exists(page: Path) -> None:
    assert missing(page.read_text()) == []


def test_the_page_of_promises_names_tests() -> None:
    assert len(NAMED.findall((PROJECT / "docs" / "promises.md").read_text())) > 40


def test_a_missing_test_is_found() -> None:
    text = "see `tests/test_docs.py::test_of_nothing` and `tests/nowhere.py::test_x`"

    assert missing(text) == ["tests/test_docs.py::test_of_nothing", "tests/nowhere.py::test_x"]
