"""What commands print: times in one format, rows that stay whole where no terminal wraps them."""

import json
from datetime import UTC, datetime

import pytest

from cli.orders.status import _shown
from cli.output import Output
from cli.render import table
from client.diagnosis.findings import Cause, StuckProcess
from client.status import ProcessStatus
from models.moments import moment
from models.names import ProcessKind, ProcessName

NOON = datetime(2026, 11, 30, 12, 0, 0, 5, tzinfo=UTC)


def test_times_have_one_format_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    model = StuckProcess(process_id="order-o-1", cause=Cause.GONE, detail="", help="", since=NOON)

    Output(as_document=True).answer({"plain": {"at": NOON}, "model": model})

    document = json.loads(capsys.readouterr().out)
    assert document["plain"]["at"] == document["model"]["since"]


def test_without_a_terminal_a_row_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    order_id, rows = "o-" + "x" * 62, table("order", "status", "started", "took", "at risk")
    rows.add_row(order_id, "needs_attention", moment(NOON), "0.12 s", "49.70")

    Output().answer({}, rows)

    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]] == [[order_id, "needs_attention"]]


def test_an_order_that_ended_long_ago_is_not_called_gone() -> None:
    ended = ProcessStatus(order_id="o-1", status="completed", created_at=NOON, closed_at=NOON)

    (head, *_) = _shown(ProcessName(ProcessKind.ORDER, "o-1"), ended)

    assert "gone" not in str(head)
    assert "history" in str(head)
