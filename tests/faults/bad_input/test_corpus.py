"""Every file of the corpus: exit code and field as the index says, in one line, without a secret, changing nothing."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Ran, run_starter
from tests.faults.bad_input.corpus import FOLDER, INDEX, LARGE, CorpusCase, kept, made
from tests.faults.bad_input.target import CANARY, Target
from tests.systems import changed

pytestmark = pytest.mark.server

CASES = {case.name: case for case in (*kept(), *made())}
FILES_AT_LEAST = 200
EXIT_CODES = {2, 4, 5, 6}
# One of each folder, and of each exit code: these are run as people run them, in a process of their own.
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


def test_the_index_and_the_files_are_the_same_ones() -> None:
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    indexed = {f"{folder}/{name}" for folder, files in INDEX.items() for name in files}

    assert there - {"index.json", ".gitattributes"} == indexed
    assert len(indexed) >= FILES_AT_LEAST
    assert len(CASES) == len(indexed) - len(INDEX["updates"]) + len(LARGE)
    assert {case.code for case in CASES.values()} == EXIT_CODES


@pytest.mark.parametrize("name", CASES)
def test_a_bad_input_is_told_in_one_line_and_changes_nothing(target: Target, name: str) -> None:
    case = CASES[name]

    people = target.run(*case.arguments, stdin=case.document, environment=case.environment)
    check(case, people)
    assert people.out == ""

    if with_json := for_programs(case.arguments):
        programs = target.run(*with_json, stdin=case.document, environment=case.environment)
        check(case, programs)
        assert programs.document == {"error": programs.err[len("error: ") : -1], "exit_code": case.code}
    target.check_unchanged()


@pytest.mark.parametrize("name", AS_A_PROCESS)
def test_it_is_the_same_for_a_process_of_its_own(target: Target, name: str) -> None:
    case = CASES[name]
    arguments = [argument.format_map(target.orders) for argument in case.arguments]

    ran = run_starter(changed(target.environment, case.environment), *arguments, stdin=case.document)

    check(case, ran)
    assert ran.out == ""
    target.check_unchanged()


def check(case: CorpusCase, ran: Ran) -> None:
    """One line that says what is wrong, where, and nothing about whom."""
    assert ran.code == case.code, ran.err
    assert ran.err.count("\n") == 1, ran.err
    assert ran.err.startswith("error: "), ran.err
    assert ran.err.removesuffix("\n").isprintable(), ran.err
    assert "Traceback" not in ran.err
    assert case.says in ran.err if names_no_field(case) else ran.err.removeprefix("error: ").startswith(case.says)
    said = " ".join(case.arguments)
    assert CANARY not in (ran.out + ran.err).lower() or CANARY in said.lower(), ran.err


def names_no_field(case: CorpusCase) -> bool:
    """What a server refused, and what is said of a command line, may have words before what we look for."""
    return case.code != 2 or case.name.startswith("commands/")


def for_programs(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Ask for a document, right behind the command's name; nothing, where there is no command."""
    words = 2 if arguments[:1] == ("deadletters",) else 1
    return (*arguments[:words], "--json", *arguments[words:]) if len(arguments) >= words else ()


def test_a_file_that_can_not_be_read_is_one_line(target: Target, tmp_path: Path) -> None:
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")

    ran = target.run("place", str(tmp_path / "loop.json"), "--json")

    assert (ran.code, json.loads(ran.out)["exit_code"]) == (2, 2)
    assert "too many levels of symbolic links" in ran.err
    target.check_unchanged()
