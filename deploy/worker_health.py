"""Health check of a worker container: exit code 0 while this host's worker polls its task queue, else 1.

python -m deploy.worker_health [QUEUE], by default `orders`. The check prints one line: `healthy`, or the problem.
"""

import argparse
import asyncio
import os
import socket
import time

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from models.names import TASK_QUEUE
from models.participants import QUEUES
from runtime.settings import is_utf8

# A long poll lasts about a minute, so a running worker has started one within this time.
MAX_SECONDS_SINCE_POLL = 120.0
SECONDS_TO_ANSWER = 8.0


async def seconds_since_poll(queue: str = TASK_QUEUE) -> float | None:
    """Return the seconds since this host last polled the task queue, None when the server knows no poller of it."""
    # With the environment itself, the SDK panics at any variable that isn't UTF-8.
    readable = {name: text for name, text in os.environ.items() if is_utf8(name) and is_utf8(text)}
    client = await Client.connect(**ClientConfig.load_client_connect_config(override_env_vars=readable))
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    local = [poller for poller in described.pollers if _is_local(poller)]
    return min((time.time() - poller.last_access_time.seconds for poller in local), default=None)


def _is_local(poller: PollerInfo) -> bool:
    """Return whether a poller's identity ends in this host's name, as the SDK's default identities do."""
    return poller.identity.endswith(f"@{socket.gethostname()}")


async def find_problem(queue: str = TASK_QUEUE) -> str | None:
    """Return the problem in one line, or None when the worker is healthy."""
    try:
        elapsed = await asyncio.wait_for(seconds_since_poll(queue), SECONDS_TO_ANSWER)
    except Exception as error:  # noqa: BLE001 - any error makes the worker unhealthy, with one line
        return f"can't reach Temporal: {type(error).__name__}: {error}".partition("\n")[0]
    if elapsed is None:
        return f"no worker of this host polls the task queue {queue!r}"
    if elapsed > MAX_SECONDS_SINCE_POLL:
        return f"the worker of this host last polled {elapsed:.0f} s ago"
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="worker_health", description="Check that a worker of this host polls.")
    parser.add_argument("queue", nargs="?", default=TASK_QUEUE, choices=QUEUES, help="the task queue")
    problem = asyncio.run(find_problem(parser.parse_args().queue))
    print(problem or "healthy", flush=True)
    # The SDK's threads can crash the interpreter's finalization, which would change the exit code.
    os._exit(1 if problem else 0)
