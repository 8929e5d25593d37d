"""README.md matches the code: its commands, files, tables and examples; tests/docs/ runs the blocks of all pages."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from cli.app import COMMANDS, app
from cli.exits import Code
from client.orders import OrdersClient
from models.order import Order
from providers.simulated import card_provider
from runtime.settings import Settings, variable

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")))


def test_every_command_is_named_and_every_named_one_exists() -> None:
    there = {name for name, _, _ in COMMANDS} | {group.name for group in app.registered_groups}
    named = set(re.findall(r"starter\.py ([a-z][a-z-]*)", README))

    assert named <= there
    assert there <= named | {"demo", "up"}  # documented as make targets


@pytest.mark.parametrize("page", PAGES)
def test_every_linked_or_named_file_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", prose) if "://" not in target]
    named = re.findall(r"`((?:\w+/)+[\w./]*|\w+\.py)`", text) if page == "README.md" else []

    missing = [each for each in linked if not (ROOT / page).parent.joinpath(each).exists()]
    missing += [each for each in named if not (ROOT / each).exists()]

    assert missing == []


def test_every_setting_and_its_default_is_listed() -> None:
    rows = {
        name: defaults.split(", ")[place] if ", " in defaults else defaults
        for names, defaults in re.findall(r"^\| ((?:`[A-Z_]+`(?:, )?)+) \| ([^|]+) \|", README, re.MULTILINE)
        for place, name in enumerate(re.findall(r"`(\w+)`", names))
    }
    fields = Settings.model_fields

    assert set(rows) == {variable(field) for field in fields}
    for field, info in fields.items():
        if isinstance(info.default, bool | int) or info.default == "info":
            assert rows[variable(field)] == str(info.default).lower(), field


def test_every_exit_code_is_listed() -> None:
    paragraph = README.split("**Exit codes.**")[1].split("##")[0]

    assert sorted(map(int, re.findall(r"(?:^|· |·\n)\s*(\d+) [a-z]", paragraph))) == sorted(Code)


def test_every_token_is_listed_and_known() -> None:
    listed = set(re.findall(r"`(tok_\w+)`", README))
    flaky = {"tok_flaky_N", "tok_refund_flaky_N"}

    assert listed == set(card_provider._PLANS) | flaky | {"tok_declined"}
    assert card_provider._plan("tok_flaky_4").failures == 4
    assert card_provider._plan("tok_refund_flaky_4").undo_failures == 4


def python_under(heading: str) -> str:
    return README.split(f"## {heading}\n")[1].split("```python\n")[1].split("```")[0]


def test_the_python_example_names_what_exists() -> None:
    tree = ast.parse(python_under("From Python"))
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    called = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "orders"
    }

    assert called == {"place", "result"}
    assert called <= set(dir(OrdersClient))
    for node in imported:
        module = importlib.import_module(node.module or "")
        assert {name.name for name in node.names} <= set(dir(module))


def test_the_documented_order_is_valid() -> None:
    document = README.split("<<'JSON'\n")[1].split("\nJSON\n")[0]

    assert Order.model_validate_json(document).order_id == "o-1001"
