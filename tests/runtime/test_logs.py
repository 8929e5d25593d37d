"""Log lines: one JSON object per event, with the order's id."""

import json
import logging
import warnings
from collections.abc import Iterator

import pytest
import structlog
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from runtime import logs


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_both_kinds_of_logger_write_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    logging.getLogger("temporalio").warning("slow %s", "poll")
    structlog.get_logger("services").info("charged", amount=5990)

    old, new = lines(capsys)
    assert (old["event"], old["level"], old["logger"]) == ("slow poll", "warning", "temporalio")
    assert (new["event"], new["amount"], new["level"]) == ("charged", 5990, "info")


def test_json_is_the_default_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    logging.getLogger("any").info("logged")

    assert lines(capsys)[0]["event"] == "logged"


def test_a_warning_of_python_is_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("no activity to cancel\nfor this token", stacklevel=1)

    (line,) = lines(capsys)
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "no activity to cancel" in str(line["event"])


def test_the_level_applies_to_both_kinds_of_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")

    logging.getLogger("any").info("no")
    structlog.get_logger("any").info("no")
    structlog.get_logger("any").warning("yes")

    assert [line["event"] for line in lines(capsys)] == ["yes"]


@pytest.mark.parametrize("key", ["temporal_workflow", "temporal_activity"])
def test_temporals_context_becomes_the_order_id(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    logging.getLogger("temporalio").info("step", extra={key: {"workflow_id": "order-o-1", "attempt": 2}})

    assert lines(capsys)[0]["order_id"] == "o-1"


async def test_a_service_without_temporal_logs_the_order_id_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", "json")
    environment = ActivityEnvironment()
    environment.info = ActivityEnvironment.default_info()
    environment.info = type(environment.info)(**{**vars(environment.info), "workflow_id": "order-o-2"})

    async def charge() -> None:
        structlog.get_logger("services.payments").info("charged")
        activity.logger.info("charged")

    await environment.run(charge)

    assert [line["order_id"] for line in lines(capsys)] == ["o-2", "o-2"]


def test_a_bound_order_id_has_precedence(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")

    with structlog.contextvars.bound_contextvars(order_id="o-3"):
        structlog.get_logger("any").info("logged")
        logging.getLogger("any").info("logged")

    assert [line["order_id"] for line in lines(capsys)] == ["o-3", "o-3"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_one_event_is_one_line_with_any_content(form: logs.Format, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", form)

    structlog.get_logger("any").info("a\nb\x1b[31m", city="Lyon\r\nfaked=1")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logging.getLogger("any").exception("failed")

    text = capsys.readouterr().err
    assert text.count("\n") == 2
    assert not any(c in text for c in "\x1b\r")
    assert "ValueError" in text
