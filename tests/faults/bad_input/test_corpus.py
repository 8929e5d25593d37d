"""Every case of the corpus ends as indexed: the exit code and one line with the field, no secret, and no change."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, check_errors, run_starter
from tests.faults.bad_input.corpus import FOLDER, INDEX, LARGE, CorpusCase, kept, made
from tests.faults.bad_input.target import CANARY, Target
from tests.systems import changed

pytestmark = pytest.mark.server

CASES = {case.name: case for case in (*kept(), *made())}
FILES_AT_LEAST = 200
EXIT_CODES = {2, 4, 5, 6}
# One case of each folder and of each exit code runs in a separate process, as users run the starter.
AS_A_PROCESS = [
    "orders/empty.json",
    "orders/name-card-number.json",
    "orders/sku-retired.json",
    "events/payment_failed/reason-nul.json",
    "events/payment_settled/other-currency.json",
    "requests/of-another-order-charge.json",
    "commands/cancel-plan-not-utf-8.json",
    "commands/deadletters-show-2-to-the-64.json",
    "environments/database-not-utf-8.json",
    "environments/temporal-nobody-there.json",
]


def test_the_index_lists_exactly_the_files() -> None:
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    indexed = {f"{folder}/{name}" for folder, files in INDEX.items() for name in files}

    assert found - {"index.json", ".gitattributes"} == indexed
    assert len(indexed) >= FILES_AT_LEAST
    assert len(CASES) == len(indexed) - len(INDEX["updates"]) + len(LARGE)
    assert {case.code for case in CASES.values()} == EXIT_CODES


@pytest.mark.parametrize("name", CASES)
def test_a_bad_input_is_refused_in_one_line_and_changes_nothing(target: Target, name: str) -> None:
    case = CASES[name]

    ran = target.run(*case.arguments, stdin=case.document, environment=case.environment)
    check(case, ran)
    assert ran.out == ""

    if with_json := with_json_option(case.arguments):
        ran_with_json = target.run(*with_json, stdin=case.document, environment=case.environment)
        check(case, ran_with_json)
        lines = [line.removeprefix("error: ") for line in ran_with_json.err.splitlines()]
        several = {"errors": lines} if len(lines) > 1 else {}
        assert ran_with_json.document == {"error": lines[0], **several, "exit_code": case.code}
    target.check_unchanged()


@pytest.mark.parametrize("name", AS_A_PROCESS)
def test_a_separate_process_gives_the_same_answer(target: Target, name: str) -> None:
    case = CASES[name]
    arguments = [argument.format_map(target.orders) for argument in case.arguments]

    ran = run_starter(changed(target.environment, case.environment), *arguments, stdin=case.document)

    check(case, ran)
    assert ran.out == ""
    target.check_unchanged()


def check(case: CorpusCase, ran: Ran) -> None:
    """Check the exit code and the error lines: first the expected text, printable, without personal data."""
    assert ran.code == case.code, ran.err
    check_errors(ran.err)
    assert "Traceback" not in ran.err
    assert case.says in ran.err if names_no_field(case) else ran.err.removeprefix("error: ").startswith(case.says)
    command_line = " ".join(case.arguments)
    assert CANARY not in (ran.out + ran.err).lower() or CANARY in command_line.lower(), ran.err


def names_no_field(case: CorpusCase) -> bool:
    """Return whether other words may precede the expected text, as in server errors and usage errors."""
    return case.code != 2 or case.name.startswith("commands/")


def with_json_option(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Return the arguments with --json after the command's name; none without a command."""
    words = 2 if arguments[:1] == ("deadletters",) else 1
    return (*arguments[:words], "--json", *arguments[words:]) if len(arguments) >= words else ()


def test_an_unreadable_file_is_refused_in_one_line(target: Target, tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")

    ran = target.run("place", str(tmp_path / "loop.json"), "--json")

    assert (ran.code, json.loads(ran.out)["exit_code"]) == (2, 2)
    assert "too many levels of symbolic links" in ran.err
    target.check_unchanged()
