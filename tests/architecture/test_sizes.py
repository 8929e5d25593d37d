"""Limits on the sizes of files and functions, and forbidden names."""

import ast
from pathlib import Path

from tests.architecture.packages import FILES, PROJECT, package_of, parsed, problems

FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "manager", "managers", "misc"}
LONGEST_FILE = 300
LONGEST_FILE_OF_THE_BUILDING_BLOCK = 200
LONGEST_FUNCTION = 40


def oversized(source: str) -> list[str]:
    """Return the functions that are longer than LONGEST_FUNCTION, with their lengths in lines."""
    found = []
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            found += [f"{node.name}: {length} lines"] if length > LONGEST_FUNCTION else []
    return found


def too_long(path: Path) -> list[str]:
    """Return what is too long in a file: the file itself, and its functions."""
    source = path.read_text()
    lines, longest = len(source.splitlines()), LONGEST_FILE
    if package_of(path) == "temporal_saga":
        longest = LONGEST_FILE_OF_THE_BUILDING_BLOCK
    return [*([f"{lines} lines"] if lines > longest else []), *oversized(source)]


def test_files_and_functions_stay_small() -> None:
    assert problems(FILES, too_long) == {}


def test_no_name_is_meaningless() -> None:
    assert problems(FILES, lambda path: {*path.relative_to(PROJECT).with_suffix("").parts} & FORBIDDEN_NAMES) == {}


def test_an_oversized_function_is_found() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert oversized(f"def f():\n{body}") == ["f: 41 lines"]
    assert oversized(f"async def f():\n{body[9:]}") == []
