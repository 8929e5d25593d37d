"""Who may import whom, and how large things may grow: the house rules that a machine can check."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent
ROOMS = {"models", "services", "activities", "workflows", "choreography", "runtime", "cli"}
ENTRANCES = {"worker", "starter"}
OUTSIDE = {"tests", "benchmarks", "deploy", "docs"}

ANY_LIBRARY = None
# Room: what it may import of the house, and which libraries.
MAY_IMPORT: dict[str, tuple[set[str], set[str] | None]] = {
    "models": (set(), {"pydantic"}),
    "services": ({"models"}, {"psycopg", "psycopg_pool", "pydantic", "structlog", "alembic", "sqlalchemy"}),
    "activities": ({"services", "models"}, {"temporalio", "pydantic", "structlog"}),
    "workflows": ({"activities", "models"}, {"temporalio", "pydantic"}),
    "choreography": ({"services", "models"}, {"temporalio", "pydantic", "structlog"}),
    "runtime": ({"models"}, ANY_LIBRARY),
    "cli": (ROOMS | ENTRANCES, ANY_LIBRARY),
}
BUILDING_BLOCK = "workflows/saga.py"

FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "manager", "managers", "misc"}
LONGEST_FILE = 300
# One file on purpose, so that it can be copied.
LONGEST_BUILDING_BLOCK = 695
LONGEST_FUNCTION = 40


def python_files() -> list[Path]:
    own = [HOUSE / f"{name}.py" for name in sorted(ENTRANCES)]
    rooms = [path for room in sorted(ROOMS | OUTSIDE) for path in sorted((HOUSE / room).rglob("*.py"))]
    return [path for path in own if path.exists()] + rooms


def named(path: Path) -> str:
    return path.relative_to(HOUSE).as_posix()


FILES = python_files()
ROOM_FILES = [path for path in FILES if path.relative_to(HOUSE).parts[0] in ROOMS]
WORKFLOW_FILES = [path for path in FILES if path.relative_to(HOUSE).parts[0] == "workflows"]


def imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    """Yield each imported module's full name with its statement, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, "." * node.level + (node.module or "")


def imported_by(name: str) -> set[str]:
    """Return the top names of what a file imports, the standard library aside."""
    tops = {module.partition(".")[0] for _, module in imports(ast.parse((HOUSE / name).read_text()))}
    return tops - set(sys.stdlib_module_names)


def trespasses(source: str, room: str) -> list[str]:
    """Return the imports that this room is not allowed."""
    house, libraries = MAY_IMPORT[room]
    found = []
    for _, module in imports(ast.parse(source)):
        top = module.partition(".")[0]
        if top in ROOMS | ENTRANCES | OUTSIDE:
            allowed = top == room or top in house
        else:
            allowed = top in sys.stdlib_module_names or libraries is ANY_LIBRARY or top in libraries
        if not allowed:
            found.append(module)
    return found


def _passes_through(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) == "workflow.unsafe.imports_passed_through"
        for item in node.items
    )


def misplaced(source: str) -> list[str]:
    """Return house imports of a workflow file that are on the wrong side of the pass-through block."""
    tree = ast.parse(source)
    passed = {id(inner) for node in ast.walk(tree) if _passes_through(node) for inner in ast.walk(node)}
    found = []
    for node, module in imports(tree):
        top = module.partition(".")[0]
        wrong_side = id(node) in passed if top == "workflows" else id(node) not in passed
        if top in ROOMS | ENTRANCES and wrong_side:
            found.append(module)
    return found


def oversized(source: str) -> list[str]:
    """Return the functions that are longer than the house allows, with their length in lines."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            found += [f"{node.name}: {length} lines"] if length > LONGEST_FUNCTION else []
    return found


@pytest.mark.parametrize("path", ROOM_FILES, ids=named)
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    assert trespasses(path.read_text(), path.relative_to(HOUSE).parts[0]) == []


@pytest.mark.parametrize("path", WORKFLOW_FILES, ids=named)
def test_workflows_pass_the_house_through_and_keep_their_own_logic_in_the_sandbox(path: Path) -> None:
    assert misplaced(path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    lines = len(source.splitlines())
    assert lines <= (LONGEST_BUILDING_BLOCK if named(path) == BUILDING_BLOCK else LONGEST_FILE)
    assert oversized(source) == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_is_named_after_nothing(path: Path) -> None:
    parts = set(path.relative_to(HOUSE).with_suffix("").parts)
    assert parts & FORBIDDEN_NAMES == set()


def test_the_building_block_can_be_copied_into_any_project() -> None:
    assert imported_by(BUILDING_BLOCK) == {"temporalio"}


def test_the_workflow_package_is_empty() -> None:
    # Each workflow run imports it anew inside the sandbox.
    assert (HOUSE / "workflows" / "__init__.py").read_text() == ""


def test_the_starter_only_starts_the_cli() -> None:
    assert imported_by("starter.py") == {"cli"}


def test_every_folder_with_code_has_its_rule() -> None:
    folders = {path.name for path in HOUSE.iterdir() if path.is_dir() and not path.name.startswith(".")}
    with_code = {name for name in folders if any((HOUSE / name).rglob("*.py"))}
    assert with_code - ROOMS - OUTSIDE == set()
    assert {path.stem for path in HOUSE.glob("*.py")} <= ENTRANCES


@pytest.mark.parametrize(
    ("room", "source", "expected"),
    [
        ("models", "import pydantic, json", []),
        ("models", "import psycopg", ["psycopg"]),
        ("models", "def f():\n    from services.orders import Orders", ["services.orders"]),
        ("services", "from temporalio import activity", ["temporalio"]),
        ("services", "from . import ports", ["."]),
        ("workflows", "from services.orders import Orders", ["services.orders"]),
        ("activities", "import runtime.settings", ["runtime.settings"]),
        ("runtime", "import psutil", []),
        ("runtime", "from services import schema", ["services"]),
    ],
)
def test_a_trespass_is_seen(room: str, source: str, expected: list[str]) -> None:
    assert trespasses(source, room) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("with workflow.unsafe.imports_passed_through():\n    import models.order", []),
        ("import models.order", ["models.order"]),
        ("import workflows.saga", []),
        ("with workflow.unsafe.imports_passed_through():\n    import workflows.saga", ["workflows.saga"]),
        ("with suppress(ImportError):\n    import models.order", ["models.order"]),
    ],
)
def test_a_misplaced_import_is_seen(source: str, expected: list[str]) -> None:
    assert misplaced(source) == expected


def test_an_oversized_function_is_seen() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert oversized(f"def f():\n{body}") == ["f: 41 lines"]
    assert oversized(f"async def f():\n{body[9:]}") == []
