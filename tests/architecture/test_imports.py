"""The import rules of the packages."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.packages import (
    ENTRY_POINTS,
    FILES,
    PACKAGE_FILES,
    PACKAGES,
    PROJECT,
    SUPPORT,
    forbidden_imports,
    imports,
    name_of,
    package_of,
    parsed,
    problems,
)

WORKFLOW_FILES = [path for path in PACKAGE_FILES if package_of(path) == "workflows"]
BUILDING_BLOCK = "temporal_saga"
IN_THE_SANDBOX = {"workflows", BUILDING_BLOCK}


def imported_by(name: str) -> set[str]:
    """Return the top-level packages that a file imports, except the standard library."""
    tops = {module.partition(".")[0] for _, module in imports(parsed((PROJECT / name).read_text()))}
    return tops - set(sys.stdlib_module_names)


def _passes_through(node: ast.AST) -> bool:
    return isinstance(node, ast.With) and any(
        isinstance(item.context_expr, ast.Call)
        and ast.unparse(item.context_expr.func) == "workflow.unsafe.imports_passed_through"
        for item in node.items
    )


def misplaced(source: str) -> list[str]:
    """Return the project imports of a workflow file that are on the wrong side of the pass-through block."""
    tree = parsed(source)
    passed = {id(inner) for node in ast.walk(tree) if _passes_through(node) for inner in ast.walk(node)}
    found = []
    for node, module in imports(tree):
        top = module.partition(".")[0]
        wrong_side = id(node) in passed if top in IN_THE_SANDBOX else id(node) not in passed
        if top in PACKAGES | ENTRY_POINTS and wrong_side:
            found.append(module)
    return found


def test_a_package_imports_only_what_its_rule_allows() -> None:
    assert problems(PACKAGE_FILES, lambda path: forbidden_imports(path.read_text(), package_of(path))) == {}


def test_workflows_pass_other_packages_through_and_keep_their_own_logic_in_the_sandbox() -> None:
    assert problems(WORKFLOW_FILES, lambda path: misplaced(path.read_text())) == {}


def test_the_building_block_is_closed() -> None:
    def private_modules(path: Path) -> set[str]:
        modules = {module for _, module in imports(parsed(path.read_text()))}
        return {module for module in modules if module.startswith(f"{BUILDING_BLOCK}.")}

    outside = [path for path in FILES if package_of(path) != BUILDING_BLOCK]
    assert problems(outside, private_modules) == {}


def test_a_run_of_the_building_block_has_no_private_members() -> None:
    # Internals that a workflow must not use are functions of the package, not private members of the run.
    source = (PROJECT / BUILDING_BLOCK / "run.py").read_text()
    private = {node.attr for node in ast.walk(parsed(source)) if isinstance(node, ast.Attribute)}
    assert {name for name in private if name.startswith("_") and not name.startswith("__")} == set()


def test_a_package_of_workflows_is_empty() -> None:
    # Each workflow run imports the package again inside the sandbox.
    assert problems((PROJECT / "workflows").rglob("__init__.py"), Path.read_text) == {}


def test_a_worker_that_only_runs_workflows_needs_no_driver() -> None:
    modules = [name_of(path).removesuffix(".py").replace("/", ".") for path in WORKFLOW_FILES]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True, text=True)
    assert {"psycopg", "psycopg_pool", "httpx", "services", "postgres"} & set(run.stdout.split()) == set()


def test_the_starter_only_starts_the_cli() -> None:
    assert imported_by("starter.py") == {"cli", "runtime"}


def test_every_folder_with_code_has_its_rule() -> None:
    folders = {path.name for path in PROJECT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    with_code = {name for name in folders if any((PROJECT / name).rglob("*.py"))}
    assert with_code - PACKAGES - SUPPORT == set()
    assert {path.stem for path in PROJECT.glob("*.py")} <= ENTRY_POINTS


@pytest.mark.parametrize(
    ("package", "source", "expected"),
    [
        ("models", "import pydantic, json", []),
        ("models", "import psycopg", ["psycopg"]),
        ("models", "def f():\n    from services.orders.orders import Orders", ["services.orders.orders"]),
        ("services", "from temporalio import activity", ["temporalio"]),
        ("services", "from . import ports", ["."]),
        ("workflows", "from services.orders import Orders", ["services.orders"]),
        ("activities", "import runtime.settings", ["runtime.settings"]),
        ("runtime", "import psutil", []),
        ("runtime", "from services import schema", ["services"]),
    ],
)
def test_a_forbidden_import_is_found(package: str, source: str, expected: list[str]) -> None:
    assert forbidden_imports(source, package) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("with workflow.unsafe.imports_passed_through():\n    import models.order", []),
        ("import models.order", ["models.order"]),
        ("import workflows.order.saga, temporal_saga", []),
        ("with workflow.unsafe.imports_passed_through():\n    import temporal_saga", ["temporal_saga"]),
        ("with suppress(ImportError):\n    import models.order", ["models.order"]),
    ],
)
def test_a_misplaced_import_is_found(source: str, expected: list[str]) -> None:
    assert misplaced(source) == expected
