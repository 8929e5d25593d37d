"""Limits on the sizes of files and functions, and forbidden names."""

import ast
from pathlib import Path

import pytest

from tests.architecture.packages import FILES, PROJECT, name_of, package_of

FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "manager", "managers", "misc"}
LONGEST_FILE = 300
LONGEST_FILE_OF_THE_BUILDING_BLOCK = 200
LONGEST_FUNCTION = 40


def oversized(source: str) -> list[str]:
    """Return the functions that are longer than LONGEST_FUNCTION, with their lengths in lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            found += [f"{node.name}: {length} lines"] if length > LONGEST_FUNCTION else []
    return found


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    lines = len(source.splitlines())
    assert lines <= (LONGEST_FILE_OF_THE_BUILDING_BLOCK if package_of(path) == "temporal_saga" else LONGEST_FILE)
    assert oversized(source) == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_name_is_meaningless(path: Path) -> None:
    parts = set(path.relative_to(PROJECT).with_suffix("").parts)
    assert parts & FORBIDDEN_NAMES == set()


def test_an_oversized_function_is_found() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert oversized(f"def f():\n{body}") == ["f: 41 lines"]
    assert oversized(f"async def f():\n{body[9:]}") == []
