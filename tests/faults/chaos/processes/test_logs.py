"""The lines that a run reads from its logs: every error, some of each warning, and the ends of processes."""

import json
from pathlib import Path

from tests.faults.chaos.processes.crew import End
from tests.faults.chaos.processes.logs import EXCUSED, OF_A_KIND, read_logs


def line(level: str, event: str, **more: object) -> str:
    return json.dumps({"level": level, "event": event, **more}) + "\n"


def test_errors_are_all_kept_and_warnings_some_of_each(tmp_path: Path) -> None:
    text = line("warning", "attempt failed") * 500 + line("error", "boom", order_id="o-1") * 200 + line("info", "x")
    (tmp_path / "worker-1.log").write_text(text.replace(line("info", "x"), ""))
    kept, counts = read_logs(tmp_path, [])
    assert [entry.level for entry in kept].count("ERROR") == 200
    assert [entry.level for entry in kept].count("WARNING") == OF_A_KIND
    assert counts["WARNING attempt failed {}"] == 500
    assert "o-1" in kept[-1].text


def test_unstructured_output_is_an_error_except_a_failed_start(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log").write_text("error: database: connection refused\nTraceback (most recent call last):\n")
    kept, _ = read_logs(tmp_path, [])
    assert [entry.level for entry in kept] == ["WARNING", "ERROR"]


def test_an_sdk_message_that_a_fault_causes_is_counted_and_excused(tmp_path: Path) -> None:
    (tmp_path / "worker-1.log").write_text(line("error", "Failed", exception=f"x {EXCUSED[0]} detected") * 2)
    kept, counts = read_logs(tmp_path, [])
    assert kept == ()
    assert counts[f"excused: {EXCUSED[0]}"] == 2


def test_a_panic_of_a_server_and_an_unexpected_end_are_errors(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "temporal.log").write_text("all is well\npanic: runtime error\n")
    (tmp_path / "data" / "postgres.log").write_text("FATAL: terminating connection\nPANIC: no space\n")
    kept, _ = read_logs(tmp_path, [End(1.0, "worker-2", -11, expected=False)])
    assert [(entry.source, entry.level) for entry in kept] == [
        ("temporal", "ERROR"),
        ("postgres", "ERROR"),
        ("worker-2", "ERROR"),
    ]
