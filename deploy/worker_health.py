"""Health check of a worker container: exit 0 while this host's worker polls its queue, else 1 and one line."""

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

# A long poll lasts about a minute; a worker that is alive has started one since.
SILENT_AT_MOST = 120.0
ANSWER_WITHIN = 8.0


async def seconds_since_poll() -> float | None:
    """Return how long ago this host polled the task queue, or None when the server knows no poller of this host."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    ours = [poller for poller in described.pollers if _is_here(poller)]
    return min((time.time() - poller.last_access_time.seconds for poller in ours), default=None)


def _is_here(poller: PollerInfo) -> bool:
    """Return whether a poller's identity ends in this host's name, as the SDK's own identities do."""
    return poller.identity.endswith(f"@{socket.gethostname()}")


async def complaint() -> str | None:
    """Return what is wrong in one line, or None when the worker is well."""
    try:
        silent = await asyncio.wait_for(seconds_since_poll(), ANSWER_WITHIN)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is one line and "unhealthy"
        return f"can't ask Temporal: {type(error).__name__}: {error}".partition("\n")[0]
    if silent is None:
        return f"no worker of this host polls the task queue {TASK_QUEUE!r}"
    if silent > SILENT_AT_MOST:
        return f"the worker of this host last polled {silent:.0f} s ago"
    return None


if __name__ == "__main__":
    problem = asyncio.run(complaint())
    print(problem or "healthy", flush=True)
    # The SDK's threads may outlive the interpreter's own end; the exit code must be ours all the same.
    os._exit(1 if problem else 0)
