"""The metrics endpoint."""

import socket
import urllib.request

import pytest

from models.errors import InvalidInput
from runtime.connection import connect
from runtime.embedded.ports import free_port
from runtime.embedded.stack import Stack
from runtime.metrics import build_runtime
from runtime.settings import Settings


async def test_metrics_are_served_at_the_address_of_the_setting(running_settings: Settings, stack: Stack) -> None:
    address = f"127.0.0.1:{free_port()}"
    runtime = build_runtime(running_settings.model_copy(update={"metrics_address": address}))
    client = await connect(running_settings, runtime=runtime)
    await client.count_workflows()

    with urllib.request.urlopen(f"http://{address}/metrics") as answer:  # noqa: ASYNC210
        page = answer.read().decode()

    assert "temporal_request" in page


def test_a_taken_address_is_named_in_one_line(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(InvalidInput, match=f"ORDERS_METRICS_ADDRESS.*{address}") as caught:
            build_runtime(settings.model_copy(update={"metrics_address": address}))

    assert "\n" not in str(caught.value)
