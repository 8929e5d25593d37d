"""A worker dies while an order waits: the order still receives the event, and the transfer is booked once."""

import asyncio
import signal

import pytest

from client.commands import deliver, event_update_id
from models.external_events import EventAccepted
from models.process import Status
from tests.conservation import assert_conserved
from tests.orders.deaths.test_kills import worker_process
from tests.orders.waiting.transfers import ledger, settled, transfer_order, until, waiting
from tests.systems import System, result_of

pytestmark = [pytest.mark.server, pytest.mark.faults, pytest.mark.timeout(120)]


async def test_an_order_whose_worker_was_killed_while_it_waits_receives_its_event(idle_system: System) -> None:
    order = transfer_order("killed")
    with worker_process(idle_system) as doomed:
        handle = await waiting(idle_system, order)
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    # Sent while no worker runs.
    answer = asyncio.create_task(
        handle.execute_update("deliver_event", settled(), id=event_update_id(settled()), result_type=EventAccepted)
    )
    with worker_process(idle_system):
        await until(idle_system, handle, Status.COMPLETED)
        assert await answer == await deliver(handle, settled())
        result = await result_of(handle)
    assert result
    assert result.status == "completed"
    assert await ledger(idle_system, order) == ("charge settle", "settled")
    await assert_conserved(idle_system.db)
