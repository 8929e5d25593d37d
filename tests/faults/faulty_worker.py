"""A worker process of the product's own parts; its activities, statements and relay meet the faults of a plan.

python -m tests.faults.faulty_worker FOLDER ROLE, where FOLDER holds the files of `prepare`. The role `worker` serves
the product's task queue, `relay` publishes events, and `watcher` watches for stalled processes. With services apart, a
process of the role `worker` has a worker for each service, and `relay` a relay.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

import worker
from choreography.assembly import Choreography
from choreography.background import Task, _forever
from models.names import TASK_QUEUE
from models.participants import OWNERS, SERVICES, Owner
from runtime import logs
from runtime.connection import connect
from runtime.embedded.processes import PR_SET_PDEATHSIG
from runtime.loop import loop_factory
from runtime.process import leave
from runtime.settings import Settings
from services.databases import Databases
from tests.faults.injection.apart import OwnQueues, of_the_orders, relays_apart, working_apart
from tests.faults.injection.attempts import CURRENT
from tests.faults.injection.hooks import Faults, RelayRound
from tests.faults.injection.injecting import FaultPlan, Notes
from tests.faults.injection.sql import FaultyDatabase
from tests.systems import System

PLAN, PLACES = "plan.json", "places.json"


@dataclass(frozen=True)
class Part:
    """The part of a process: its role, and for a worker its task queue and number of concurrent activities."""

    role: str = "worker"
    queue: str = TASK_QUEUE
    activities: int = 100
    connections: int = 4


def prepare(folder: Path, plan: FaultPlan, system: System) -> None:
    """Write the fault plan and the servers' addresses for the processes of a run."""
    plan.write(folder / PLAN)
    places = {
        "urls": {owner: system.urls.of(owner) for owner in OWNERS},
        "temporal_address": system.stack.temporal_address,
        "namespace": system.client.namespace,
    }
    (folder / PLACES).write_text(json.dumps(places))


def serve(folder: Path, part: Part, log: Path | None = None) -> None:
    """Run the part until SIGTERM in the current process, which dies with its parent."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    for name in [name for name in os.environ if name.startswith(("TEMPORAL_", "ORDERS_", "DATABASE_"))]:
        del os.environ[name]
    if log is not None:
        with log.open("ab") as sink:
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
    logs.configure("warning", "json")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(folder, part))
    leave(0)


async def _serve(folder: Path, part: Part) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    places = json.loads((folder / PLACES).read_text())
    urls: dict[Owner, str] = places["urls"]
    settings = Settings(max_activities=part.activities, database_pool=part.connections, drain_seconds=1)
    async with _opened(urls, part.connections) as databases:
        if not databases.together:
            settings = settings.model_copy(update={"apart": SERVICES})
        faults = Faults(FaultPlan.read(folder / PLAN), Notes(folder), databases)
        plain = await connect(settings, address=places["temporal_address"])
        client = Client(
            plain.service_client,
            namespace=places["namespace"],
            data_converter=plain.data_converter,
            interceptors=[faults, OwnQueues(part.queue)],
        )
        here = Here(client, databases, urls, settings, faults)
        if part.role == "worker":
            async with _working(here, part.queue):
                await stop.wait()
        else:
            await _choreograph(here, part.role, stop)


@asynccontextmanager
async def _opened(urls: Mapping[Owner, str], size: int) -> AsyncIterator[Databases]:
    async with AsyncExitStack() as stack:
        found = {}
        for url in dict.fromkeys(urls.values()):
            found[url] = await stack.enter_async_context(await FaultyDatabase.open(url, size=size))
        yield Databases(**{owner: found[url] for owner, url in urls.items()})


@dataclass(frozen=True)
class Here:
    """What a process has: its client, databases and settings, and the faults."""

    client: Client
    databases: Databases
    urls: Mapping[Owner, str]
    settings: Settings
    faults: Faults


def _working(here: Here, queue: str) -> AbstractAsyncContextManager[object]:
    # The product's own worker on another queue: the death of an order's worker must not affect other orders.
    vars(worker)["TASK_QUEUE"] = queue
    if not here.databases.together:
        return working_apart(here.client, here.databases, here.urls, here.settings, queue)
    return worker.build(here.client, worker.services_on(here.databases, here.settings), here.settings)


async def _choreograph(here: Here, role: str, stop: asyncio.Event) -> None:
    works = [asyncio.create_task(_with_faults(here, task, role)) for task in _tasks(here, role)]
    await stop.wait()
    for work in works:
        work.cancel()
    await asyncio.wait(works)


def _tasks(here: Here, role: str) -> list[Task]:
    if here.databases.together:
        choreography = Choreography(here.client, worker.services_on(here.databases, Settings()))
        return [choreography.relay(here.urls["orders"]).run if role == "relay" else choreography.watcher.run]
    if role == "relay":
        return relays_apart(here.client, here.databases, here.urls, here.settings)
    return [Choreography(here.client, of_the_orders(here.databases, here.settings), SERVICES).watcher.run]


async def _with_faults(here: Here, task: Task, role: str) -> None:
    if role == "relay":
        CURRENT.set(RelayRound(here.faults))
    await _forever(task)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Part(role=sys.argv[2]))
