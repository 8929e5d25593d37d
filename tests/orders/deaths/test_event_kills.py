"""A worker dies while an order waits: the event finds the order all the same, and the money is booked once."""

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


async def test_a_worker_killed_at_the_waiting_point_changes_nothing(lonely: System) -> None:
    order = transfer_order("killed")
    with worker_process(lonely) as doomed:
        handle = await waiting(lonely, order)
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    # Sent while nobody is there to take it.
    answer = asyncio.create_task(
        handle.execute_update("deliver_event", settled(), id=event_update_id(settled()), result_type=EventAccepted)
    )
    with worker_process(lonely):
        await until(lonely, handle, Status.COMPLETED)
        assert await answer == await deliver(handle, settled())
        result = await result_of(handle)
    assert result
    assert result.status == "completed"
    assert await ledger(lonely, order) == ("charge settle", "settled")
    await assert_conserved(lonely.db)
