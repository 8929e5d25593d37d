"""A worker process of the product's own parts; its activities, statements and relay meet the faults of a plan.

python -m tests.faults.faulty_worker FOLDER ROLE, where FOLDER holds the files of `prepare`. The role `worker` serves
the product's task queue, `relay` publishes events, and `watcher` watches for stalled processes.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

import worker
from choreography.assembly import Choreography
from choreography.background import _forever
from models.names import TASK_QUEUE
from runtime import logs
from runtime.connection import connect
from runtime.embedded.processes import PR_SET_PDEATHSIG
from runtime.loop import loop_factory
from runtime.process import leave
from runtime.settings import Settings
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
        "database_url": system.stack.database_url,
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
    settings = Settings(max_activities=part.activities, database_pool=part.connections, drain_seconds=1)
    async with await FaultyDatabase.open(places["database_url"], size=part.connections) as database:
        faults = Faults(FaultPlan.read(folder / PLAN), Notes(folder), database)
        plain = await connect(settings, address=places["temporal_address"])
        client = Client(
            plain.service_client,
            namespace=places["namespace"],
            data_converter=plain.data_converter,
            interceptors=[faults],
        )
        if part.role == "worker":
            await _work(client, database, settings, part.queue, stop)
        else:
            await _choreograph(client, database, places["database_url"], faults, part.role, stop)


async def _work(client: Client, database: FaultyDatabase, settings: Settings, queue: str, stop: asyncio.Event) -> None:
    # The product's own worker on another queue: the death of an order's worker must not affect other orders.
    vars(worker)["TASK_QUEUE"] = queue
    async with worker.build(client, worker.services_on(database, settings), settings):
        await stop.wait()


async def _choreograph(
    client: Client, database: FaultyDatabase, url: str, faults: Faults, role: str, stop: asyncio.Event
) -> None:
    choreography = Choreography(client, worker.services_on(database, Settings()))
    relay, watcher = choreography.relay(url), choreography.watcher
    if role == "relay":
        CURRENT.set(RelayRound(faults))
    work = asyncio.create_task(_forever(relay.run if role == "relay" else watcher.run))
    await stop.wait()
    work.cancel()
    await asyncio.wait([work])


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Part(role=sys.argv[2]))
