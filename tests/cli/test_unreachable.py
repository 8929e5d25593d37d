"""An unreachable system: exit code 4, one line, no stack trace."""

import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import as_bytes, order_document, run_starter
from tests.systems import Environment, clean_environment
from tests.temporal_cli import documented

COMMANDS = {
    "place": ["place", "-"],
    "batch": ["batch", "1"],
    "status": ["status", "o-1"],
    "list": ["list"],
    "watch": ["watch", "o-1"],
    "plan": ["plan", "o-1"],
    "resolve": ["resolve", "o-1", "charge", "retry", "--actor", "a", "--reason", "r"],
    "cancel": ["cancel", "o-1", "--reason", "late"],
    "history": ["history", "o-1"],
    "setup": ["setup"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unreachable_server_is_exit_code_4(command: str, nowhere: Environment) -> None:
    ran = run_starter(nowhere, *COMMANDS[command], stdin=as_bytes(order_document()))

    assert ran.code == 4, ran.err
    assert ran.out == ""
    assert ran.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("command", documented("python starter.py "))
def test_the_documented_commands_are_well_formed(command: str, nowhere: Environment, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text('{"reason": "by hand"}')
    arguments = [word.replace("request.json", str(tmp_path / "request.json")) for word in shlex.split(command)[2:]]

    assert run_starter(nowhere, *arguments).code == 4


def test_without_running_servers_the_error_names_the_command_that_starts_them(tmp_path: Path) -> None:
    ran = run_starter(clean_environment(ORDERS_DATA_DIR=str(tmp_path)), "place", "-", stdin=as_bytes(order_document()))

    assert ran.code == 4
    assert "starter.py up" in ran.err


def test_a_misspelt_setting_is_exit_code_2(nowhere: Environment) -> None:
    ran = run_starter({**nowhere, "ORDERS_TEMPORAL_PROT": "1"}, "list")

    assert ran.code == 2
    assert (
        ran.err == "error: ORDERS_TEMPORAL_PROT: is not a setting of this project; did you mean ORDERS_TEMPORAL_PORT?\n"
    )


@pytest.mark.parametrize("command", ["up", "demo"])
def test_the_embedded_stack_does_not_hide_another_system(command: str, nowhere: Environment) -> None:
    ran = run_starter(nowhere, command)

    assert ran.code == 2
    assert "DATABASE_URL" in ran.err
