"""Bad input: exit code 2, one line that names the field, and no request to any server."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.app import run
from models.intake.documents import BYTES_AT_MOST
from tests.cli.conftest import as_bytes, check_errors, order_document

WHO = ("--actor", "ana", "--reason", "r")
LINE = {"sku": "SKU-1", "quantity": 1}


def line_with(**changes: Any) -> bytes:
    return as_bytes(order_document(lines=[{**LINE, **changes}]))


BAD: dict[str, tuple[bytes, str]] = {
    "quantity 0": (line_with(quantity=0), "lines[0].quantity: "),
    "quantity above 1000": (line_with(quantity=1001), "lines[0].quantity: "),
    "quantity a float": (line_with(quantity=1.0), "lines[0].quantity: "),
    "quantity a text": (line_with(quantity="1"), "lines[0].quantity: "),
    "quantity beyond 64 bits": (line_with(quantity=2**70), "lines[0].quantity: "),
    "no line": (as_bytes(order_document(lines=[])), "lines: "),
    "over 100 lines": (as_bytes(order_document(lines=[{**LINE, "sku": f"S{n}"} for n in range(101)])), "lines: "),
    "the same article twice": (as_bytes(order_document(lines=[LINE, LINE])), "lines[1].sku: "),
    "other currency": (as_bytes(order_document(currency="USD")), "currency: "),
    "bad id": (as_bytes(order_document("../etc/passwd")), "order_id: "),
    "id with a newline": (as_bytes(order_document("o-1\n")), "order_id: "),
    "extra field": (as_bytes(order_document(price=1)), "price: "),
    "float money": (as_bytes(order_document(total=19.99)), "total: "),
    "card number": (as_bytes(order_document(customer_id="4111111111111111")), "customer_id: "),
    "missing field": (as_bytes({"order_id": "o-1"}), "customer_id: "),
    "not JSON": (b"{order_id", "order: is not JSON"),
    "empty": (b"", "order: is not JSON"),
    "not an object": (b"[]", "order: must be a JSON object"),
    "NaN": (b'{"total": NaN}', "order: NaN"),
    "key twice": (b'{"order_id": "a", "order_id": "b"}', "order_id: is given twice"),
    "not UTF-8": (b'{"order_id": "\xff"}', "order: is not UTF-8"),
    "nested too deeply": (b"[" * 100_000, "order: is nested too deeply"),
    "over 256 KB": (b" " * (BYTES_AT_MOST + 1), "order: is over 256 KB"),
}


@pytest.mark.parametrize("given", BAD)
def test_a_bad_order_is_refused_with_one_line_for_each_mistake(
    given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, message = BAD[given]
    (tmp_path / "order.json").write_bytes(document)

    code = run(["place", str(tmp_path / "order.json")])

    out, err = capsys.readouterr()
    assert code == 2
    assert out == ""
    assert err.startswith(f"error: {message}")
    check_errors(err)


def test_a_bad_order_on_stdin_is_refused_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line_with(quantity=0))))

    assert run(["place", "-"]) == 2
    assert "lines[0].quantity" in capsys.readouterr().err


def test_with_json_a_refusal_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "order.json").write_bytes(line_with(quantity=0))

    code = run(["place", str(tmp_path / "order.json"), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert code == document["exit_code"] == 2
    assert document["error"].startswith("lines[0].quantity: ")


@pytest.mark.parametrize("path", ["no/such/file", ".", "/dev/zero", "a\0b"])
def test_a_source_that_is_no_order_is_reported_in_one_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["place", path]) == 2
    assert capsys.readouterr().err.count("\n") == 1


USAGE: dict[str, tuple[list[str], str]] = {
    "no command": ([], "command"),
    "unknown command": (["plaice"], "plaice"),
    "unknown option": (["list", "--stauts", "running"], "--stauts"),
    "missing argument": (["status"], "ID"),
    "missing reason": (["cancel", "o-1"], "--reason"),
    "empty reason": (["cancel", "o-1", "--reason", " "], "--reason: "),
    "reason with a control character": (["cancel", "o-1", "--reason", "a\x1b[2J"], "--reason: "),
    "reason of spaces only": (["resolve", "o-1", "charge", "retry", "--actor", "a", "--reason", " "], "--reason: "),
    "empty actor": (["cancel", "o-1", "--reason", "r", "--actor", ""], "--actor: "),
    "no such verb": (["resolve", "o-1", "charge", "undo", *WHO], "VERB"),
    "empty evidence": (["resolve", "o-1", "charge", "skip", *WHO, "--evidence", ""], "--evidence: "),
    "a request for a retry": (["resolve", "o-1", "charge", "retry", *WHO, "--request", "-"], "--request: "),
    "request not found": (["resolve", "o-1", "charge", "edit", *WHO, "--request", "no/such"], "no/such: "),
    "endless request": (["resolve", "o-1", "charge", "edit", *WHO, "--request", "/dev/zero"], "--request: is over 256"),
    "bad place in a list": (["list", "--status", "needs_attention", "--after", "W10="], "--after: "),
    "no such status": (["list", "--status", "x' OR ExecutionStatus='Running"], "--status"),
    "limit 0": (["list", "--limit", "0"], "--limit"),
    "bad page": (["list", "--after", "%%%"], "--after: "),
    "bad id": (["status", "x' OR '1'='1"], "ID: "),
    "id with a newline": (["history", "o-1\n"], "ID: "),
    "batch of nothing": (["batch", "0"], "N"),
    "no such kind": (["batch", "1", "--mix", "okay=1"], "--mix: "),
    "kind twice": (["batch", "1", "--mix", "ok=1,ok=2"], "--mix: "),
    "no share": (["batch", "1", "--mix", "ok=0"], "--mix: "),
    "negative share": (["batch", "1", "--mix", "ok=-1"], "--mix: "),
    "bad name": (["batch", "1", "--name", "a b"], "--name: "),
    "no such direction": (["resolve-all", "retry", "--step", "charge", "--direction", "und", *WHO], "--direction"),
    "name too long": (["batch", "100", "--name", "n" * 64], "--name: "),
}


@pytest.mark.parametrize("given", USAGE)
def test_bad_usage_is_reported_in_one_line(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = USAGE[given]

    assert run(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


IN_WORDS: dict[str, tuple[list[str], str]] = {
    "too low": (["list", "--limit", "0"], "'--limit': must be at least 1"),
    "too high": (["cancel", "o-1", "--reason", "r", "--wait", "601"], "'--wait': must be at most 600"),
    "no whole number": (["batch", "x"], "'N': must be a whole number"),
    "no number": (["place", "-", "--within", "x"], "'--within': must be a number"),
    "no number of a letter": (["deadletters", "redrive", "x", "--reason", "r"], "'LETTER': must be a whole number"),
    "no status": (["list", "--status", "runing"], "'--status': 'runing' is not one of 'running', "),
}


@pytest.mark.parametrize("given", IN_WORDS)
def test_a_wrong_value_of_an_option_is_reported_in_the_words_of_a_field(
    given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, message = IN_WORDS[given]

    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: Invalid value for {message}")


ALL_WRONG: dict[str, tuple[list[str], list[str]]] = {
    "resolve": (
        ["resolve", "o 1", " ", "skip", "--actor", "", "--reason", " ", "--evidence", ""],
        ["ID", "STEP", "--actor", "--reason", "--evidence"],
    ),
    "cancel": (["cancel", "o 1", "--actor", "", "--reason", " "], ["ID", "--reason", "--actor"]),
    "review": (
        ["review", "s 1", "hold", "--verdict", "approve", "--actor", "", "--reason", " "],
        ["ID", "--actor", "--reason"],
    ),
    "event": (
        ["event", "o 1", "--type", "payment_setled", "--event-id", "e 1", "--payload", "no/such"],
        ["ID", "--type", "--event-id", "no/such"],
    ),
}


@pytest.mark.parametrize("command", ALL_WRONG)
def test_all_mistakes_of_a_command_are_reported_at_once(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, fields = ALL_WRONG[command]

    assert run(arguments) == 2

    err = capsys.readouterr().err
    check_errors(err)
    assert [line.split(": ")[1] for line in err.splitlines()] == fields


@pytest.mark.parametrize("document", [b"[]", b'"text"', b"{", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff"])
def test_a_request_that_is_no_object_is_refused_in_one_line(
    document: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "request.json").write_bytes(document)

    assert run(["resolve", "o-1", "charge", "edit", *WHO, "--request", str(tmp_path / "request.json")]) == 2

    err = capsys.readouterr().err
    assert err.startswith(("error: --request: ", "error: a: is given twice"))
    assert err.count("\n") == 1


COMMANDS = [
    "demo", "up", "place", "watch", "batch", "status", "list", "plan", "cancel", "resolve", "history", "setup",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0

    out, err = capsys.readouterr()
    assert "--json" in out
    assert err == ""


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert set(COMMANDS) <= set(capsys.readouterr().out.split())
