"""Temporal's own runtime: its metrics for Prometheus, its log among ours."""

import logging
from functools import cache

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from models.errors import InvalidInput
from runtime.settings import Settings


def build_runtime(settings: Settings) -> Runtime:
    """Return the runtime of this process; raise InvalidInput when the address for metrics can't be used."""
    try:
        return Runtime(telemetry=TelemetryConfig(logging=_logging(), metrics=_metrics(settings)))
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInput("ORDERS_METRICS_ADDRESS", f"can't listen on {settings.metrics_address}: {reason}") from None


@cache
def quiet_runtime() -> Runtime:
    """Return the runtime of whoever only asks: an answer that doesn't come is told by the command, in its words."""
    return Runtime(telemetry=TelemetryConfig(logging=_logging(core_level="ERROR")))


def _metrics(settings: Settings) -> PrometheusConfig | None:
    if settings.metrics_address is None:
        return None
    return PrometheusConfig(
        bind_address=settings.metrics_address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
    )


def _logging(core_level: str = "WARN") -> LoggingConfig:
    """Core writes to stdout by itself unless told otherwise, and not in our format."""
    return LoggingConfig(
        filter=TelemetryFilter(core_level=core_level, other_level="ERROR"),
        forwarding=LogForwardingConfig(
            logger=logging.getLogger("temporalio"),
            append_target_to_name=False,
            prepend_target_on_message=False,
        ),
    )
