"""Logs on stderr: one line per event, with the order's id; JSON unless stderr is a terminal."""

import asyncio
import logging
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

ORDER_PREFIX = "order-"
Format = Literal["json", "console"]


def configure(level: str = "info", form: Format | None = None) -> None:
    """Send structlog and the standard library's logging through one chain to stderr; a repeated call replaces it."""
    chosen = form or ("console" if sys.stderr.isatty() else "json")
    # Without these, the SDK appends its whole context to each message; the order's id is enough.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_shared()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_ending(chosen)],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Otherwise Python's warnings would be written to stderr without this format.
    logging.captureWarnings(True)
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        cache_logger_on_first_use=False,
    )


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_order_id,
        shorten_failed_attempt,
        structlog.processors.format_exc_info,
    ]


def shorten_failed_attempt(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the traceback of an ApplicationError or a cancellation by one line; other errors keep theirs."""
    error = sys.exc_info()[1] if event.get("exc_info") is True else event.get("exc_info")
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, ApplicationError):
        event.update(event="attempt failed", error=f"{error.type}: {error.message}", exc_info=None)
    elif isinstance(error, asyncio.CancelledError):
        event.update(event="attempt ended", error="cancelled or timed out", exc_info=None)
    return event


def _ending(form: Format) -> list[Processor]:
    if form == "json":
        return [structlog.processors.JSONRenderer(default=str)]
    return [escape_controls, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), repr_native_str=False)]


def add_order_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the id of the order that the current workflow or activity belongs to, and drop Temporal's context."""
    contexts = [event.pop("temporal_activity", None), event.pop("temporal_workflow", None)]
    event.pop("temporal_log", None)
    event.pop("__temporal_error_identifier", None)
    if "order_id" not in event:
        found = next((c["workflow_id"] for c in contexts if c and c.get("workflow_id")), None)
        workflow_id = found or _current_workflow_id()
        if workflow_id and workflow_id.startswith(ORDER_PREFIX):
            event["order_id"] = workflow_id.removeprefix(ORDER_PREFIX)
    for context in contexts:
        if context and "activity_type" in context:
            event.setdefault("activity", context["activity_type"])
            event.setdefault("attempt", context.get("attempt"))
    return event


def _current_workflow_id() -> str | None:
    """Return the id of the current workflow, for log lines of services, which don't know Temporal."""
    if activity.in_activity():
        return activity.info().workflow_id
    return workflow.info().workflow_id if workflow.in_workflow() else None


def escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters, so that an event stays on one line and can't control the terminal."""
    # The renderer would print a field named `exception` as a traceback of many lines.
    event = {"error" if name == "exception" else name: value for name, value in event.items()}
    return {name: _escaped(value) for name, value in event.items()}


def _escaped(value: object) -> object:
    if isinstance(value, bool | int | float | None):
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
