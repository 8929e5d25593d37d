"""The Temporal SDK's runtime: its Prometheus metrics, and the forwarding of its log."""

import logging
import os
from functools import cache

from temporalio.client import Client
from temporalio.common import MetricMeter
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
    """Return the runtime of this process; raise InvalidInput when the metrics address can't be used."""
    # By default the SDK's core has a thread for each processor, which mostly wake each other up: Python runs on one.
    os.environ.setdefault("TOKIO_WORKER_THREADS", "1")
    try:
        return Runtime(telemetry=TelemetryConfig(logging=_logging(), metrics=_metrics(settings)))
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInput("ORDERS_METRICS_ADDRESS", f"can't listen on {settings.metrics_address}: {reason}") from None


@cache
def quiet_runtime() -> Runtime:
    """Return the runtime of a command that only calls the server; the command reports a missing answer itself."""
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
    """Return a configuration that forwards the core's log, which the core otherwise writes to stdout."""
    return LoggingConfig(
        filter=TelemetryFilter(core_level=core_level, other_level="ERROR"),
        forwarding=LogForwardingConfig(
            logger=logging.getLogger("temporalio"),
            append_target_to_name=False,
            prepend_target_on_message=False,
        ),
    )


def meter(client: Client) -> MetricMeter:
    """Return the metric meter of a client's runtime."""
    runtime = client.service_client.config.runtime
    return runtime.metric_meter if runtime else MetricMeter.noop
