"""Faults by concurrent work: an order for the same articles, a late do that crosses its undo, a reused key."""

import asyncio
import time
from typing import TYPE_CHECKING, Any

from models.activities.inventory import Reservation, ReserveInventory
from models.activities.payments import ChargePayment, ExpectTransfer
from models.activities.shipping import CreateShipment
from models.names import key
from postgres.database import Database
from postgres.pipeline import Connection
from services.inventory.inventory import Inventory
from tests.faults.injection.injecting import SECONDS_BETWEEN_LOOKS, Rule
from tests.services.shop import AnyProcess

if TYPE_CHECKING:
    from tests.faults.injection.attempts import Attempt

# Shorter than a statement's lock timeout: a worker that is blocked for so long is blocked by its own statement.
SECONDS_TO_STAND_STILL = 2.5

_WAITING = b"""
with recursive waiting as (
  select pid from pg_stat_activity where %(pid)s = any(pg_blocking_pids(pid))
  union
  select other.pid from pg_stat_activity as other join waiting on waiting.pid = any(pg_blocking_pids(other.pid))
)
select count(*) from waiting
"""
_ANSWER = b"select answer::text from inventory.receipts where key = %(key)s"
_LAST_ARTICLE = b"select from inventory.stock where sku = %(sku)s for update"


async def waiting(database: Database, connection: Connection) -> int:
    """Return how many sessions wait, directly or indirectly, for a lock of this session."""
    ((count,),) = await Database.rows(database, _WAITING, {"pid": connection.info.backend_pid})
    return int(count)


async def rival(attempt: "Attempt", rule: Rule, connection: Connection | None) -> None:
    """Keep the locks until another order waits for them; record how long this process was blocked meanwhile."""
    assert connection is not None
    still, before = 0.0, time.monotonic()
    try:
        while still < SECONDS_TO_STAND_STILL and not await waiting(attempt.database, connection):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            still, before = max(still, time.monotonic() - before), time.monotonic()
    finally:  # on a busy machine the attempt may time out before the other order comes
        attempt.notes.first(rule.name, "ended", late="answer", still=still)


async def cross(attempt: "Attempt", rule: Rule, _connection: Connection | None) -> None:
    """Repeat the do right before its undo, while another session holds the last article of the order."""
    again, waits = key(rule.order_id, "reserve"), asyncio.Event()
    ((answer,),) = await Database.rows(attempt.database, _ANSWER, {"key": again})
    lines = Reservation.model_validate_json(answer).lines
    request = ReserveInventory(key=again, order_id=rule.order_id, lines=lines)
    attempt.beside(rule, asyncio.create_task(_crossed(attempt.database, request, waits)))
    await waits.wait()


async def _crossed(database: Database, request: ReserveInventory, waits: asyncio.Event) -> Reservation:
    try:
        async with Database.transaction(database) as blocker:
            await Database.rows(database, _LAST_ARTICLE, {"sku": request.lines[-1].sku}, blocker)
            late = asyncio.create_task(Inventory(database, AnyProcess()).reserve(request))
            # First the do waits for the article, then the undo for the do: or each for the other in a deadlock.
            while not late.done() and (count := await waiting(database, blocker)) < 2:
                if count:
                    waits.set()
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        return await late
    finally:
        waits.set()


def reused(request: Any) -> Any:
    """Return a different request with the same key; raise TypeError for an unknown request type."""
    if isinstance(request, ReserveInventory):
        first, *others = request.lines
        more = first.model_copy(update={"quantity": first.quantity + 1})
        return request.model_copy(update={"lines": (more, *others)})
    if isinstance(request, ChargePayment | ExpectTransfer):
        more_money = request.amount.model_copy(update={"amount": request.amount.amount + 1})
        return request.model_copy(update={"amount": more_money})
    if isinstance(request, CreateShipment):
        elsewhere = request.ship_to.model_copy(update={"postcode": "69009"})
        return request.model_copy(update={"ship_to": elsewhere})
    raise TypeError(f"{type(request).__name__}: no different request can be made of this type")
